"""What a task asks to be computed, and what comes out: exact values, and how near to them an answer may be."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

#: What a value is off that was computed with 3.14 or 22/7, or with a factor of three digits, as a share of it.
CIRCLE_SLACK = Fraction(1, 200)
UNIT_SLACK = Fraction(1, 100)


@dataclass(frozen=True, slots=True)
class ComputedTask:
    """A task with one answer.

    ``what`` is what is asked for, in English, for the evidence. ``values`` are right, the first of them is named.
    ``given`` are the numbers of the task. ``slack`` is the share of a value by which an answer may be off, beside the
    rounding of its last digit; ``whole`` says that it may be rounded to a whole number. ``scalable`` says that it may
    be told in another unit. ``spelled`` is the answer where it is no decimal number ("4A", "XLII"), and ``letters`` a
    pattern for any such answer.
    """

    what: str
    values: tuple[Fraction, ...]
    given: tuple[Fraction, ...]
    slack: Fraction = Fraction(0)
    whole: bool = True
    scalable: bool = False
    spelled: str = ""
    letters: str = ""

    def accepts(self, answer: Fraction, places: int) -> bool:
        """Whether an answer that is written with so many decimals is right.

        >>> third = ComputedTask("the quotient", (Fraction(10, 3),), ())
        >>> third.accepts(Fraction("3.33"), 2), third.accepts(Fraction("3.34"), 2), third.accepts(Fraction("3.5"), 1)
        (True, True, False)
        """
        return any(self._is_near(value, answer, places) for value in self.values)

    def _is_near(self, value: Fraction, answer: Fraction, places: int) -> bool:
        if answer == value:
            return True
        if abs(answer - value) <= abs(value) * self.slack:
            return True
        if value.denominator == 1 or not (places or self.whole):
            return False
        if not places:
            return answer in (floor(value), ceil(value))
        return (value * 10**places).denominator != 1 and abs(answer - value) < Fraction(1, 10**places)
