"""Lists in a wrong order; the labelled texts are in tests/cases/unsorted-list.json."""

from __future__ import annotations

import pytest
from examining import Examine

from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load
from midb.text.forms.alphabets import LetterOrder


def sort(examine: Examine, language: str, given: str, response: str, task: str) -> str | None:
    pair = InstructionPair(instruction="...", input=given, response=response)
    _, repaired = examine(pair, language, source=InstructionPair(instruction=task), kinds=["unsorted-list"])
    return repaired.response


@pytest.mark.parametrize("language", [code for code in LANGUAGES if load(code).get(LetterOrder)])
def test_every_alphabet_sorts_its_own_letters(examine: Examine, language: str) -> None:
    alphabet = load(language).get(LetterOrder)
    assert alphabet is not None
    assert len(set(alphabet.letters)) == len(alphabet.letters)
    letters = [letter for letter in alphabet.letters if letter not in alphabet.undecided][-8:]
    words = [letter * 3 for letter in letters]
    mixed = ", ".join(reversed(words))
    assert sort(examine, language, mixed, mixed, "Sort the words alphabetically.") == ", ".join(words)


def test_decimal_commas_are_no_separators(examine: Examine) -> None:
    task = "Sort the numbers in ascending order."
    assert sort(examine, "de", "2,5, 1,5, 3,5", "1,5, 3,5, 2,5", task) == "1,5, 2,5, 3,5"
    assert sort(examine, "de", "2,5, 1,5, 3,5", "1,5, 2,5, 3,5", task) == "1,5, 2,5, 3,5"
    assert sort(examine, "de", "7,1,5,3", "1,7,5,3", task) == "1,3,5,7"


def test_the_evidence_names_both(examine: Examine) -> None:
    pair = InstructionPair(instruction="...", response="Asien, Europa, Afrika")
    source = InstructionPair(instruction="List the continents in alphabetical order.")
    findings, _ = examine(pair, "de", source=source, kinds=["unsorted-list"])
    assert [finding.evidence for finding in findings] == [
        "\N{LEFT DOUBLE QUOTATION MARK}Afrika\N{RIGHT DOUBLE QUOTATION MARK} comes before"
        " \N{LEFT DOUBLE QUOTATION MARK}Europa\N{RIGHT DOUBLE QUOTATION MARK} in the order that is asked for"
    ]
