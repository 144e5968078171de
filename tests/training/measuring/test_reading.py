"""Held-out examples come back from their file as they were made."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from learned import PROMPTS, make, write_set

from midb.domain.errors import UsageError
from midb.domain.pairs import InstructionPair
from midb.training.data.revision import Origin, Revision
from midb.training.examples.example import ExampleKind, make_example
from midb.training.measuring.reading import choose, read_held_out
from midb.training.writing import HELD_OUT, MANIFEST, write_examples


def test_they_come_back_as_they_were(tmp_path: Path) -> None:
    write_set(tmp_path, rows=2, prompts=PROMPTS.fingerprint(), prompt_style="full")
    found = read_held_out(tmp_path)
    assert list(found.examples) == [make(kind, row) for row in range(2) for kind in ExampleKind]
    assert found.prompt_hashes == PROMPTS.fingerprint()
    assert found.manifest["prompt_style"] == "full"
    assert read_held_out(tmp_path / HELD_OUT).examples == found.examples


def test_sources_and_inputs_come_back(tmp_path: Path) -> None:
    source = InstructionPair(instruction="Name a colour.", response="Red.")
    raw = InstructionPair(instruction="Nenne eine Farbe.", input="", response="Gelp.\n")
    revision = Revision(
        name="a", row="r", language="de", origin=Origin.MEB, raw=raw,
        revised=raw.model_copy(update={"response": "Gelb.\n"}), source=source,
    )  # fmt: skip
    made = make_example(revision, ExampleKind.REVISION, PROMPTS)
    write_examples(tmp_path, [], [made], {})
    assert read_held_out(tmp_path).examples == (made,)


def test_a_manifest_of_another_file_is_none(tmp_path: Path) -> None:
    write_set(tmp_path, rows=1, prompt_style="short")
    with (tmp_path / HELD_OUT).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert read_held_out(tmp_path).manifest == {}
    (tmp_path / MANIFEST).unlink()
    assert read_held_out(tmp_path).prompt_hashes == {}


def damaged(**changes: Any) -> str:
    return json.dumps(changes)


@pytest.mark.parametrize(
    "change",
    [
        {"before": None}, {"target": {"response": 3}}, {"nonce": ""}, {"nonce": "a|>"}, {"pass": "verification"},
        {"pass": "cooking"}, {"kind": "other"}, {"language": "xx"}, {"messages": []}, {"messages": [{"role": "user"}]},
        {"messages": "text"}, {"before": {"response": None}}, {"source": "text"},
    ],
)  # fmt: skip
def test_what_is_no_example_is_named_by_its_line(change: dict[str, Any], tmp_path: Path) -> None:
    write_set(tmp_path, rows=1)
    first, *rest = (tmp_path / HELD_OUT).read_text(encoding="utf-8").splitlines()
    broken = json.dumps(json.loads(rest[0]) | change)
    (tmp_path / HELD_OUT).write_text(f"{first}\n{broken}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"held_out\.jsonl:2 is no held-out example") as caught:
        read_held_out(tmp_path)
    assert "midb-agent examples" in caught.value.hint


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"messages": 1}'])
def test_a_file_of_something_else(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text(text)
    with pytest.raises(UsageError, match=r"other\.jsonl:1 is no held-out example"):
        read_held_out(tmp_path / "other.jsonl")


def test_nothing_and_nowhere(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_held_out(tmp_path)
    (tmp_path / HELD_OUT).write_text("\n")
    with pytest.raises(UsageError, match="holds no example") as caught:
        read_held_out(tmp_path)
    assert "--holdout" in caught.value.hint


def test_some_of_them_are_whole_rows_and_always_the_same() -> None:
    examples = [make(kind, row) for row in range(9) for kind in ExampleKind]
    some = choose(examples, 6, seed=1)
    rows = {example.row for example in some}
    assert len(some) == 3 * len(rows)
    assert 6 <= len(some) < 12
    assert some == choose(examples, 6, seed=1)
    assert some == [example for example in examples if example.row in rows]
    assert len({example.row for seed in range(9) for example in choose(examples, 3, seed)}) > 3, "the seed decides"
    assert choose(examples, 0, 1) == choose(examples, 99, 1) == examples
    twins = [replace(example, row="one") for example in examples]
    assert choose(twins, 2, 1) == twins
