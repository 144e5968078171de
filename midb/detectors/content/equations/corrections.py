"""Corrections of false equations: the right result, where it is the result that must be wrong.

A false equation alone does not say which of its numbers is wrong. The English source may confirm the left side; else
every number of it must be given in the task or have been rightly computed before, and no other operator and no other
given number may explain the result that is claimed.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from babel import Locale as BabelLocale

from midb.detectors.content.equations.claims import Claim, Following, find_claims, is_true
from midb.text.quantities.arithmetic import ArithmeticToken, TokenSort, find_values, to_ascii_signs
from midb.text.quantities.numbers import (
    NUMERAL,
    Separators,
    count_decimals,
    find_separators,
    number_format,
    read_numeral,
)

_NUMERAL = re.compile(NUMERAL)
_OPERATORS = ("+", "-", "*", "/")

#: With more numbers about, some of them explain any result.
_MOST_KNOWN = 60

#: Ways to read a left side that are tried: as many as an expression with a value has (midb.text.quantities.arithmetic).
_MOST_READINGS = 32

#: An expression with its numbers read: their values, and the operators and brackets between them.
_LeftSide = tuple[Fraction | str, ...]


class Corrections:
    """What one response, its task and its source say about the numbers of an equation.

    ``locale`` is the CLDR locale of the response, for the plural forms of its nouns.
    """

    def __init__(self, response: str, task: str, source: str, locale: str) -> None:
        self._response = response
        self._source = source
        self._locale = locale
        self._given = _count_values(task)
        self._known: dict[str, set[Fraction]] = {"given": set(self._given), "computed": set()}

    @functools.cached_property
    def _written(self) -> Counter[Fraction]:
        return _count_values(self._response)

    @functools.cached_property
    def _source_values(self) -> Counter[Fraction]:
        return _count_values(self._source)

    @functools.cached_property
    def _source_claims(self) -> dict[_LeftSide, set[bool | None]]:
        """For every left side of the source, in each way to read it: whether its claims are true."""
        found: dict[_LeftSide, set[bool | None]] = defaultdict(set)
        for claim in find_claims(self._source) if self._source else ():
            truth = is_true(claim)
            for side in _read_left_side(claim) if truth or not claim.crowded else ():
                found[side].add(truth)
        return found

    def is_confirmed(self, claim: Claim) -> bool:
        """Whether the source has the same left side with its right result: then only the result here can be wrong."""
        return self._source_says(claim, True)

    def _source_says(self, claim: Claim, truth: bool) -> bool:
        """Whether the source has an equation with the same left side, in whatever convention, that is true or false."""
        return any(truth in self._source_claims.get(side, ()) for side in _read_left_side(claim))

    def learn(self, claim: Claim) -> None:
        """Remember the result of an equation that holds: later ones may build on it."""
        self._known["computed"] |= find_values(claim.right) or set()

    def same_error_in_source(self, claim: Claim) -> bool:
        """Whether the source has the same left side, and the same or another false result."""
        return self._source_says(claim, False)

    def correct(self, claim: Claim) -> str | None:
        """The right result in the style of the wrong one; ``None`` where it is not certain or would not fit."""
        result, left = claim.result, claim.lefts[0]
        possible = find_values(left) or set()
        if result is None or len(claim.lefts) > 1 or len(possible) != 1:
            return None
        if self._response[result.start : result.end] != result.text:
            return None  # in other digits
        value = possible.pop()
        numerals = [token.text for token in left if token.sort is TokenSort.NUMBER]
        usual = number_format(self._locale)
        separators = find_separators(numerals, usual)
        if separators is None:
            return None  # two conventions in one equation
        if usual and separators.decimal != usual.decimal and self._source:
            return None  # as in English: what writes numbers as the language does looks for each of them in the source
        claimed = separators.read(result.text)
        if claimed is None:  # a result in another convention than its equation
            readings = read_numeral(result.text)
            if len(readings) != 1:
                return None
            claimed = readings[0]
        if self._given[claimed] or self._written[claimed] != 1 + self._known_elsewhere(claim, claimed):
            return None  # asked for, or used again
        if not self._source_says(claim, True) and not (self._is_known(left) and not self._is_explained(left, claimed)):
            return None
        if claim.following is Following.WORD and not _have_same_plural(value, claimed, self._locale):
            return None
        return _spell_result(value, claimed, result.text, numerals, separators)

    def _known_elsewhere(self, claim: Claim, value: Fraction) -> int:
        """How often a value stands in the source, where that has the equation right: so often it is no use of it."""
        return self._source_values[value] if self.is_confirmed(claim) else 0

    def _is_known(self, left: tuple[ArithmeticToken, ...]) -> bool:
        if max(map(len, self._known.values())) > _MOST_KNOWN:
            return False
        known = self._known["given"] | self._known["computed"]
        numbers = [token for token in left if token.sort is TokenSort.NUMBER]
        return len(known) <= _MOST_KNOWN and all(set(read_numeral(token.text)) & known for token in numbers)

    def _is_explained(self, left: tuple[ArithmeticToken, ...], claimed: Fraction) -> bool:
        """Whether one other operator, or one other known number, makes the claimed result right."""
        for index, token in enumerate(left):
            others: list[str] = []
            if token.sort is TokenSort.OPERATOR:
                others = [operator for operator in _OPERATORS if operator != token.text]
            elif token.sort is TokenSort.NUMBER:
                known = self._known["given"] | self._known["computed"]
                others = [str(number) for number in known if number.denominator == 1 and number >= 0]
            for other in others:
                if claimed in (find_values((*left[:index], replace(token, text=other), *left[index + 1 :])) or ()):
                    return True
        return False


def _count_values(text: str) -> Counter[Fraction]:
    """How often each value is written, under every reading."""
    return Counter(value for match in _NUMERAL.finditer(to_ascii_signs(text)) for value in read_numeral(match.group()))


def _read_left_side(claim: Claim) -> Iterator[_LeftSide]:
    """The left side of an equation in every way to read its numbers, so that two conventions meet; one of the readings
    where there are too many (no such equation is corrected)."""
    tokens = [token for token in claim.lefts[0] if token.sort is not TokenSort.MARK]
    meanings = [(token.sort is TokenSort.NUMBER and read_numeral(token.text)) or (token.text,) for token in tokens]
    return itertools.islice(itertools.product(*meanings), _MOST_READINGS)


def _spell_result(
    value: Fraction, claimed: Fraction, written: str, numerals: list[str], separators: Separators
) -> str | None:
    """The right result as its equation writes numbers; ``None`` where the decimals of the wrong one cannot hold it.

    A whole number of whole numbers has no decimals, but for prices and the like, which have two.
    """
    if value < 0:
        return None
    places = count_decimals(written) if claimed.denominator > 1 or separators.decimal in written else 0
    scaled = value * 10**places
    if scaled.denominator != 1 and (places < 2 or scaled.denominator == 2):
        return None
    whole = all((read := separators.read(numeral)) is not None and read.denominator == 1 for numeral in numerals)
    if value.denominator == 1 and whole and places > 2:
        places = 0
    grouped = any(_is_grouped(numeral, separators) for numeral in (written, *numerals))
    return separators.spell(value, places, grouped=grouped)


def _is_grouped(numeral: str, separators: Separators) -> bool:
    """Whether a numeral has a mark between groups of digits."""
    whole = numeral.partition(separators.decimal)[0]
    return not whole.isdigit() and separators.read(numeral) is not None


def _have_same_plural(one: Fraction, other: Fraction, locale: str) -> bool:
    """Whether a noun after both numbers has the same form."""
    plural = BabelLocale.parse(locale).plural_form
    return one.denominator == other.denominator == 1 and plural(int(one)) == plural(int(other))
