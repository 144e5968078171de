"""Tasks about numbers alone."""

from __future__ import annotations

from fractions import Fraction

import pytest

from midb.detectors.content.results.english import normalise
from midb.detectors.content.results.problems import ComputedTask
from midb.detectors.content.results.sums import read_expression, read_sum


def read(instruction: str, given: str = "") -> ComputedTask | None:
    return read_sum(normalise(instruction, given), instruction, given)


@pytest.mark.parametrize(
    ("instruction", "given", "value"),
    [
        ("Calculate the sum of the array", "Array: [2, 4, 6]", "12"),
        ("Multiply 4 and 7.", "", "28"),
        ("What is the average of 3, 4 and 6?", "", "13/3"),
        ("Find the median of the set of numbers {4, 10, 8, 12}.", "", "9"),
        ("Find the mode of the numbers", "2, 5, 5", "5"),
        ("Find the range of the data set", "2, 5, 9", "7"),
        ("Find the largest number in the list.", "3, 11, 5", "11"),
        ("What is the lowest number?", "3, -11, 5", "-11"),
        ("Find the greatest common divisor of the list.", "288, 320", "32"),
        ("Find the LCM of 4 and 6", "", "12"),
        ("Subtract the smallest number from the largest one.", "1, 4, 10", "9"),
        ("Divide 19 by 4.", "", "19/4"),
        ('Subtract "83" from "140".', "", "57"),
        ("Add two to the number", "5", "7"),
        ("Multiply the number by 3", "14", "42"),
        ("What is 15% of 60?", "", "9"),
        ("Compute the exponential of 6 to the 3rd power", "", "216"),
        ("Calculate the total cost of 5 items if each item costs $10.", "", "50"),
        ("Find the sum of the numbers from 1 to 10.", "", "55"),
        ("Find the sum of the first 50 odd numbers.", "", "2500"),
        ("Calculate the sum of all the digits in the given number.", "18047", "20"),
        ("Evaluate the following arithmetic expression: 8 + 10 * 2", "", "28"),
        ("Find the minimum value of 132 - 5*3", "", "117"),
    ],
)
def test_values(instruction: str, given: str, value: str) -> None:
    problem = read(instruction, given)
    assert problem is not None
    assert problem.values[0] == Fraction(value)


def test_a_root_has_many_digits() -> None:
    problem = read("Find the square root of 156.")
    assert problem is not None
    assert float(problem.values[0]) == pytest.approx(156**0.5)


@pytest.mark.parametrize(
    ("instruction", "given"),
    [
        ("Calculate the approximate sum of 3 and 4", ""),
        ("Find the mode", "1, 1, 2, 2"),
        ("Find the LCM", "1.5, 2"),
        ("Solve the equation", "2x + 5 = 7"),
        ("Divide 5 by 0", ""),
        ("Compute the expression", "3 + 4\n5 + 6"),
        ("Compute the expression 3 + 4 with 2", ""),
        ("Calculate the sum of the even numbers", "1, 2, 3, 4"),
        ("Convert from infix notation", "3 + 4"),
        ("Write a story with 3 + 4 people", ""),
    ],
)
def test_what_is_not_plain(instruction: str, given: str) -> None:
    assert read(instruction, given) is None


@pytest.mark.parametrize("text", ["8", "3 : 4", "5%", "x + 1", "1.500 * 2", "", "2^3^2"])
def test_no_expressions(text: str) -> None:
    assert read_expression(text) is None
