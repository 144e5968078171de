"""Numbers as texts write them: every reading, number words, and spelling in a given style."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.locales import LANGUAGES, load
from midb.text.quantities.numbers import (
    ASCII_DIGITS,
    NUMERAL,
    NumberWords,
    Separators,
    count_bare_numbers,
    count_decimals,
    count_numbers,
    find_separators,
    number_format,
    read_numeral,
)


@pytest.mark.parametrize(
    ("numeral", "values"),
    [
        ("7", ["7"]),
        ("٤٣", ["43"]),
        ("４２", ["42"]),
        ("๔๒", ["42"]),
        ("0.894", ["447/500"]),
        ("1,5", ["3/2"]),
        ("1.500", ["3/2", "1500"]),
        ("1,500", ["3/2", "1500"]),
        ("1.000.000", ["1000000"]),
        ("1.234,5", ["2469/2"]),
        ("1,234.5", ["2469/2"]),
        ("2\N{NO-BREAK SPACE}000", ["2000"]),
        ("1\N{NARROW NO-BREAK SPACE}234,5", ["2469/2"]),
        ("٣٫٥", ["7/2"]),
        ("1.2.3", []),
        ("1,00,000", []),
        ("1.5,5", []),
        ("1" * 60, []),
    ],
)
def test_readings(numeral: str, values: list[str]) -> None:
    assert [str(value) for value in read_numeral(numeral)] == values


@given(st.from_regex(re.compile(NUMERAL), fullmatch=True))
def test_no_numeral_is_misread_into_an_error(numeral: str) -> None:
    assert all(value >= 0 for value in read_numeral(numeral))


@given(st.decimals(min_value=0, max_value=10**6, places=2), st.sampled_from(".,"))
def test_what_is_written_is_read(value: Decimal, mark: str) -> None:
    assert Fraction(value) in read_numeral(str(value).replace(".", mark))


@given(st.integers(0, 10**9), st.integers(0, 4), st.sampled_from([".,", ",.", ",\u00a0", ",\u202f"]), st.booleans())
def test_what_is_spelled_in_a_convention_is_read_back(scaled: int, places: int, marks: str, grouped: bool) -> None:
    separators = Separators(*marks)
    value = Fraction(scaled, 10**places)
    assert separators.read(separators.spell(value, places, grouped=grouped)) == value


@pytest.mark.parametrize(
    ("numerals", "locale", "expected"),
    [
        (["37", "85"], "de_DE", ",."),
        (["37", "85"], "ja_JP", ".,"),
        (["1.500"], "de_DE", ",."),
        (["1.500", "0.5"], "de_DE", ".,"),
        (["0.125"], "de_DE", ".,"),
        (["1.234.567"], "ja_JP", ",."),
        (["1,234.5"], "ru_RU", ".,"),
        (["1.5", "1,5"], "de_DE", None),
        (["1.5", "2"], "xx", ".,"),
        (["2"], "xx", None),
    ],
)
def test_numerals_show_their_convention(numerals: list[str], locale: str, expected: str | None) -> None:
    found = find_separators(numerals, number_format(locale))
    assert (found and found.decimal + found.group) == expected


def test_a_numeral_of_another_convention_is_not_read() -> None:
    assert Separators(",", ".").read("0.80") is None
    assert Separators(",", ".").read("1.50.000") is None
    assert Separators(",", "\u00a0").read("1\u202f500,5") == Fraction(3001, 2)


def first_capital(word: str) -> str:
    """As at the start of a sentence; "i" is Turkish here."""
    return ("İ" if word[0] == "i" else word[0].upper()) + word[1:]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_number_words_and_a_format(code: str) -> None:
    locale = load(code)
    words = locale.get(NumberWords)
    assert words is not None
    assert {2, 3, 4, 5, 6, 7, 8, 9, 10, 20} <= set(words.words)
    spellings = [spelling for forms in words.words.values() for spelling in forms]
    assert len(spellings) == len(set(spellings)), "one word, two values"
    for value, forms in words.words.items():
        assert all(words.value(form) == value == words.value(first_capital(form)) for form in forms)
    convention = number_format(locale.default_locale)
    assert convention is not None
    assert (convention.decimal == ",") is (code not in {"ar", "ja", "ko", "ms", "th"})
    assert convention.percent.startswith("%") is (code == "tr")


def test_digits_keep_their_place() -> None:
    assert "٣ ４ ๕".translate(ASCII_DIGITS) == "3 4 5"
    assert number_format("xx_XX") is None
    assert NumberWords(words={}).value("seven") is None


@pytest.mark.parametrize(("numeral", "expected"), [("43", 0), ("1.5", 1), ("1,500", 3), ("1.234,56", 2), ("٣٫٥", 1)])
def test_decimals_are_what_follows_the_last_separator(numeral: str, expected: int) -> None:
    assert count_decimals(numeral) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,5 und 1.5", {"1.5": 2}),
        ("全部で４３個、43個", {"43": 2}),
        ("มี๔๓ลูก", {"43": 1}),
        ("٣٫٥ و 7", {"3.5": 1, "7": 1}),
        ("1. eins", {"1": 1}),
        ("keine", {}),
    ],
)
def test_numbers_are_counted_whatever_their_digits(text: str, expected: dict[str, int]) -> None:
    assert count_numbers(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.234,5 oder 1,234.5", {"12345": 2}),
        ("1 234 und 1'234", {"1234": 2}),
        ("1. eins\n2) zwei\n(3) drei\n4、四", {}),
        ("im Jahr 1. Januar", {"1": 1}),
        ("٢٠٢٤ and ２０２４", {"2024": 2}),
        ("12 34", {"12": 1, "34": 1}),
    ],
)
def test_bare_numbers_know_neither_separators_nor_items(text: str, expected: dict[str, int]) -> None:
    assert count_bare_numbers(text) == expected
