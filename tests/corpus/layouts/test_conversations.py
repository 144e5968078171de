"""Talks under all the names that releases mix, and questions that stand with their answers."""

from __future__ import annotations

from typing import Any

import pytest

from midb.corpus.layouts import LayoutFinder
from midb.domain.pairs import Field

Q, A, B = "Warum ist der Himmel blau?", "Weil das Licht gestreut wird.", "Weil das Meer sich spiegelt."


@pytest.mark.parametrize(
    ("record", "path"),
    [
        ({"conversations": [{"role": "user", "content": Q}, {"role": "assistant", "content": A}]}, 1),
        ({"messages": [{"role": "user", "content": Q}, {"role": "bot", "content": A}]}, 1),
        ({"messages": [{"from": "human", "value": Q}, {"from": "gpt", "value": A}]}, 1),
        ({"conversation": [{"from": "human", "value": Q}, {"from": "chatgpt", "value": A}]}, 1),
        ({"chat": [{"role": "prompter", "text": Q}, {"role": "assistant", "text": A}]}, 1),
        ({"conversation": [{"system": "Sei nett.", "input": Q, "output": A}]}, 0),
        ({"conversation": [{"human": Q, "assistant": A}]}, 0),
        ({"conversations": [[Q, A]]}, 0),
    ],
)
def test_talks_are_read_under_every_name(record: dict[str, Any], path: int) -> None:
    (slot,) = LayoutFinder().find(record).slots(record)
    assert (slot.pair.instruction, slot.pair.response) == (Q, A)
    assert slot.paths[Field.RESPONSE][1] == path


def test_a_history_comes_before_the_last_turn() -> None:
    record = {"instruction": Q, "input": "", "output": A, "history": [[Q, B], [Q, A]]}
    slots = LayoutFinder().find(record).slots(record)
    assert [slot.pair.response for slot in slots] == [B, A, A]
    assert slots[0].paths[Field.RESPONSE] == ("history", 0, 1)
    assert len(LayoutFinder().find(record | {"history": []}).slots(record | {"history": []})) == 1
