"""English-bound tasks; the labelled texts are in tests/cases/english-bound-task.json."""

from __future__ import annotations

import pytest
from examining import Examine

from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_idiom_is_bound_in_every_language(examine: Examine, language: str) -> None:
    source = InstructionPair(instruction="Explain the idiom.", input="A piece of cake", response="Something easy.")
    pair = InstructionPair(instruction="…", input="…", response="…")
    (finding,), repaired = examine(pair, language, source=source, kinds=["english-bound-task"])
    assert "idiom" in finding.evidence
    assert repaired == pair


def test_an_instruction_that_is_missing(examine: Examine) -> None:
    source = InstructionPair(instruction="Explain the idiom.", response="Something easy.")
    for pair in (InstructionPair(response="…"), InstructionPair(instruction=" ", response="…")):
        assert examine(pair, "de", source=source, kinds=["english-bound-task"])[0] == []


def test_a_sorted_list_is_judged_once(examine: Examine) -> None:
    source = InstructionPair(instruction="Sort the words alphabetically.", input="dog, cat", response="cat, dog")
    pair = InstructionPair(instruction="Ordena", input="perro, gato, zorro", response="perro, gato, zorro")
    findings, _ = examine(pair, "es", source=source, kinds=["english-bound-task", "unsorted-list"])
    assert [finding.kind for finding in findings] == ["unsorted-list"]
