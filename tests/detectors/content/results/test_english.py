"""English tasks in a normal form."""

from __future__ import annotations

import pytest

from midb.detectors.content.results.english import hide_exponents, normalise


@pytest.mark.parametrize(
    ("instruction", "given", "text"),
    [
        ("Calculate the sum of 3, 17, and 37", "", "sum 3 17 37"),
        ("Find the GCF of 12 and 18.", "12 & 18", "largest common divisor 12 18"),
        ("Add two numbers.", "45 + 86", "sum | 45 + 86"),
        ("Add two to the number", "5", "sum 2 to | 5"),
        ("Compute the average.", "- 4\n- 9", "mean | 4 9"),
        ("Find the mean of -4, 9 and 8 - 3.", "", "mean -4 9 8 - 3"),
        ("Add 1,250 and 2,3", "", "sum 1250 2 3"),
        ("Find the area in m2", "Base: 10m", "area m | base 10 m"),
        ("Find the square root of 156.", "<no input>", "square root 156"),
        ("Calculate roughly the sum of 3 and 4", "", "roughly sum 3 4"),
    ],
)
def test_normal_form(instruction: str, given: str, text: str) -> None:
    assert normalise(instruction, given).text == text


def test_number_words_are_remembered() -> None:
    task = normalise("Add two to the number", "5")
    assert [int(number) for number in task.numbers] == [2, 5]
    assert [int(number) for number in task.counts] == [2]


def test_exponents_keep_the_length() -> None:
    assert hide_exponents("54 cm2, 3 m^2, 2 m²") == "54 cm , 3 m  , 2 m "
    assert hide_exponents("3 m 2.5") == "3 m 2.5"
