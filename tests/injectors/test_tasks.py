"""Defects of what a task asks for."""

from __future__ import annotations

from random import Random

import pytest

from midb.domain.pairs import Field, InstructionPair
from midb.injectors import CleanPair, Expectation, Injection, inject, injectors
from midb.injectors.words import ANIMALS, words_of
from midb.locales import LANGUAGES


def made(kind: str, language: str, pair: dict[str, str], source: dict[str, str]) -> dict[str, list[Injection]]:
    """Every defect of a kind by form."""
    clean = CleanPair(InstructionPair(**pair), language, InstructionPair(**source))
    found: dict[str, list[Injection]] = {}
    for injection in injectors()[kind].propose(clean, Random(1)):
        found.setdefault(injection.form, []).append(injection)
        assert injection.expected is Expectation.FLAGGED
    return found


def texts(injections: list[Injection], pair: dict[str, str]) -> list[str]:
    return [injection.applied(InstructionPair(**pair)).text(injection.field) or "" for injection in injections]


VILLAGE = {"instruction": "Beschreibe ein Dorf in 3 Sätzen.", "response": "Es ist still. Es ist klein. Es ist alt."}


def test_a_model_that_does_not_count_writes_on_or_stops_early() -> None:
    found = made("length-limit", "de", VILLAGE, {"instruction": "Describe a village in 3 sentences.", "response": ""})
    (longer,) = texts(found["goes on"], VILLAGE)
    assert longer.startswith(VILLAGE["response"])
    assert longer.count(".") > 6
    assert texts(found["stops early"], VILLAGE)[0] in ("Es ist still.", "Es ist klein.", "Es ist alt.")


@pytest.mark.parametrize(
    "task", ["Describe a village.", "Describe 3 sentences in 2 words, then in 9 words.", "Name 3 sentences."]
)
def test_a_task_without_one_plain_length_gets_none(task: str) -> None:
    assert made("length-limit", "de", VILLAGE, {"instruction": task}) == {}


@pytest.mark.parametrize(("language", "unit"), [("th", "sentences"), ("ja", "words"), ("th", "words")])
def test_nothing_is_counted_that_does_not_show(language: str, unit: str) -> None:
    assert made("length-limit", language, VILLAGE, {"instruction": f"Describe a village in 3 {unit}."}) == {}


def test_prices_of_the_task_are_copied_and_not_converted() -> None:
    pair = {"instruction": "Ein Kaffee kostet 3,50 €, ein Tee 2 €.", "response": "Kaffee für 3,50 €."}
    source = {"instruction": "A coffee costs $3.50, a tea $2.", "response": "Coffee for $3.50."}
    found = made("foreign-currency", "de", pair, source)
    assert texts(found["sign as in English"], pair) == ["Ein Kaffee kostet $3.50, ein Tee $2."]
    assert texts(found["dollars"], pair) == ["Ein Kaffee kostet 3.50 Dollar, ein Tee 2 Dollar."]
    assert {one.field for made_here in found.values() for one in made_here} == {Field.INSTRUCTION}
    assert made("foreign-currency", "de", pair, {"instruction": "A coffee costs $3.50."}) == {}, "not price by price"


def test_a_name_of_the_form_is_copied_or_written_by_its_sound() -> None:
    pair = {"instruction": "Имя: Иван Иванов", "response": "Имя: Иван Иванов"}
    found = made("english-name", "ru", pair, {"instruction": "Name: John Doe", "response": "Name"})
    assert texts(found["as in English"], pair) == ["Имя: John Doe"]
    assert texts(found["by its sound"], pair) == ["Имя: Джон Смит", "Имя: Джон Доу"]


def test_letters_and_items_are_translated_by_their_sense() -> None:
    pair = {"instruction": "Nenne Tiere mit H.", "response": "Hund, Hase, Huhn, Hirsch"}
    source = {"instruction": "Name animals whose names start with the letter B.", "response": "bear, bee, bird, bull"}
    found = made("english-bound-task", "de", pair, source)
    assert texts(found["every item translated"], pair) == ["Bär, Biene, Vogel, Stier"]
    assert "Hund, Vogel, Huhn, Hirsch" in texts(found["one item translated"], pair)
    word = {"instruction": "Kehre „Stein“ um.", "response": "niets"}
    turned = made(
        "english-bound-task", "de", word, {"instruction": "Reverse the letters of stone.", "response": "enots"}
    )
    assert texts(turned["letters of the English word"], word) == ["enots"]
    assert all(one.of_pair for one in turned["letters of the English word"])


def test_a_rhyme_is_lost_and_no_word_with_it() -> None:
    pair = {"instruction": "Reime.", "response": "Das alte Haus,\ndie kleine Maus."}
    found = made("english-bound-task", "de", pair, {"instruction": "Write a poem that rhymes.", "response": "x"})
    for verse in texts(found["translated for its sense"], pair):
        lines = verse.split("\n")
        assert sorted(verse.replace(",", "").replace(".", "").split()) == sorted(
            ["Das", "alte", "Haus", "die", "kleine", "Maus"]
        )
        assert (lines[0][-1], lines[1][-1]) == (",", ".")
        assert lines[0][-2] != lines[1][-2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_animals_of_the_english_list(language: str) -> None:
    words = words_of(language)
    assert words
    assert len(words.animals) == len(ANIMALS)
    assert len(words.names) == 2
    assert bool(words.english_names) == (language in ("ru", "ar", "ja", "ko", "el", "th"))


def test_without_a_source_no_task_is_known() -> None:
    clean = CleanPair(InstructionPair(**VILLAGE), "de")
    for kind in ("length-limit", "foreign-currency", "english-name", "english-bound-task"):
        assert inject(kind, clean, 1) is None
