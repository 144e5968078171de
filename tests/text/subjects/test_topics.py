"""What a pair talks about: names of techniques, in the pair or in its source, in any language."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from examining import inspection, respond

from midb.text.inspection import Inspection
from midb.text.subjects.topics import (
    asks_for_programming,
    names_markup,
    speaks_of_encodings,
    speaks_of_language_models,
    speaks_of_markup,
    speaks_of_programming,
)

Topic = Callable[[Inspection], bool]


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        (speaks_of_encodings, "Was ist UTF-8?"),
        (speaks_of_encodings, "文字化けを直す"),
        (speaks_of_encodings, "смена кодировки"),
        (speaks_of_markup, "Schreibe HTML"),
        (speaks_of_markup, "<p>x</p>"),
        (speaks_of_markup, "タグを付ける"),
        (speaks_of_language_models, "Wie viele Tokens hat das LLM?"),
        (speaks_of_language_models, "토큰이란"),
        (speaks_of_programming, "Schreibe ein Python-Programm"),
        (speaks_of_programming, "コードを書く"),
        (speaks_of_programming, "```\nx\n```"),
        (speaks_of_programming, "اكتب كود"),
    ],
)
def test_what_names_a_topic(topic: Topic, text: str) -> None:
    assert topic(inspection("de", respond("x", text)))
    assert topic(inspection("de", respond(text)))
    assert topic(inspection("de", respond("x"), respond("x", text))), "the source may name it"


@pytest.mark.parametrize("topic", [speaks_of_encodings, speaks_of_markup, speaks_of_language_models])
@pytest.mark.parametrize(
    "text", ["Der Hund schläft.", "犬は寝ている。", "Собака спит.", "cassette, Entitätslehre, Staging, hüpfte"]
)
def test_what_does_not(topic: Topic, text: str) -> None:
    assert not topic(inspection("de", respond(text, "Sag etwas.")))


def test_a_word_inside_another_word_names_nothing() -> None:
    assert not speaks_of_programming(inspection("de", respond("javanischer Kaffee, perlend", "Sag etwas.")))
    assert speaks_of_programming(inspection("de", respond("Java, Perl", "Sag etwas.")))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Der Tag war schön. Des Tags schlief er."),
        ("fr", "De mon point de vue, la vue est belle."),
        ("es", "Trataron de escape en escape."),
        ("en", "How would you react? They escaped from the tower."),
    ],
)
def test_ordinary_words_are_no_markup(language: str, text: str) -> None:
    assert not speaks_of_markup(inspection(language, respond(text, "…")))


@pytest.mark.parametrize("text", ["Setze die tags", "Mit React und Vue.js", "Escape the special characters"])
def test_the_same_words_where_they_are(text: str) -> None:
    assert speaks_of_markup(inspection("de", respond(text, "…")))


def test_a_tag_is_no_word_for_markup() -> None:
    shown = inspection("de", respond("<p>x</p>", "…"))
    assert speaks_of_markup(shown)
    assert not names_markup(shown)
    assert names_markup(inspection("de", respond("HTML", "…")))


def test_a_german_day_is_no_tag() -> None:
    assert not speaks_of_markup(inspection("de", respond("Der Himmel ist am Tag blau.", "Warum? Guten Tag!")))
    assert speaks_of_markup(inspection("de", respond("Ein tag steht in spitzen Klammern.", "Sag etwas.")))


def test_only_an_instruction_asks_for_programming() -> None:
    assert asks_for_programming(inspection("de", respond("x", "Schreibe Python")))
    assert asks_for_programming(inspection("de", respond("x"), respond("x", "Write a function")))
    assert not asks_for_programming(inspection("de", respond("Python", "Nenne ein Tier")))
