"""What was measured of the kinds in each language: how many injected defects they find, how many findings are right.

The figures lie in measured.json, which bench/detectors writes. A kind whose findings, or whose repairs, are wrong too
often in a language is not looked for there. One that finds too few is: what it finds is right all the same.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from importlib.resources import files

#: Of a kind's findings that people read, this share is to be right.
PRECISION_AIM = 0.95
#: Of its repairs, this share.
EDIT_AIM = 0.995
#: Of the defects that were injected, this share is to be found.
RECALL_AIM = 0.95
#: Of so few findings nobody can say that too many are wrong.
_LEAST_JUDGED = 10
#: A single wrong one among them may be chance.
_LEAST_WRONG = 2

#: Of a normal distribution, for an interval that holds the true share in 95 of 100 cases.
_Z = 1.959964


def wilson(right: int, of: int) -> tuple[float, float]:
    """The interval (Wilson) of a share of which ``right`` of ``of`` were seen; everything where none was.

    >>> [round(bound, 3) for bound in wilson(30, 30)], wilson(0, 0)
    ([0.886, 1.0], (0.0, 1.0))
    """
    if not of:
        return 0.0, 1.0
    share, square = right / of, _Z * _Z
    middle = share + square / (2 * of)
    reach = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, (middle - reach) / (1 + square / of)), min(1.0, (middle + reach) / (1 + square / of))


@dataclass(frozen=True)
class KindFigures:
    """One kind in one language: findings judged, those of them that are right, defects injected, those found.

    ``repairs`` are the judged findings that came with a repair, ``mended`` those of them whose repair is right.
    """

    judged: int = 0
    right: int = 0
    injected: int = 0
    found: int = 0
    repairs: int = 0
    mended: int = 0

    @property
    def reason(self) -> str | None:
        """Why the kind is not looked for in the language, ``None`` where nothing speaks against it.

        >>> KindFigures(judged=30, right=27).reason
        'of 30 findings that people read 27 were right, which is 90 %; the aim is 95 %'
        >>> KindFigures(judged=30, right=29).reason
        >>> KindFigures(judged=30, right=29, repairs=20, mended=19).reason
        'of 20 repairs that people read 19 were right, which is 95.0 %; the aim is 99.5 %'
        """
        if self.mended < EDIT_AIM * self.repairs:  # one wrong repair of a few is one too many
            share, aim = (f"{100 * value:.1f} %" for value in (self.mended / self.repairs, EDIT_AIM))
            read = f"of {self.repairs} repairs that people read {self.mended} were right"
            return f"{read}, which is {share}; the aim is {aim}"
        if self.judged - self.right < _LEAST_WRONG:
            return None
        if self.judged < _LEAST_JUDGED or self.right >= PRECISION_AIM * self.judged:
            return None
        share, aim = f"{self.right / self.judged:.0%}", f"{PRECISION_AIM:.0%}"
        told = f"of {self.judged} findings that people read {self.right} were right, which is {share}; the aim is {aim}"
        return told.replace("%", " %")

    def describe(self) -> str:
        """The figures in words; empty where nothing was measured.

        >>> KindFigures(30, 30, 20, 18).describe()
        'of 30 findings read 30 right; of 20 injected defects 18 found, below the aim of 95 %'
        """
        parts = []
        if self.judged:
            parts.append(f"of {self.judged} findings read {self.right} right")
        if self.repairs:
            parts.append(f"of {self.repairs} repairs read {self.mended} right")
        if self.injected:
            below = ", below the aim of 95 %" if self.found < RECALL_AIM * self.injected else ""
            parts.append(f"of {self.injected} injected defects {self.found} found{below}")
        return "; ".join(parts)


@functools.cache
def figures() -> dict[str, dict[str, dict[str, list[int]]]]:
    """Everything that was measured: measurement, kind, language, counts."""
    found: dict[str, dict[str, dict[str, list[int]]]] = json.loads(
        (files("midb.locales") / "measured.json").read_text(encoding="utf-8")
    )
    return found


def total(measurement: str, kind: str) -> tuple[int, int]:
    """A measurement of a kind in all languages together: how many were right, or found, of how many."""
    counts = figures().get(measurement, {}).get(kind, {}).values()
    return sum(count[0] for count in counts), sum(count[1] for count in counts)


def measured(kind: str, language: str) -> KindFigures:
    """The figures of one kind in one language."""
    right, judged = figures().get("precision", {}).get(kind, {}).get(language, (0, 0))
    mended, repairs = figures().get("edits", {}).get(kind, {}).get(language, (0, 0))
    found, injected = figures().get("recall", {}).get(kind, {}).get(language, (0, 0))
    return KindFigures(judged, right, injected, found, repairs, mended)


def find_measured_reasons(language: str) -> dict[str, str]:
    """Every kind that errs too often in a language, with the reason."""
    return {
        kind: reason
        for kind in sorted({*figures().get("precision", {}), *figures().get("edits", {})})
        if (reason := measured(kind, language).reason) is not None
    }
