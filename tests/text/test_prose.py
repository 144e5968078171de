"""What a field says in its own words, and whether these are English."""

from __future__ import annotations

import pytest
from examining import field_text

from midb.locales import UNKNOWN, load
from midb.text.prose import (
    blank_foreign_parts,
    find_english_words,
    has_own_letter,
    is_copied,
    is_in_own_script,
    reads_as_english,
)

ENGLISH = "The train to the coast leaves in the morning."


def test_what_may_be_in_any_language_is_blanked() -> None:
    text = "Das «the end» von `x` #tag @me auf http://a.example/the hier"
    assert blank_foreign_parts(field_text(text)) == (
        "Das «" + " " * 7 + "» von " + " " * 3 + " " + " " * 4 + " " + " " * 3 + " auf " + " " * 20 + " hier"
    )
    assert len(blank_foreign_parts(field_text(text))) == len(text)


@pytest.mark.parametrize("code", ["de", "it", "ja", "ar", "vi", "ms"])
def test_english_prose_is_english_in_every_language(code: str) -> None:
    assert reads_as_english(ENGLISH, load(code))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "Der Zug an die Küste fährt am Morgen."),
        ("de", "Der Zug, the train, fährt am Morgen in die Stadt und nicht to the coast."),
        ("de", "The Lord of the Rings, The Return of the King"),  # names
        ("de", "the the the the"),  # one word of grammar alone
        ("de", "in an is"),
        ("ja", "「The end」は終わりです。私はその映画を見たことがあります。"),
        ("vi", "Chuyến tàu ra biển chạy vào buổi sáng."),
        ("it", "Io so che no, a te do in dono la casa."),
    ],
)
def test_other_prose_and_titles_are_not(code: str, text: str) -> None:
    assert not reads_as_english(text, load(code))


def test_english_words_are_those_that_the_language_does_not_have() -> None:
    assert find_english_words("Was is the Name of it? In Rom", load("de")) == ["is", "the", "of", "it"]
    assert find_english_words("a I o", load("it")) == []


@pytest.mark.parametrize(
    ("code", "text", "single", "noticeable"),
    [
        ("ja", "The dog です", True, True),
        ("ja", "The dog is an animal that lives with people 犬", True, False),
        ("ja", "The dog", False, False),
        ("de", "Der Hund", True, False),  # Latin letters are nobody's own
    ],
)
def test_the_script_of_the_language(code: str, text: str, single: bool, noticeable: bool) -> None:
    assert has_own_letter(text, load(code)) is single
    assert is_in_own_script(text, load(code)) is noticeable


def test_an_unknown_language_has_no_script_and_may_be_english() -> None:
    assert not has_own_letter(ENGLISH, UNKNOWN)
    assert not is_in_own_script(ENGLISH, UNKNOWN)
    assert reads_as_english(ENGLISH, UNKNOWN)


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        (ENGLISH, ENGLISH, True),
        (ENGLISH + " ", ENGLISH.replace("coast", "Coast"), True),
        ("Der Zug an die Küste fährt am Morgen.", ENGLISH, False),
        (ENGLISH, ENGLISH + " It does not stop in all of the villages.", False),
        (ENGLISH, None, False),
        ("", "", False),
    ],
)
def test_copies_of_the_source(text: str, source: str | None, expected: bool) -> None:
    assert is_copied(field_text(text, source)) is expected


def test_long_texts_are_compared_where_they_begin_and_where_they_end() -> None:
    source = "The cat is in the house, and the dog is not. " * 2000
    assert is_copied(field_text(source.replace("dog", "d0g", 40), source))
    assert is_copied(field_text(source[:40_000] + "x" * 50 + source[40_000:], source))
    assert not is_copied(field_text(source[:60_000] + "Die Katze ist im Haus. " * 1300, source))
