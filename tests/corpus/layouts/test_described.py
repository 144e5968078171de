"""Columns that are described beside a corpus, and descriptions that say nothing of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_runs import lines_of, write_lines

from midb.cli.main import main
from midb.corpus.layouts.described import describe_columns, described_files

OTHER = {"file_name": "other.jsonl", "columns": {"prompt": "a", "response": "b"}}


def describe(folder: Path, entry: Any) -> Path:
    (folder / "dataset_info.json").write_text(json.dumps({"other": OTHER, "ours": entry}), encoding="utf-8")
    return folder / "c.jsonl"


def test_columns_that_nobody_would_guess_are_found(tmp_path: Path) -> None:
    entry = {"file_name": "c.jsonl", "columns": {"prompt": "aufgabe", "query": "dazu", "response": "lösung"}}
    assert describe_columns(describe(tmp_path, entry)) == "instruction=aufgabe,input=dazu,response=lösung"
    entry["columns"] = {"prompt": "aufgabe", "response": "lösung", "history": "davor"}
    assert describe_columns(describe(tmp_path, entry)) == "instruction=aufgabe,response=lösung"


@pytest.mark.parametrize(
    "entry",
    [
        {"file_name": "c.jsonl"},
        {"file_name": "c.jsonl", "columns": {"prompt": "instruction", "query": "input", "response": "output"}},
        {"file_name": "c.jsonl", "formatting": "sharegpt", "columns": {"messages": "talk"}},
        {"file_name": "c.jsonl", "ranking": True, "columns": {"prompt": "p", "chosen": "c", "rejected": "r"}},
        {"file_name": "c.jsonl", "columns": {"response": "b"}},
        {"file_name": "c.jsonl", "columns": {"prompt": "a", "response": "a"}},
        {"file_name": "c.jsonl", "columns": {"prompt": "a,b", "response": "c"}},
        {"file_name": "c.jsonl", "columns": {"prompt": 7, "response": "c"}},
        {"features": {"a": 1}, "splits": {}},
        [1, 2],
    ],
)
def test_what_says_nothing_changes_nothing(entry: Any, tmp_path: Path) -> None:
    assert describe_columns(describe(tmp_path, entry)) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b'{"a": '])
def test_a_broken_description_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "dataset_info.json").write_bytes(content)
    assert describe_columns(tmp_path / "c.jsonl") is None
    assert describe_columns(tmp_path / "nowhere" / "c.jsonl") is None


def test_files_of_a_folder_with_columns_of_their_own_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = describe(tmp_path, {"file_name": "c.jsonl", "columns": {"prompt": "aufgabe", "response": "lösung"}})
    assert described_files(tmp_path) == [], "what is not there is nobody's"
    write_lines(corpus, {"aufgabe": "Grüße!", "lösung": "Schön, dich zu sehen."})
    write_lines(tmp_path / "d.jsonl", {"instruction": "Grüße!", "output": "Schön, dich zu sehen."})
    assert described_files(tmp_path) == ["c.jsonl"]
    assert described_files(corpus) == []
    assert main(["check", str(tmp_path), "--language", "de"]) == 0
    assert "names columns for c.jsonl" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "d.jsonl"), "--language", "de"]) == 0
    assert "names columns" not in capsys.readouterr().err


def test_a_run_reads_them_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    record = {"aufgabe": "Grüße, und sag etwas Schönes!", "lösung": "SchÃ¶n, dich zu sehen."}
    corpus = write_lines(
        describe(tmp_path, {"file_name": "c.jsonl", "columns": {"prompt": "aufgabe", "response": "lösung"}}), record
    )
    assert main(["run", corpus.name, "--language", "de"]) == 0
    assert "dataset_info.json" in capsys.readouterr().err
    assert lines_of(tmp_path / "c.boosted.jsonl")[0]["lösung"] == "Schön, dich zu sehen."
    assert main(["audit", "verify"]) == 0
    assert main(["check", corpus.name, "--language", "de"]) == 0
    # What the user says comes first.
    capsys.readouterr()
    assert main(["check", corpus.name, "--language", "de", "--map", "instruction=lösung,response=aufgabe"]) == 0
    assert "dataset_info.json" not in capsys.readouterr().err
