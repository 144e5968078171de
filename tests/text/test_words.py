"""Words as texts have them, words of grammar, and patterns made of the phrases of a table."""

from __future__ import annotations

import re

import pytest

from midb.locales import LANGUAGES
from midb.text.words import (
    any_of,
    count_ideographs,
    count_letters,
    count_own_letters,
    fold_case,
    function_words,
    own_letters,
    spell_out,
    split_words,
)

LATIN = ("it", "es", "fr", "de", "tr", "pt", "cs", "id", "vi", "ms", "en")


@pytest.mark.parametrize("code", LATIN)
def test_a_language_in_latin_letters_has_words_of_grammar(code: str) -> None:
    assert len(function_words(code)) > 30
    assert all(word == word.lower() and " " not in word for word in function_words(code))


@pytest.mark.parametrize("code", ["ja", "th", "und", "xx"])
def test_a_script_of_its_own_or_an_unknown_language_needs_none(code: str) -> None:
    assert function_words(code) == frozenset()
    assert own_letters(code) == ""


def test_own_letters_are_one_language_s_only() -> None:
    letters = [letter for code in LANGUAGES for letter in own_letters(code)]
    assert len(letters) == len(set(letters)) > 10


@pytest.mark.parametrize(
    ("text", "code", "count"),
    [("Straße", "de", 1), ("Straße", "cs", 0), ("ŽLUŤOUČKÝ KŮŇ", "cs", 5), ("Strasse", "de", 0), ("犬", "ja", 0)],
)
def test_own_letters_are_counted_in_either_case(text: str, code: str, count: int) -> None:
    assert count_own_letters(text, code) == count


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 5 o'clock", ["It"]),
        ("Das ist l’été, a 3D-Film!", ["Das", "ist", "Film"]),
        ("Ένα δύο", ["Ένα", "δύο"]),
        ("犬が走る。", ["犬が走る"]),
        ("x2 y", []),
    ],
)
def test_words_have_two_letters_and_no_digit(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_letters_and_ideographs_are_counted() -> None:
    assert count_letters("Äb 12 犬_!") == 3
    assert count_ideographs("犬と개 x") == 3
    assert count_ideographs("Hund") == 0


@pytest.mark.parametrize(
    ("phrase", "folded"), [("ON  İKİ", "on iki"), ("Straße", "strasse"), (" a\n b ", "a b"), ("Σίγμας", "σίγμασ")]
)
def test_phrases_are_folded(phrase: str, folded: str) -> None:
    assert fold_case(phrase) == folded


def test_the_longest_phrase_wins_and_signs_mean_themselves() -> None:
    pattern = re.compile(any_of(["mi", "mile", "sq. ft."]))
    assert [match.group() for match in pattern.finditer("mile mi sq. ft. sqx ftx")] == ["mile", "mi", "sq. ft."]
    assert re.search(any_of([]), "anything") is None


@pytest.mark.parametrize(
    ("stored", "spelled"),
    [
        ("plain", "plain"),
        ("e\u0301te\u0301", "été"),
        ("\u1112\u1161\u11ab", "한"),
        ("ﻛﺘﺎﺏ ﷺ", "كتاب ﷺ"),
        ("½ ﬁ ﾗ", "½ ﬁ ﾗ"),  # what is no other way of storing a letter stays
    ],
)
def test_letters_are_spelled_out(stored: str, spelled: str) -> None:
    assert spell_out(stored) == spelled
