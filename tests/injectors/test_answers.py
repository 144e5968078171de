"""Defects of whole answers."""

from __future__ import annotations

import pytest
from clean_pairs import clean_pairs, defects, pair

from midb.domain.pairs import InstructionPair
from midb.injectors import CleanPair, inject, injectors
from midb.locales import LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_takes_the_place_of_the_answer(language: str) -> None:
    made = defects(injectors()["refusal"], clean_pairs(language)["market"])
    assert len({text for texts in made.values() for text in texts}) == 2


def test_an_answer_goes_missing_unless_it_is_a_sign() -> None:
    assert "" in defects(injectors()["empty-response"], pair("de", "Guten Tag"))["nothing"]
    assert defects(injectors()["empty-response"], pair("de", "?")) == {}


def test_a_task_is_echoed_where_it_is_all_of_the_task() -> None:
    task = "Nenne die Hauptstadt von Ungarn."
    assert defects(injectors()["echoed-task"], pair("de", "Budapest", instruction=task)) == {"word for word": {task}}
    assert defects(injectors()["echoed-task"], pair("de", "Budapest", instruction=task, given="x")) == {}


def test_a_text_that_was_to_be_changed_comes_back() -> None:
    clean = clean_pairs("de")["tense"]
    assert defects(injectors()["unchanged-text"], clean) == {"input as it is": {clean.pair.input}}
    assert inject("unchanged-text", clean_pairs("de")["sorting"], 1) is None


def test_an_answer_is_cut_between_words() -> None:
    clean = clean_pairs("de")["market"]
    for texts in defects(injectors()["truncated-response"], clean).values():
        for text in texts:
            assert clean.response.startswith(f"{text} ")
            assert 0.3 < len(text) / len(clean.response) < 0.65


def test_the_last_sentence_comes_again_and_again() -> None:
    text = "Erst kommt der Regen. Dann scheint die Sonne."
    (made,) = defects(injectors()["repetition-loop"], pair("de", text))["last sentence"]
    assert made.startswith(f"{text} Dann scheint die Sonne. Dann scheint die Sonne.")
    assert "last sentence" not in defects(
        injectors()["repetition-loop"], pair("de", "Erst Regen. Es waren am Ende 5 Tage.")
    )


def test_english_and_other_languages_take_the_place_of_the_answer() -> None:
    clean = clean_pairs("id")["market"]
    assert clean.source
    assert defects(injectors()["untranslated-text"], clean) == {"whole answer": {clean.source.response}}
    made = defects(injectors()["wrong-language"], clean)
    assert set(made) == set(LANGUAGES) - {"id", "ms"}  # Malay is read for Indonesian


def test_a_list_has_one_item_too_few_or_too_many() -> None:
    clean = clean_pairs("de")["list"]
    made = defects(injectors()["item-count-mismatch"], clean)
    assert {text.count("\n") for text in made["one too few"]} == {2}
    assert {text.count("\n") for text in made["one too many"]} == {4}


def test_sorted_items_change_places() -> None:
    made = defects(injectors()["unsorted-list"], clean_pairs("ja")["numbers"])
    assert made["first and last swapped"] == {"102、19、33、48、7"}
    assert inject("unsorted-list", clean_pairs("de")["list"], 1) is None


def test_an_instruction_is_carried_out() -> None:
    task = InstructionPair(instruction="Erzähle.", response="Es war einmal. " * 20)
    made = inject("instruction-length", CleanPair(task, "de"), 1)
    assert made
    assert (made.applied(task).instruction or "").startswith("Erzähle.\n\nEs war einmal.")
    assert inject("instruction-length", pair("de", "Kurz."), 1) is None
