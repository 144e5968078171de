"""Numbers as texts write them: digits of several scripts, separators, number words. Knows no defect.

Reading is strict and in linear time. A numeral such as ``1.500`` is one and a half or fifteen hundred, depending on
who wrote it: ``read_numeral`` gives every value it can have, and a caller that must be sure asks what holds for all.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import regex
from babel import Locale as BabelLocale
from babel import UnknownLocaleError
from pydantic import Field

from midb.locales import LocaleSection
from midb.text.words import fold_case

#: Zero of each script whose digits the languages of this project use: Arabic-Indic, Persian, Thai, full-width.
_ZEROS = (0x0660, 0x06F0, 0x0E50, 0xFF10)

#: Digits to ASCII, one character for one, so that offsets stay.
ASCII_DIGITS = {zero + value: ord("0") + value for zero in _ZEROS for value in range(10)}

#: Blanks that group digits and cannot stand between two words by accident: no-break, narrow no-break, thin.
GROUPING_BLANKS = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"

#: A numeral in ASCII digits: digits with points, commas, Arabic separators or grouping blanks between them.
NUMERAL = rf"\d+(?:[.,\N{{ARABIC DECIMAL SEPARATOR}}\N{{ARABIC THOUSANDS SEPARATOR}}{GROUPING_BLANKS}]\d+)*"

#: Longer numerals are serial numbers, not quantities.
MAX_DIGITS = 18

#: Numbers where they are counted only: digits of any script, with separators between them.
_WRITTEN = re.compile(r"\d+(?:[.,٫٬]\d+)*")
_DIGIT = regex.compile(r"\d")
#: The same with blanks and apostrophes between groups of three digits as well.
_WRITTEN_IN_GROUPS = regex.compile(r"\d+(?:[.,٫٬\u00a0\u202f' ]?\d{3})*(?:[.,٫]\d+)?")
#: The number of a list item; what stands before it is of its own line, or a thousand empty lines were read as often.
_ITEM_NUMBER = regex.compile(r"(?m)^[^\S\n]*(?:\p{N}+[.)、．]|\(\p{N}+\))(?=\s|\p{L})")

_GROUPED = re.compile(r"\d{1,3}(?:(?P<mark>[.,])\d{3})(?:(?P=mark)\d{3})*")
_BLANK_GROUPED = re.compile(rf"\d{{1,3}}(?:[{GROUPING_BLANKS}]\d{{3}})+(?![\d{GROUPING_BLANKS}])")
_PLAIN = re.compile(r"\d+")
_DECIMAL = re.compile(r"(\d+)[.,](\d+)")
_BOTH = re.compile(r"(\d{1,3}(?:(?P<group>[.,])\d{3})+)(?!(?P=group))[.,](\d+)")


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How one CLDR locale writes numbers in European digits; ``percent`` is its pattern for percentages."""

    decimal: str
    group: str
    percent: str


@functools.cache
def number_format(locale: str) -> NumberFormat | None:
    """The conventions of a CLDR locale, ``None`` for one that CLDR does not have.

    >>> number_format("de_DE").decimal, number_format("th_TH").decimal, number_format("tr_TR").percent[0]
    (',', '.', '%')
    """
    try:
        data = BabelLocale.parse(locale)
    except (ValueError, UnknownLocaleError):
        return None
    symbols = data.number_symbols["latn"]
    return NumberFormat(symbols["decimal"], symbols["group"], data.percent_formats[None].pattern)


class NumberWords(LocaleSection, table="numbers"):
    """Number words from two on, as they stand before a noun; ``magnitudes`` multiply the numeral before them."""

    words: dict[int, tuple[str, ...]]
    magnitudes: dict[str, int] = Field(default_factory=dict)

    def value(self, text: str) -> int | None:
        """What a number word or a whole numeral says.

        >>> NumberWords(words={2: ("zwei",)}).value("Zwei"), NumberWords(words={}).value("٣")
        (2, 3)
        """
        digits = text.translate(ASCII_DIGITS)
        if digits.isascii() and digits.isdigit():
            return int(digits) if len(digits) <= MAX_DIGITS else None
        return self._values.get(fold_case(text))

    @functools.cached_property
    def _values(self) -> dict[str, int]:
        return {fold_case(word): value for value, words in self.words.items() for word in words}


def read_numeral(numeral: str) -> tuple[Fraction, ...]:
    """Every value a numeral can have in some convention; none where it fits no convention or is too long.

    >>> [str(value) for value in read_numeral("1.500")], [str(value) for value in read_numeral("1.234,5")]
    (['3/2', '1500'], ['2469/2'])
    """
    text = (
        numeral.translate(ASCII_DIGITS)
        .replace("\N{ARABIC DECIMAL SEPARATOR}", ".")
        .replace("\N{ARABIC THOUSANDS SEPARATOR}", ",")
    )
    if len(text) > MAX_DIGITS + MAX_DIGITS // 3:
        return ()
    if blanks := _BLANK_GROUPED.match(text):
        text = re.sub(rf"[{GROUPING_BLANKS}]", "", blanks.group()) + text[blanks.end() :]
    if _PLAIN.fullmatch(text):
        return (Fraction(int(text)),)
    if both := _BOTH.fullmatch(text):
        return (Fraction(re.sub(r"[.,]", "", both[1]) + "." + both[3]),)
    values = []
    if decimal := _DECIMAL.fullmatch(text):
        values.append(Fraction(f"{decimal[1]}.{decimal[2]}"))
    if _GROUPED.fullmatch(text) and not text.startswith("0"):
        values.append(Fraction(int(re.sub(r"[.,]", "", text))))
    return tuple(values)


def count_decimals(numeral: str) -> int:
    """How many digits stand after the last separator: the decimals, where that separator is a decimal one.

    >>> count_decimals("1.50"), count_decimals("43")
    (2, 0)
    """
    return len(re.split(r"\D", numeral)[-1]) if re.search(r"\D", numeral) else 0


@dataclass(frozen=True, slots=True)
class Separators:
    """The marks of one convention: before the decimals, and between groups of three digits."""

    decimal: str
    group: str

    def read(self, numeral: str) -> Fraction | None:
        """The value of a numeral by this convention, ``None`` where it does not fit it.

        >>> str(Separators(",", ".").read("1.500")), Separators(",", ".").read("0.80") is None
        ('1500', True)
        """
        digits = r"\d+" if not self.group else rf"(?:\d{{1,3}}(?:{_group_pattern(self.group)}\d{{3}})+|\d+)"
        found = re.fullmatch(rf"({digits})(?:{re.escape(self.decimal)}(\d+))?", numeral.translate(ASCII_DIGITS))
        if found is None:
            return None
        return Fraction(f"{re.sub(r'[^0-9]', '', found[1])}.{found[2] or 0}")

    def spell(self, value: Fraction, places: int, *, grouped: bool) -> str:
        """A value that is not negative, rounded to so many decimals.

        >>> Separators(",", ".").spell(Fraction(6912), 0, grouped=True)
        '6.912'
        """
        digits = str(round(value * 10**places)).rjust(places + 1, "0")
        whole, decimals = (digits[:-places], digits[-places:]) if places else (digits, "")
        if grouped:
            whole = f"{int(whole):,}".replace(",", self.group)
        return f"{whole}{self.decimal}{decimals}" if places else whole


def _group_pattern(group: str) -> str:
    """A pattern for the mark between groups; one blank may be written as another."""
    return f"[{GROUPING_BLANKS}]" if group in GROUPING_BLANKS else re.escape(group)


def find_separators(numerals: Iterable[str], usual: NumberFormat | None) -> Separators | None:
    """The convention that numerals are written in: the one they show, else the usual one; ``None`` for two at once.

    A mark shows it where it can only stand before decimals or only between groups: "1.5", "1.234,5", "1.234.567".

    >>> find_separators(["0.5", "3"], number_format("de_DE"))
    Separators(decimal='.', group=',')
    >>> find_separators(["1.500"], number_format("de_DE"))
    Separators(decimal=',', group='.')
    """
    decimals = set()
    for numeral in numerals:
        text = numeral.translate(ASCII_DIGITS)
        if both := _BOTH.fullmatch(text):
            decimals.add("," if both["group"] == "." else ".")
        elif re.fullmatch(r"\d{1,3}([.,]\d{3}){2,}", text):
            decimals.add("," if "." in text else ".")
        elif (plain := _DECIMAL.fullmatch(text)) and (
            len(plain[2]) != 3 or len(plain[1]) > 3 or plain[1].startswith("0")
        ):
            decimals.add("." if "." in text else ",")
    if len(decimals) > 1:
        return None
    if not decimals:
        return None if usual is None else Separators(usual.decimal, usual.group)
    decimal = decimals.pop()
    if usual is not None and usual.decimal == decimal:
        return Separators(decimal, usual.group)
    return Separators(decimal, "," if decimal == "." else ".")


def count_numbers(text: str) -> Counter[str]:
    """How often each number is written, whatever its digits; every separator is a point, whatever it means.

    >>> sorted(count_numbers("1,5 and １٫5 in 2024").items())
    [('1.5', 2), ('2024', 1)]
    """
    found: Counter[str] = Counter()
    for match in _WRITTEN.finditer(text):
        digits = (str(unicodedata.digit(character)) if character.isdigit() else "." for character in match.group())
        found["".join(digits)] += 1
    return found


def count_bare_numbers(text: str) -> Counter[str]:
    """How often each number is written, as digits alone; the numbers of list items are left out.

    Two numbers that differ in their separators are the same here: a rewrite may follow another convention.

    >>> sorted(count_bare_numbers("1. 1.234,5 and ٢٠٢٤"))
    ['12345', '2024']
    """
    found: Counter[str] = Counter()
    if not _DIGIT.search(text):
        return found
    for match in _WRITTEN_IN_GROUPS.finditer(_ITEM_NUMBER.sub(" ", text)):
        found["".join(str(int(character)) for character in match.group() if character.isdecimal())] += 1
    return found
