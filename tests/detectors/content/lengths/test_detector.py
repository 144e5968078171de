"""Missed lengths; the labelled texts are in tests/cases/length-limit.json."""

from __future__ import annotations

import pytest
from examining import Examine

from midb.domain.pairs import InstructionPair


@pytest.mark.parametrize(("words", "found"), [(7, 1), (8, 0), (12, 0), (13, 1)])
def test_a_quarter_is_the_bound(examine: Examine, words: int, found: int) -> None:
    source = InstructionPair(instruction="Write a 10-word text.", response="…")
    pair = InstructionPair(instruction="Schreibe.", response="Wort " * words)
    assert len(examine(pair, "de", source=source, kinds=["length-limit"])[0]) == found


def test_the_source_says_it_and_not_the_translation(examine: Examine) -> None:
    source = InstructionPair(instruction="Write a text.", response="…")
    pair = InstructionPair(instruction="Schreibe höchstens 20 Wörter.", response="Wort " * 60)
    assert examine(pair, "de", source=source, kinds=["length-limit"])[0] == []
    (finding,), _ = examine(pair, "de", kinds=["length-limit"])
    assert finding.evidence == "the instruction asks for at most 20 words, the response has 60"


def test_code_is_not_counted(examine: Examine) -> None:
    pair = InstructionPair(instruction="Schreibe höchstens 20 Wörter.", response="```\n" + "x = 1\n" * 60 + "```")
    assert examine(pair, "de", kinds=["length-limit"])[0] == []
