"""What is refused before a training, and what a resume compares."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from midb.agent.engines.adapter_manifest import write_manifest
from midb.domain.errors import UsageError
from midb.domain.hashing import file_sha256
from midb.training.session import (
    RECORD,
    StoppedError,
    TrainingRecord,
    check_output,
    describe_examples,
    is_example_folder,
    read_examples,
)
from midb.training.tuning.encoded import EncodedExample
from midb.training.tuning.settings import TuningSettings


def chat(row: str, kind: str = "revision", language: str = "de") -> dict[str, Any]:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    return {"messages": messages, "row": row, "kind": kind, "language": language, "pass": "content", "name": f"{row}!"}


def write(folder: Path, train: list[dict[str, Any]], held_out: list[dict[str, Any]], **manifest: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in (("train.jsonl", train), ("held_out.jsonl", held_out)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    hashes = {name: file_sha256(folder / name) for name in ("train.jsonl", "held_out.jsonl")}
    (folder / "manifest.json").write_text(json.dumps({"sha256": hashes, **manifest}), encoding="utf-8")
    return folder


def test_a_folder_of_examples(tmp_path: Path) -> None:
    assert not is_example_folder(tmp_path)
    folder = write(tmp_path, [chat("1"), chat("2", language="tr")], [chat("3")], prompt_style="short")
    assert is_example_folder(folder)
    found = read_examples(folder)
    assert (len(found.train), len(found.held_out), found.prompts) == (2, 1, "short")
    assert found.list_values("language") == ["de", "tr"]
    assert read_examples(write(tmp_path, [chat("1")], [])).prompts == "full"


def test_rows_on_both_sides_are_refused(tmp_path: Path) -> None:
    """Also where a row stands in another language on the other side."""
    folder = write(tmp_path, [chat("1"), chat("2")], [chat("3"), chat("2", language="tr")])
    with pytest.raises(UsageError, match="2! and 2! are the same row"):
        read_examples(folder)


def test_what_would_teach_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="all 2 examples leave their pair as it is"):
        read_examples(write(tmp_path, [chat("1", "unchanged"), chat("2", "unchanged")], []))
    with pytest.raises(UsageError, match="holds no example"):
        read_examples(write(tmp_path, [], [chat("1")]))


@pytest.mark.parametrize("damage", ["changed", "no manifest", "no hashes", "a file is missing"])
def test_a_folder_that_is_not_whole(damage: str, tmp_path: Path) -> None:
    folder = write(tmp_path, [chat("1")], [chat("2")])
    if damage == "changed":
        (folder / "train.jsonl").write_text(json.dumps(chat("7")) + "\n")
    elif damage == "no manifest":
        (folder / "manifest.json").unlink()
    elif damage == "no hashes":
        (folder / "manifest.json").write_text("{}")
    else:
        (folder / "held_out.jsonl").unlink()
    with pytest.raises(UsageError) as caught:
        read_examples(folder)
    assert str(folder) in caught.value.message


def test_lengths_are_told() -> None:
    examples = [
        EncodedExample(ids=[1] * length, start=3, language="de", pass_="content", kind="k") for length in (5, 9)
    ]
    lines = "\n".join(describe_examples(examples, "train"))
    assert "2 examples: de 2" in lines
    assert "14 tokens, of them 8 learnt" in lines
    assert describe_examples([], "held out") == ["  held out none"]


def record(**changes: Any) -> TrainingRecord:
    made = TrainingRecord(
        settings=TuningSettings().as_dict(),
        base_name="tiny",
        base_sha256="ab",
        hashes={"train.jsonl": "cd"},
        prompts="short",
    )
    return replace(made, **changes)


def test_a_resume_goes_on_with_the_same_only(tmp_path: Path) -> None:
    record().write(tmp_path)
    record().compare(tmp_path, TuningSettings())
    with pytest.raises(UsageError, match="other settings: --lr was "):
        record().compare(tmp_path, TuningSettings(lr=0.1))
    with pytest.raises(UsageError, match="an adapter of tiny, not of small"):
        record(base_name="small", base_sha256="x").compare(tmp_path, TuningSettings())
    with pytest.raises(UsageError, match="other examples"):
        record(hashes={"train.jsonl": "x"}).compare(tmp_path, TuningSettings())
    for text in ("{", "[]", "{}"):
        (tmp_path / RECORD).write_text(text)
        with pytest.raises(UsageError, match="does not say which training"):
            record().compare(tmp_path, TuningSettings())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    check_output(folder, resume=False)
    with pytest.raises(UsageError, match="no training to go on with"):
        check_output(folder, resume=True)
    folder.mkdir()
    check_output(folder, resume=False)
    (folder / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match=r"something else \(thesis.tex\)"):
        check_output(folder, resume=False)
    (folder / "thesis.tex").unlink()
    record().write(folder)
    (folder / "before.json").write_text("[]")
    check_output(folder, resume=False)  # it had not begun: nothing is lost
    assert not (folder / "before.json").exists()
    (folder / "checkpoints").mkdir()
    with pytest.raises(UsageError, match="not finished"):
        check_output(folder, resume=False)
    check_output(folder, resume=True)
    write_manifest(folder, {"prompts": "short", "steps": {"stopped": ""}})
    for resume in (False, True):
        with pytest.raises(UsageError, match="finished adapter"):
            check_output(folder, resume=resume)
    write_manifest(folder, {"prompts": "short", "steps": {"stopped": "time"}})
    check_output(folder, resume=True)
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        check_output(tmp_path / "thesis.tex", resume=False)


def test_examples_of_an_attempt_that_failed_are_no_hindrance(tmp_path: Path) -> None:
    write(tmp_path / "examples", [chat("1")], [])
    check_output(tmp_path, resume=False)
    (tmp_path / "examples" / "manifest.json").unlink()
    with pytest.raises(UsageError, match=r"something else \(examples\)"):
        check_output(tmp_path, resume=False)


@pytest.mark.parametrize(("terminated", "code"), [(False, 130), (True, 143)])
def test_who_stops_a_training_gets_the_code_of_a_run(terminated: bool, code: int) -> None:
    assert StoppedError("stopped.", hint="", terminated=terminated).exit_code == code
