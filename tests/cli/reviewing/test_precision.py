"""`midb-agent kinds --db`: how precise each kind was, as people said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_fixtures import Cli
from review_fixtures import candidates_of

from midb.audit.reader import AuditReader
from midb.review.desk import Desk, Said


@pytest.fixture
def judged(log: Path) -> Path:
    with AuditReader(log) as reader:
        desk = Desk(log, reader.run(1))
    found = candidates_of(log)
    desk.say("Ana", found["one mojibake"], Said("accept"))
    desk.say("Ana", found["hostile mojibake"], Said("reject"))
    desk.say("Ana", found["open imperial-unit"], Said("change", "8 km"))
    return log


def test_figures_for_people_and_for_programs(cli: Cli, judged: Path) -> None:
    shown = cli("kinds", "--db", judged).out
    lines = [line.split() for line in shown.splitlines() if " de " in line]
    assert lines[:2] == [
        ["imperial-unit", "de", "findings", "1", "1", "1", "100.0", "%", "21-100", "%"],
        ["mojibake", "de", "edits", "1", "0", "2", "50.0", "%", "9-91", "%"],
    ]
    assert "mojibake in de: 1 of 2 reviewed edits right (50 %, interval 9-91 %); too few to tell, it stays on" in shown
    rows = [json.loads(line) for line in cli("kinds", "--db", judged, "--json", "--language", "de").out.splitlines()]
    assert [(row["kind"], row["what"], row["right"], row["reviewed"]) for row in rows] == [
        ("imperial-unit", "findings", 1, 1),
        ("mojibake", "edits", 1, 2),
    ]


def test_nothing_reviewed_is_said(cli: Cli, judged: Path, reviewed: Path) -> None:
    for words in (("--db", reviewed), ("--db", judged, "--language", "tr")):
        done = cli("kinds", *words)
        assert done.code == 2
        assert "nobody has reviewed anything" in done.err


def test_a_check_takes_reviews_too(cli: Cli, judged: Path) -> None:
    corpus = judged.with_name("c.jsonl")
    given = ("--language", "de", "--json")
    assert "mojibake" in cli("check", corpus, *given).out
    done = cli("check", corpus, *given, "--reviewed", judged, "--min-verdicts", "2")
    assert "mojibake" not in done.out
    assert "imperial-unit" in done.out
    assert "review: mojibake in de: 1 of 2" in done.err
    assert "1 kind switched off by review" in done.err
