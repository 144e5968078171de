"""Injectors: real defects, put into clean pairs at known places, so that a checker can be measured.

An injector is written from how its defects arise, and never asks the detector of its kind: a checker that judged its
own examples would find them all. What was there before is known, so that an exact repair can be told from another.
"""

from __future__ import annotations

import functools
from random import Random

from midb.injectors import answers, encodings, leftovers, letters, literals, marks, markup, numbers, tasks
from midb.injectors.base import CleanPair, Expectation, Injection, Injector

__all__ = ["CleanPair", "Expectation", "Injection", "Injector", "inject", "injectors"]

_MODULES = (answers, encodings, leftovers, letters, literals, markup, marks, numbers, tasks)


@functools.cache
def injectors() -> dict[str, Injector]:
    """Every injector by the kind of its defects, in alphabetical order."""
    found = [injector for module in _MODULES for injector in module.INJECTORS]
    return {injector.kind: injector for injector in sorted(found, key=lambda injector: injector.kind)}


def inject(kind: str, clean: CleanPair, seed: object, *, typography: bool = True) -> Injection | None:
    """A defect of one kind in a clean pair; the same seed gives the same. ``None`` where the pair has no place for one.

    Without ``typography`` nothing is injected that offends only against a convention of print. Raises KeyError for a
    kind without an injector.
    """
    return injectors()[kind].inject(clean, Random(f"{seed} {kind}"), typography=typography)
