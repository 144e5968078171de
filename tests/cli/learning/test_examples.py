"""`midb-agent examples`: from files of revisions to two files of chats, in sentences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from midb.cli.main import main


def lines(count: int, language: str = "de") -> str:
    rows: list[dict[str, Any]] = [
        {
            "id": f"{language}-{number}", "lang": language,
            "instruction": f"Wie weit ist es bis zur Stadt mit der Nummer {number}, und wie kommt man hin?",
            "output": f"Es sind {number},5 Kilometer. Man fährt mit dem Zug.",
            "revised_output": f"Es sind {number},5 Kilometer. Man fährt mit dem Zug, der alle zwanzig Minuten kommt.",
        }
        for number in range(1, count + 1)
    ]  # fmt: skip
    return "\n".join(map(json.dumps, rows))


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_two_files_and_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text(lines(60))
    out = tmp_path / "out"
    assert main(["examples", str(tmp_path / "a.jsonl"), "-o", str(out), "--holdout", "0.3", "--seed", "5"]) == 0
    said = capsys.readouterr().err
    assert "60 revisions read: de 60" in said
    train, held = read(out / "train.jsonl"), read(out / "held_out.jsonl")
    assert held
    assert not {line["row"] for line in train} & {line["row"] for line in held}
    assert {line["kind"] for line in train} == {"revision", "unchanged", "defect"}
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["seed"] == 5
    assert [(one["name"], len(one["sha256"])) for one in manifest["data"]] == [("a.jsonl", 64)]


def test_rows_on_both_sides_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text(lines(9))
    (tmp_path / "b.jsonl").write_text(lines(3, "tr"))
    command = [
        "examples",
        str(tmp_path / "a.jsonl"),
        "-o",
        str(tmp_path / "out"),
        "--held-out",
        str(tmp_path / "b.jsonl"),
    ]
    assert main(command) == 2
    assert "3 held-out rows are trained on too" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--passes", "verification"], "no pass"),
        (["--passes", ","], "no pass"),
        (["--languages", "xx"], "xx"),
        (["--languages", "tr"], "there is no revision in"),
        (["--mix", "all"], "--mix"),
        (["--select", "best"], "--select"),
        (["--passes", "localization", "--mix", "revision:1"], "no example could be made"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jsonl").write_text(lines(9))
    assert main(["examples", str(tmp_path / "a.jsonl"), "-o", str(tmp_path / "out"), *options]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
