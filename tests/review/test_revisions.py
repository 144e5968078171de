"""Training data from reviews: only what people looked at whole, and as they want it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from review_fixtures import RECORDS, candidates_of

from midb.audit.reader import AuditReader
from midb.review.desk import Desk, Said
from midb.review.revisions import list_revisions
from midb.training.data.files import read_revisions


def say(log: Path, name: str, said: Said, reviewer: str = "Ana") -> None:
    with AuditReader(log) as reader:
        Desk(log, reader.run(1)).say(reviewer, candidates_of(log)[name], said)


def test_pairs_as_they_were_and_as_they_should_be(log: Path) -> None:
    say(log, "one mojibake", Said("accept"))
    say(log, "two decimal-separator", Said("change", ";"), "Bo")
    say(log, "quotes quotation-marks", Said("reject"))
    say(log, "open imperial-unit", Said("change", "8 km"))
    say(log, "hostile invisible-character", Said("reject"))  # its other edits were not reviewed
    with AuditReader(log) as reader:
        found = {row["id"]: row for row in list_revisions(reader, 1)}
    originals = {record["id"]: record["output"] for record in RECORDS}
    assert {name: row["raw"]["output"] for name, row in found.items()} == {
        name: originals[name] for name in ("one", "two", "quotes", "open")
    }
    assert {name: row["revised"]["output"] for name, row in found.items()} == {
        "one": "Schön, dich zu sehen.",
        "two": "Der Turm ist 3;5 Meter hoch, das Haus {size} Meter.",
        "quotes": originals["quotes"],
        "open": "Es sind 8 km bis zum See.",
    }
    assert found["two"]["reviewers"] == ["Bo"]
    assert {row["language"] for row in found.values()} == {"de"}


def test_a_fault_that_stands_teaches_nothing(log: Path) -> None:
    say(log, "open imperial-unit", Said("accept"))  # a fault, and nobody said what is right
    with AuditReader(log) as reader:
        assert list(list_revisions(reader, 1)) == []
    say(log, "open imperial-unit", Said("reject"))  # a false alarm: the pair is good as it is
    with AuditReader(log) as reader:
        (row,) = list_revisions(reader, 1)
    assert row["raw"] == row["revised"]


def test_it_says_what_is_left_out_and_why(log: Path, cli: Callable[..., Any], tmp_path: Path) -> None:
    say(log, "one mojibake", Said("accept"))
    say(log, "open imperial-unit", Said("accept"))
    say(log, "hostile invisible-character", Said("reject"))  # its other edits were not reviewed
    done = cli("audit", "export", "--format", "meb", "--db", log, "-o", tmp_path / "learn.jsonl")
    assert "training data of 1 record\n" in done.err
    assert "left out 1 record: some of their edits were not reviewed" in done.err
    assert "left out 1 record: people confirmed a fault" in done.err
    assert len((tmp_path / "learn.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_nothing_reviewed_is_nothing_to_learn(reviewed: Path) -> None:
    with AuditReader(reviewed) as reader:
        assert list(list_revisions(reader, 1)) == []


def test_the_export_is_what_examples_are_made_of(log: Path, cli: Callable[..., Any], tmp_path: Path) -> None:
    say(log, "one mojibake", Said("accept"))
    say(log, "two decimal-separator", Said("accept"))
    done = cli("audit", "export", "--format", "meb", "--db", log, "-o", tmp_path / "learn.jsonl")
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in (tmp_path / "learn.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == ["one", "two"]
    reading = read_revisions([tmp_path / "learn.jsonl"])
    assert len(reading.revisions) == 2
    assert {revision.language for revision in reading.revisions} == {"de"}
