"""Pairs as chats, in the form that a training reads."""

from __future__ import annotations

import json
from pathlib import Path

from midb.domain.pairs import InstructionPair
from midb.training.examples.plain import join_task, make_chat
from midb.training.session import read_examples
from midb.training.writing import write_chats

PAIR = InstructionPair(instruction=" Fasse zusammen: ", input="Ein langer Text.", response=" Kurz. ")


def test_the_instruction_is_asked_and_the_response_is_learnt() -> None:
    chat = make_chat(PAIR, language="de", row="1", name="a", room=7)
    asked, answer = chat["messages"]
    assert (asked["role"], asked["content"], asked["weight"]) == ("user", "Fasse zusammen:\n\nEin langer Text.", 0)
    assert (answer["role"], answer["content"], answer["weight"]) == ("assistant", "Kurz.", 1)
    assert (chat["language"], chat["row"], chat["room"], chat["kind"]) == ("de", "1", 7, "chat")
    assert join_task(InstructionPair(instruction="Nur das.", response="Ja.")) == "Nur das."


def test_a_training_reads_them(tmp_path: Path) -> None:
    chats = [make_chat(PAIR, language="de", row=str(number), name=str(number)) for number in range(3)]
    write_chats(tmp_path / "set", chats[:2], chats[2:], {"prompt_style": "chat"})
    found = read_examples(tmp_path / "set")
    assert (found.train, found.held_out, found.prompts) == (chats[:2], chats[2:], "chat")
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_bytes())
    assert manifest["counts"]["train"] == [{"language": "de", "pass": "", "kind": "chat", "examples": 2}]
