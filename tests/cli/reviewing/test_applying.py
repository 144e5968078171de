"""`midb-agent apply`: what it says, and what it refuses. (What it does is tested beside `midb.runs.applying`.)"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from review_fixtures import candidates_of

from midb.audit.reader import AuditReader
from midb.review.desk import Desk, Said

Cli = Callable[..., Any]


@pytest.fixture
def judged(log: Path) -> Path:
    with AuditReader(log) as reader:
        desk = Desk(log, reader.run(1))
    desk.say("Ana", candidates_of(log)["one mojibake"], Said("reject"))
    desk.say("Ana", candidates_of(log)["open imperial-unit"], Said("change", "8 km"))
    return log


def test_it_says_what_it_did(cli: Cli, judged: Path) -> None:
    done = cli("apply", "--db", judged, "-o", "o.jsonl")
    assert (done.code, done.out) == (0, "")
    assert "6 read = 4 unchanged + 2 corrected + 0 rejected" in done.err
    assert "1 undone, 1 with a person's own text" in done.err
    told = cli("audit", "summary", "--db", judged, "--run", "3").out
    assert "corrected" in told
    assert "improved" not in told
    shown = cli("audit", "show", "one", "--db", judged, "--run", "3").out
    assert "reviewed by Ana" in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-o", "c.boosted.jsonl"), "exists"),
        (("-o", "o.jsonl", "--run", "2"), "run 2 is a review, which has no output"),
        (("-o", "o.jsonl", "--corpus", "c.boosted.jsonl"), "has changed since the run"),
        (("-o", "o.jsonl", "--db", "missing.db"), "there is no audit log"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], told: str, cli: Cli, judged: Path) -> None:
    done = cli("apply", *words, *(() if "--db" in words else ("--db", judged)))
    assert done.code == 2, done.err
    assert told in done.err
    assert not judged.with_name("o.jsonl").exists()


def test_a_review_is_told_by_its_reviewer_and_its_verdicts_by_what_they_are_on(cli: Cli, judged: Path) -> None:
    told = cli("audit", "summary", "--db", judged).out
    assert "of run 1 by Ana" in told
    assert "review  open" not in told, "open is a word for findings"
    assert "run 2 (review): 2 verdicts, each on an edit or a finding" in cli("audit", "verify", "--db", judged).out


def test_a_review_has_no_output_to_compare(cli: Cli, judged: Path) -> None:
    for words in (("--against", "2"), ("--run", "2", "--against", "1")):
        done = cli("audit", "diff", *words, "--db", judged)
        assert (done.code, "run 2 is a review, which has no output" in done.err) == (2, True), done.err
