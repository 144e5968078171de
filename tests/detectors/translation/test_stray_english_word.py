"""English words left over; the labelled texts are in tests/cases/stray-english-word.json."""

from __future__ import annotations

import pytest
from examining import Examine

from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load

KIND = ["stray-english-word"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_beside_another_script(examine: Examine, language: str) -> None:
    own = {"Arabic": "النور", "Cyrillic": "свет", "Greek": "φως", "Thai": "แสง"}.get(load(language).script, "光빛")
    text = f"{own} beacon {own}"
    source = InstructionPair(instruction="Write.", response="A beacon of light.")
    findings, _ = examine(InstructionPair(instruction="…", response=text), language, source=source, kinds=KIND)
    assert len(findings) == ("Latin" not in load(language).scripts)


@pytest.mark.parametrize(
    ("instruction", "found"),
    [("Write a story.", 1), ("Give a synonym.", 0), ("Write Python code.", 0), ("Translate it into English.", 0)],
)
def test_what_the_task_is_about(examine: Examine, instruction: str, found: int) -> None:
    source = InstructionPair(instruction=instruction, response="A beacon of light.")
    pair = InstructionPair(instruction="…", response="光の beacon のように")
    assert len(examine(pair, "ja", source=source, kinds=KIND)[0]) == found


def test_a_word_that_the_source_does_not_have_may_be_a_name(examine: Examine) -> None:
    source = InstructionPair(instruction="Write.", response="A lighthouse.")
    pair = InstructionPair(instruction="…", response="光の beacon のように")
    assert examine(pair, "ja", source=source, kinds=KIND)[0] == []
