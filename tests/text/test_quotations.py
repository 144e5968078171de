"""Quotations: their bounds, and which of them are in another language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.locales import UNKNOWN, load
from midb.text.languages import LanguageIdentifier
from midb.text.quotations import foreign_quotations, quotations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("er sagte „ja“ und “no”", ["ja", "no"]),
        ("«Oui» et »nein«", ["Oui", "nein"]),
        ("「はい」と『いいえ』", ["はい", "いいえ"]),
        ('a "b" c "d"', ["b", "d"]),
        ("it's the dogs' and 'cats' bowl", ["cats"]),
        ("5' 10\" tall", []),
        ("an open “quote", []),
        ("one “line\nbreak”", []),
    ],
)
def test_quotations(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in quotations(text)] == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "de",
            "Das Lied „the road that is not there for you and me“ ist alt.",
            ["the road that is not there for you and me"],
        ),
        ("de", "Er sagte „das ist nicht der Weg, den wir gehen“.", []),
        ("de", "Das Wort „привет“ heißt hallo.", ["привет"]),
        ("ja", "「the road」は道です。「道」", ["the road"]),
        ("ko", "“길”은 'road'입니다", ["road"]),
        ("es", "Dijo «42».", []),
    ],
)
def test_foreign_quotations(language: str, text: str, expected: list[str], identifier: LanguageIdentifier) -> None:
    spans = foreign_quotations(text, load(language), identifier)
    assert [text[span.start : span.end] for span in spans] == expected


def test_an_unknown_language_has_no_foreign_quotations() -> None:
    assert len(foreign_quotations("“привет”", UNKNOWN)) == 0


def test_without_an_identifier_only_the_evident_is_found() -> None:
    text = "„Hello world“ und „привет“"
    assert [text[span.start : span.end] for span in foreign_quotations(text, load("de"))] == ["привет"]


@given(text=st.text(alphabet="ab «»“”„\"'「」‘’\n", max_size=60))
def test_quotations_of_any_text_are_sorted_and_inside_it(text: str) -> None:
    position = 0
    for start, end in quotations(text):
        assert position <= start <= end < len(text)
        position = end
