"""What a response says is the answer."""

from __future__ import annotations

from fractions import Fraction

import pytest

from midb.detectors.content.results.problems import ComputedTask
from midb.detectors.content.results.replies import read_wrong_reply

SUM = ComputedTask("the sum", (Fraction(57),), (Fraction(3), Fraction(17), Fraction(37)))
NINTH = ComputedTask("the quotient", (Fraction(10, 9),), (Fraction(10), Fraction(9)))
HEX = ComputedTask("3048 in base 16", (), (Fraction(3048),), spelled="BE8", letters="[0-9A-F]*[0-9][0-9A-F]*")


@pytest.mark.parametrize(
    ("problem", "text", "written", "alone"),
    [
        (SUM, "58", "58", True),
        (SUM, "**58**.", "58", True),
        (SUM, "58 €", "58", True),
        (SUM, "Die Summe von 3, 17 und 37 ist 58.", "58", False),
        (SUM, "3、17、37の合計は58です。", "58", False),
        (SUM, "3 + 17 + 37 = 58", "58", False),
        (SUM, "3 + 17 + 37 = 20 + 37 = 56", "56", False),
        (SUM, "-57", "-57", True),
        (SUM, "Somme : 1 058", "1 058", False),
        (NINTH, "10 / 9 = 1.3", "1.3", False),
        (HEX, "0xBDC", "BDC", True),
        (HEX, "The number 3048 is BE7.", "BE7", False),
    ],
)
def test_wrong(problem: ComputedTask, text: str, written: str, alone: bool) -> None:
    reply = read_wrong_reply(text, problem, ())
    assert reply is not None
    assert (reply.written, reply.alone) == (written, alone)
    assert text[reply.start : reply.end] == written


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (SUM, "57"),
        (SUM, "The sum of 3, 17 and 37 is 57, not 58."),
        (SUM, "It is 55 or 58."),
        (SUM, "58 is the first guess for 3, 17 and 37."),
        (SUM, "3, 17, 37"),
        (SUM, "5.7 * 10"),
        (SUM, "57/1"),
        (SUM, "58%"),
        (SUM, "5万"),
        (SUM, "none"),
        (NINTH, "1.11"),
        (NINTH, "1 1/9"),
        (NINTH, "1"),
        (HEX, "0xBE8"),
        (HEX, "be8"),
        (HEX, "The number 3048 cannot be told."),
    ],
)
def test_right_or_not_plain(problem: ComputedTask, text: str) -> None:
    assert read_wrong_reply(text, problem, ()) is None


def test_a_magnitude_multiplies() -> None:
    assert read_wrong_reply("58 mil", SUM, ("mil",)) is None
    assert read_wrong_reply("58 mil", SUM, ()) is not None
