"""How near to a value an answer may be."""

from __future__ import annotations

from fractions import Fraction

import pytest

from midb.detectors.content.results.problems import CIRCLE_SLACK, ComputedTask


@pytest.mark.parametrize(
    ("value", "answer", "places", "accepted"),
    [
        ("57", "57", 0, True),
        ("57", "58", 0, False),
        ("57", "57.1", 1, False),  # a whole number is not rounded
        ("28.153846", "28.15", 2, True),
        ("28.153846", "28.16", 2, True),  # rounded up, or computed in steps
        ("28.153846", "28.308", 3, False),
        ("28.153846", "28", 0, True),
        ("28.153846", "30", 0, False),
        ("8.5", "9", 0, True),
        ("8.5", "8.4", 1, False),
    ],
)
def test_answers_near_a_value(value: str, answer: str, places: int, accepted: bool) -> None:
    assert ComputedTask("it", (Fraction(value),), ()).accepts(Fraction(answer), places) is accepted


def test_some_values_are_never_rounded_to_a_whole_number() -> None:
    assert not ComputedTask("the median", (Fraction("8.5"),), (), whole=False).accepts(Fraction(9), 0)


def test_a_constant_may_have_been_rounded() -> None:
    circle = ComputedTask("the circumference", (Fraction("62.83185"),), (), slack=CIRCLE_SLACK)
    assert circle.accepts(Fraction("62.8"), 1)
    assert not circle.accepts(Fraction("63.4"), 1)
