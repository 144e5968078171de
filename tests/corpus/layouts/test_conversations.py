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


@pytest.mark.parametrize(
    ("asked", "answered", "key"),
    [("text", "text", "text"), ("text", "text", "value"), ("input_text", "output_text", "text")],
)
def test_the_text_among_the_parts_of_a_turn_is_found_in_every_form(asked: str, answered: str, key: str) -> None:
    image, thought = {"type": "image_url", key: "1.jpg"}, {"type": "reasoning", key: "Licht, oder Meer?"}
    turns = [
        {"role": "user", "content": [image, {"type": asked, key: Q}]},
        {"role": "assistant", "content": [thought, {"type": answered, key: A}, {"type": ["odd"], key: B}]},
    ]
    for record in ({"messages": turns}, {"prompt": turns[:1], "chosen": turns[1], "rejected": turns[1:]}):
        slots = LayoutFinder().find(record).slots(record)
        assert {(slot.pair.response, slot.paths[Field.RESPONSE][-2:]) for slot in slots} == {(A, (1, key))}
        assert slots[0].paths[Field.INSTRUCTION][-2:] == (1, key)


def test_a_history_comes_before_the_last_turn() -> None:
    record = {"instruction": Q, "input": "", "output": A, "history": [[Q, B], [Q, A]]}
    slots = LayoutFinder().find(record).slots(record)
    assert [slot.pair.response for slot in slots] == [B, A, A]
    assert slots[0].paths[Field.RESPONSE] == ("history", 0, 1)
    assert len(LayoutFinder().find(record | {"history": []}).slots(record | {"history": []})) == 1
