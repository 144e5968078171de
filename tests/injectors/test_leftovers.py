"""What is left around a text."""

from __future__ import annotations

import pytest
from clean_pairs import clean_pairs, defects, pair

from midb.domain.edits import Edit
from midb.domain.pairs import Field
from midb.injectors import CleanPair, inject, injectors
from midb.locales import LANGUAGES


def test_an_empty_input_gets_the_words_for_none_and_a_full_one_does_not() -> None:
    made = {edit.after for seed in range(60) for edit in _edits(clean_pairs("de")["market"], seed)}
    assert {"<noinput>", "Keine Eingabe"} <= made
    assert not any(edit.field is Field.INPUT for seed in range(30) for edit in _edits(clean_pairs("de")["tense"], seed))


def _edits(clean: CleanPair, seed: int) -> list[Edit]:
    made = inject("leaked-markup", clean, seed)
    return list(made.edits) if made else []


def test_signs_become_entities_outside_code_only() -> None:
    made = defects(injectors()["leaked-markup"], pair("de", "Brot & Salz, `a < b`"))
    assert made["entity"] == {"Brot &amp; Salz, `a < b`"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_notes_and_buttons_are_in_the_language_or_english(language: str) -> None:
    notes = defects(injectors()["translator-note"], clean_pairs(language)["market"], seeds=20)
    assert len(notes["announcement"]) == 2
    assert all(made.startswith(("Here", "Translation")) for made in notes["English announcement"])
    buttons = defects(injectors()["page-leftover"], clean_pairs(language)["market"], seeds=20)
    assert len(buttons["button behind the answer"]) == 2


def test_a_button_stands_within_a_block_of_code() -> None:
    made = defects(injectors()["page-leftover"], pair("de", "So:\n```python\nx = 1\n```"))
    assert made["button of a code block"] == {"So:\n```python\nCopy code\nx = 1\n```"}
