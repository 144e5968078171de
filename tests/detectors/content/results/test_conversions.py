"""Tasks that ask for another form."""

from __future__ import annotations

import pytest

from midb.detectors.content.results.conversions import read_conversion
from midb.detectors.content.results.english import normalise
from midb.detectors.content.results.problems import ComputedTask


def read(instruction: str, given: str = "") -> ComputedTask | None:
    return read_conversion(normalise(instruction, given), given)


@pytest.mark.parametrize(
    ("instruction", "given", "value"),
    [
        ("Convert 20 inches to centimetres", "", 50.8),
        ("Convert kilometers to miles given the following distance.", "45 kilometers", 27.9617),
        ("Convert 3 kilometers to meters.", "", 3000),
        ("Convert celcius to farenheit", "50 Celcius", 122),
        ("Convert the following temperature into Celsius", "87 degrees F", 30.5556),
        ("Convert the given Celsius temperature to Fahrenheit.", "-6.2", 20.84),
        ("Convert the given temperatures from Fahrenheit to Celsius.", "80°F", 26.6667),
        ("Convert the given binary number to its decimal equivalent.", "101101", 45),
        ("Convert the following fraction to a decimal.", "7/20", 0.35),
        (
            "Calculate the time difference in minutes between the following two dates.",
            "April 5, 2020 - 10:00 AM UTC and April 7, 2020 - 08:00 AM UTC",
            2760,
        ),
    ],
)
def test_values(instruction: str, given: str, value: float) -> None:
    problem = read(instruction, given)
    assert problem is not None
    assert float(problem.values[0]) == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(
    ("instruction", "given", "spelled"),
    [
        ("Convert the number 32 to binary", "", "100000"),
        ("Convert the following number from base 10 to hexadecimal: 278", "", "116"),
        ("What is the hexadecimal representation of the decimal number 74?", "", "4A"),
        ("Convert the given number into its Roman numeral representation.", "1994", "MCMXCIV"),
    ],
)
def test_answers_that_are_spelled(instruction: str, given: str, spelled: str) -> None:
    problem = read(instruction, given)
    assert problem is not None
    assert problem.spelled == spelled


@pytest.mark.parametrize(
    ("instruction", "given"),
    [
        ("Convert 20 inches to grams", ""),
        ("Convert 20 meters to meters", ""),
        ("Convert kilometers to miles", "45 grams"),
        ("Convert Celsius to Celsius", "45"),
        ("Convert the given binary number to decimal.", "2345"),
        ("Convert to Roman numerals.", "0"),
        ("Convert the fraction to a decimal", "1/0"),
        (
            "Calculate the time difference in minutes between two dates.",
            "May 40, 2020 10:00 AM and May 1, 2020 9:00 AM",
        ),
    ],
)
def test_what_is_not_plain(instruction: str, given: str) -> None:
    assert read(instruction, given) is None
