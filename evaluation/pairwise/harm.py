"""Is any language worse? Two questions for each, with Holm's correction for asking so many times (Holm, 1979).

That no harm was shown is no proof of none: whether a language is shown not to be worse, by more than a margin, is asked
by itself.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

#: A test errs in this share of cases where its hypothesis is true; all tests of a question together do.
LEVEL = 0.05

#: The net win that a language may lack before it counts as worse, unless another is asked for.
MARGIN = 0.05

#: How often a test is to find what is there, where the pairs that it needs are reckoned.
_POWER = 0.8

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class HarmTest:
    """What there is to say of one language.

    :param p_worse: of what was seen if the language were not worse; ``worse``: that is too unlikely, corrected.
    :param p_not_worse: of what was seen if it were worse by the margin; ``not_worse``: that is too unlikely, corrected.
    :param needed: judged rows that showing the latter takes, if the truth is what was seen; None where none would do.
    """

    p_worse: float
    p_not_worse: float
    worse: bool = False
    not_worse: bool = False
    needed: int | None = None


def compare_languages(
    outcomes: Mapping[str, Sequence[tuple[Hashable, int]]], margin: float = MARGIN
) -> dict[str, HarmTest]:
    """Test each language by its outcomes (row, and 1, 0 or -1), corrected for all that are tested.

    A row's outcomes count as one observation. One row won and one lost, of the usual size, are added, so that a few
    that agree prove nothing.
    """
    found = {language: _measure(own) for language, own in outcomes.items()}
    raw = {
        language: (_NORMAL.cdf(mean / error), 1 - _NORMAL.cdf((mean + margin) / error), mean, error, rows)
        for language, (mean, error, rows) in found.items()
    }
    worse = correct({language: values[0] for language, values in raw.items()})
    not_worse = correct({language: values[1] for language, values in raw.items()})
    return {
        language: HarmTest(
            p_worse=worse[language],
            p_not_worse=not_worse[language],
            worse=worse[language] < LEVEL,
            not_worse=not_worse[language] < LEVEL,
            needed=_reckon_needed(mean, error, rows, margin),
        )
        for language, (_, _, mean, error, rows) in raw.items()
    }


def _measure(outcomes: Sequence[tuple[Hashable, int]]) -> tuple[float, float, int]:
    """The mean, its standard error, and the number of rows."""
    sums: defaultdict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    for row, outcome in outcomes:
        sums[row][0] += outcome
        sums[row][1] += 1
    usual = len(outcomes) / len(sums)
    clusters = [*((float(total), float(of)) for total, of in sums.values()), (usual, usual), (-usual, usual)]
    count = sum(of for _, of in clusters)
    mean = sum(total for total, _ in clusters) / count
    squares = sum((total - mean * of) ** 2 for total, of in clusters)
    return mean, math.sqrt(squares * len(clusters) / (len(clusters) - 1)) / count, len(sums)


def _reckon_needed(mean: float, error: float, rows: int, margin: float) -> int | None:
    if mean + margin <= 0:
        return None
    reach = _NORMAL.inv_cdf(1 - LEVEL) + _NORMAL.inv_cdf(_POWER)
    return math.ceil(rows * (reach * error / (mean + margin)) ** 2)


def correct(values: Mapping[str, float]) -> dict[str, float]:
    """Probabilities corrected for their number, by Holm's method.

    >>> correct({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    corrected: dict[str, float] = {}
    least = 0.0
    for number, name in enumerate(sorted(values, key=lambda name: values[name])):
        least = max(least, min(1.0, values[name] * (len(values) - number)))
        corrected[name] = round(least, 10)
    return corrected
