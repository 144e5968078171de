"""Plain arithmetic as people write it: tokens of a line, and the exact value of an expression.

Never evaluates anything but numbers, ``+ - * / ^`` and parentheses, in exact fractions, with a bound on every size.
Knows no language: what a numeral can mean is asked of midb.text.quantities.numbers, and an expression has one value
per reading.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from midb.text.quantities.numbers import ASCII_DIGITS, GROUPING_BLANKS, NUMERAL, read_numeral

#: Longer expressions are no sums that a person wrote down.
_MAX_TOKENS = 60
#: Combinations of what the numerals can mean; with more of them nearly any result is right under one.
_MAX_READINGS = 32
#: Parentheses inside each other; a bound on the recursion.
_MAX_DEPTH = 8
#: Size of a numerator or denominator, so that no power fills the memory.
_MAX_BITS = 400

#: Look-alikes of the operators, the equals sign and the parentheses; one character for one, so that offsets stay.
_ASCII_SIGNS = {
    ord(look_alike): sign
    for sign, look_alikes in {
        "-": "\N{MINUS SIGN}\N{EN DASH}\N{FULLWIDTH HYPHEN-MINUS}\N{HYPHEN}",
        "+": "\N{FULLWIDTH PLUS SIGN}",
        "*": "\N{MULTIPLICATION SIGN}\N{MIDDLE DOT}\N{DOT OPERATOR}\N{BULLET OPERATOR}\N{ASTERISK OPERATOR}"
        "\N{FULLWIDTH ASTERISK}",
        "/": "\N{DIVISION SIGN}\N{DIVISION SLASH}\N{FRACTION SLASH}",
        ":": "\N{RATIO}",
        "=": "\N{FULLWIDTH EQUALS SIGN}",
        "(": "\N{FULLWIDTH LEFT PARENTHESIS}",
        ")": "\N{FULLWIDTH RIGHT PARENTHESIS}",
        ".": "\N{FULLWIDTH FULL STOP}",
    }.items()
    for look_alike in look_alikes
} | ASCII_DIGITS


class TokenSort(StrEnum):
    """What a token is. ``OTHER`` ends every expression; ``MARK`` (bold, currency) is read over."""

    NUMBER = "number"
    OPERATOR = "operator"
    OPEN = "open"
    CLOSE = "close"
    MARK = "mark"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ArithmeticToken:
    """A token and where it stands in the text; ``text`` is an ASCII operator or the numeral."""

    sort: TokenSort
    text: str
    start: int
    end: int


_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_CURRENCY = "$€£¥₩฿₫₺₽₹￥"
_TOKEN = re.compile(
    rf"(?P<number>{NUMERAL})"
    r"|(?P<power>\*\*(?=\d)(?<=[\d)]\*\*)|[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|(?P<mark>\*\*|__|[" + _CURRENCY + "])"
    r"|(?P<times>(?<=[\d)\s])[xXхχ](?=\s?[\d(" + _CURRENCY + "]))"
    r"|(?P<operator>[-+*/^:])"
    r"|(?P<open>\()|(?P<close>\))"
    rf"|(?P<blank>[ \t{GROUPING_BLANKS}]+)"
    r"|(?P<other>.)"
)


def to_ascii_signs(text: str) -> str:
    """``text`` with ASCII digits, operators and parentheses, of the same length.

    >>> to_ascii_signs("１２ × ３ ＝ ３６")
    '12 * 3 = 36'
    """
    return text.translate(_ASCII_SIGNS)


def split_tokens(text: str, start: int, end: int) -> list[ArithmeticToken]:
    """The tokens of ``text[start:end]``, which ``to_ascii_signs`` has made; blanks are left out."""
    found: list[ArithmeticToken] = []
    for match in _TOKEN.finditer(text, start, end):
        group = str(match.lastgroup)
        if group == "blank":
            continue
        if group == "power" and match.group() != "**":
            exponent = match.group().translate(_SUPERSCRIPTS)
            found.append(ArithmeticToken(TokenSort.OPERATOR, "^", match.start(), match.start()))
            found.append(ArithmeticToken(TokenSort.NUMBER, exponent, match.start(), match.end()))
        elif group in ("power", "times"):
            found.append(
                ArithmeticToken(TokenSort.OPERATOR, "^" if group == "power" else "*", match.start(), match.end())
            )
        else:
            found.append(ArithmeticToken(TokenSort(group), match.group(), match.start(), match.end()))
    return found


class _NotArithmeticError(Exception):
    """The tokens are no expression, or one too large to be worth it."""


def find_values(expression: Sequence[ArithmeticToken]) -> set[Fraction] | None:
    """Every value the expression has, one per reading of its numerals; ``None`` if it is none, or too ambiguous.

    >>> {str(value) for value in find_values(split_tokens("2 * (3 + 4)", 0, 11)) or ()}
    {'14'}
    >>> find_values(split_tokens("2 +", 0, 3)) is None
    True
    """
    if not expression or len(expression) > _MAX_TOKENS:
        return None
    ambiguous = [read_numeral(token.text) for token in expression if token.sort is TokenSort.NUMBER]
    count = 1
    for possible in ambiguous:
        count *= len(possible)
    if not 0 < count <= _MAX_READINGS:
        return None
    found = set()
    for numbers in itertools.product(*ambiguous):
        try:
            found.add(_Parser(expression, iter(numbers)).value())
        except (_NotArithmeticError, ZeroDivisionError):
            return None
    return found


class _Parser:
    """Recursive descent over one expression with one reading of its numerals."""

    def __init__(self, expression: Sequence[ArithmeticToken], numbers: Iterator[Fraction]) -> None:
        self._tokens = [token for token in expression if token.sort is not TokenSort.MARK]
        self._numbers = numbers
        self._position = 0
        self._depth = 0

    def value(self) -> Fraction:
        value = self._sum()
        if self._position != len(self._tokens):
            raise _NotArithmeticError
        return value

    def _peek(self) -> str:
        if self._position == len(self._tokens):
            return ""
        token = self._tokens[self._position]
        return "number" if token.sort is TokenSort.NUMBER else token.text

    def _take(self) -> str:
        text = self._peek()
        self._position += 1
        return text

    def _sum(self) -> Fraction:
        value = self._product()
        while self._peek() in ("+", "-"):
            value = value + self._product() if self._take() == "+" else value - self._product()
        return value

    def _product(self) -> Fraction:
        value = self._power()
        while self._peek() in ("*", "/", ":"):
            value = value * self._power() if self._take() == "*" else value / self._power()
            _refuse_huge(value)
        return value

    def _power(self) -> Fraction:
        negative = self._peek() == "-"
        if negative:
            self._take()
        value = self._atom()
        if self._peek() == "^":
            self._take()
            exponent = -self._atom() if self._peek() == "-" and self._take() else self._atom()
            # "-3^2" and "2^3^2" are read both ways; roots are not exact.
            if negative or self._peek() == "^" or exponent.denominator != 1:
                raise _NotArithmeticError
            bits = max(value.numerator.bit_length(), value.denominator.bit_length())
            if bits * abs(exponent) > _MAX_BITS:
                raise _NotArithmeticError
            value = Fraction(value ** int(exponent))
        return -value if negative else value

    def _atom(self) -> Fraction:
        taken = self._take()
        if taken == "number":
            return next(self._numbers)
        if taken != "(" or self._depth == _MAX_DEPTH:
            raise _NotArithmeticError
        self._depth += 1
        value = self._sum()
        self._depth -= 1
        if self._take() != ")":
            raise _NotArithmeticError
        return value


def _refuse_huge(value: Fraction) -> None:
    if value.numerator.bit_length() > _MAX_BITS or value.denominator.bit_length() > _MAX_BITS:
        raise _NotArithmeticError
