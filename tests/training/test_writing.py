"""Examples on disk: chats that trainers read, and a manifest that is written last."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from midb.domain.errors import UsageError
from midb.domain.pairs import InstructionPair
from midb.prompts import load_prompts
from midb.training.data.revision import Origin, Revision
from midb.training.examples.example import ExampleKind, TrainingExample, make_example
from midb.training.writing import HELD_OUT, MANIFEST, TRAIN, write_examples


def example(name: str) -> TrainingExample:
    pair = InstructionPair(instruction="Nenne eine Farbe.", response="Rot.")
    made = Revision(name=name, row=name, language="de", origin=Origin.LINES, raw=pair, revised=pair)
    return make_example(made, ExampleKind.UNCHANGED, load_prompts())


def test_chats_are_what_a_run_sends_and_the_reply(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    write_examples(folder, [example("a"), example("b")], [example("c")], {"seed": 3})
    lines = [json.loads(line) for line in (folder / TRAIN).read_text(encoding="utf-8").splitlines()]
    assert [line["name"] for line in lines] == ["a", "b"]
    chat = lines[0]["messages"]
    assert [(m["role"], m["weight"]) for m in chat] == [("system", 0), ("user", 0), ("assistant", 1)]
    assert [m["content"] for m in chat] == [*(m.content for m in example("a").messages), example("a").completion]
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["seed"] == 3
    assert manifest["counts"]["train"] == [{"language": "de", "pass": "content", "kind": "unchanged", "examples": 2}]
    for name in (TRAIN, HELD_OUT):
        assert manifest["sha256"][name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    write_examples(folder, [example("d")], [], {})  # a set may be made anew
    assert json.loads((folder / TRAIN).read_text(encoding="utf-8"))["name"] == "d"


def test_nothing_else_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds something else \(notes.txt\)"):
        write_examples(tmp_path, [example("a")], [], {})
    with pytest.raises(UsageError, match="holds something else"):
        write_examples(tmp_path / "notes.txt", [example("a")], [], {})
