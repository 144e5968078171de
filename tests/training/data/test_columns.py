"""Raw and revised texts, wherever a record has them."""

from __future__ import annotations

from typing import Any

import pytest

from midb.domain.pairs import InstructionPair
from midb.training.data.columns import NoRevisionError, find_revision

RAW = InstructionPair(instruction="a", input="", response="b")
REVISED = RAW.model_copy(update={"response": "c"})


@pytest.mark.parametrize(
    "record",
    [
        {"Raw Instruction": "a", "Raw Input": "", "Raw Response": "b",
         "Revised Instruction": "a", "Revised Input": "", "Revised Response": "c", "Distance": 3},
        {"Istruzione Grezza": "a", "Input Grezzo": "", "Risposta Grezza": "b",
         "Istruzione Rivisitata": "a", "Input Rivisitato": "", "Risposta Rivisitata": "c", "Distanza": 3},
        {"instruction": "a", "input": "", "output": "b", "revised_output": "c"},
        {"raw_instruction": "a", "raw_input": None, "raw_output": "b", "revised_output": "c", "note": "x y"},
        {"raw": {"instruction": "a", "input": "", "output": "b"},
         "revised": {"instruction": "a", "input": "", "output": "c"}},
        {"original": {"instruction": "a", "input": "", "output": "b"},
         "Corrected": {"instruction": "a", "input": "", "response": "c"}},
    ],
)  # fmt: skip
def test_a_pair_as_it_was_and_as_it_was_made(record: dict[str, Any]) -> None:
    assert find_revision(record) == (RAW, REVISED)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"instruction": "a", "output": "b"}, "no revised text"),
        ({"output": "b", "revised_output": "c"}, "no raw instruction"),
        ({"raw": {"number": 1}, "revised": {"instruction": "a", "output": "c"}}, "instruction"),
        ({"raw": {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}] * 2},
          "revised": {"instruction": "a", "output": "c"}}, "more than one pair"),
        ({}, "no raw instruction"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(record: dict[str, Any], words: str) -> None:
    with pytest.raises(NoRevisionError, match=words):
        find_revision(record)


def test_a_text_that_was_not_revised_stays() -> None:
    raw, revised = find_revision(
        {"Raw Instruction": "a", "Raw Response": "b", "Revised Instruction": "A", "Revised Note": "x"}
    )
    assert (raw.response, revised.instruction, revised.response) == ("b", "A", "b")
