"""Texts in columns, under the names that releases use."""

from __future__ import annotations

import pytest

from midb.corpus.layouts import columns_of


@pytest.mark.parametrize(
    ("record", "instruction", "response"),
    [
        ({"inputs": "q", "targets": "a", "language": "deu"}, "inputs", "targets"),
        ({"instruction": "q", "generation": "a", "model_name": "x"}, "instruction", "generation"),
        ({"question": "q", "target": "a"}, "question", "target"),
        ({"prompt": "q", "completion": "a"}, "prompt", "completion"),
    ],
)
def test_names_of_columns(record: dict[str, str], instruction: str, response: str) -> None:
    found = columns_of(record)
    assert found is not None
    assert (found.instruction, found.response) == (instruction, response)


@pytest.mark.parametrize("value", [4, ["a"], {"a": 1}, False])
@pytest.mark.parametrize("column", ["input", "output"])
def test_a_column_without_text_is_not_examined_and_says_so(column: str, value: object) -> None:
    record = {"instruction": "i", "input": "n", "output": "o"} | {column: value}
    found = columns_of(record)
    assert found is not None
    (slot,) = found.slots(record)
    assert slot.pair.instruction == "i"
    assert (slot.pair.input if column == "input" else slot.pair.response) is None, (
        "nothing is said of it, not even empty"
    )
    assert len(slot.skipped) == 1
    assert f'"{column}" holds' in slot.skipped[0]
