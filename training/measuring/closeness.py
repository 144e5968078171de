"""How close two texts are: chrF, by sacrebleu where it is installed, and the edit distance."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable

from rapidfuzz.distance import Levenshtein

#: What installs sacrebleu.
EXTRA = "measure"


def measure_distance(text: str, target: str) -> float:
    """Levenshtein's distance in characters, for each character of the target.

    >>> measure_distance("Hallo Welt", "Hallo, Welt"), measure_distance("", "")
    (0.09090909090909091, 0.0)
    """
    return Levenshtein.distance(text, target) / max(len(target), 1)


@functools.cache
def find_chrf() -> Callable[[str, str], float] | None:
    """What computes the chrF (Popović, 2015) of a text against a target, 0 to 100; None where sacrebleu is missing."""
    if importlib.util.find_spec("sacrebleu") is None:
        return None
    metric = importlib.import_module("sacrebleu.metrics").CHRF()
    return lambda text, target: float(metric.sentence_score(text, [target]).score)
