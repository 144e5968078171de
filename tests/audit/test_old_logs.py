"""Logs that version 0.1.0 wrote verify, are shown and summed up, and take on what is new when they are written.

The log is `logs/before_undone.sql`: a run and a revert of it, written before there were the outcome `undone` and the
migration `0003_standing`.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import orjson
import pytest
from log_fixtures import RUN, AuditCommand, execute, now, rows_of

from midb.audit.file.schema import MIGRATIONS
from midb.audit.log import AuditLog
from midb.audit.proof.verify import verify
from midb.audit.reader import AuditReader


@pytest.fixture
def copy(old_log: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    path = tmp_path / "copy.audit.db"
    path.write_bytes(old_log.read_bytes())
    return path


def test_it_verifies_as_it_is(old_log: Path) -> None:
    proof = verify(old_log)
    assert proof.problems == []
    assert [(run.kind, run.records, run.edits, run.rejected_lines) for run in proof.runs] == [
        ("run", 4, 2, 1),
        ("revert", 4, 2, 1),
    ]
    assert rows_of(old_log, "SELECT count(*) FROM migrations") == [(2,)], "verifying writes nothing"


def test_a_change_in_it_is_still_named(copy: Path) -> None:
    execute(copy, "UPDATE records SET outcome = 'improved' WHERE id = 7")
    messages = [(problem.table, problem.row, problem.message) for problem in verify(copy).problems]
    assert ("records", "7", "its outcome is improved, but its texts and decisions say undone") in messages
    execute(copy, "DELETE FROM migrations WHERE id = 2")
    assert any(problem.table == "migrations" for problem in verify(copy).problems)


def test_the_older_word_is_no_licence_in_a_run(copy: Path) -> None:
    execute(copy, "UPDATE records SET outcome = 'reverted' WHERE id = 1")
    messages = [problem.message for problem in verify(copy).problems]
    assert "its outcome is reverted, but its texts and decisions say improved" in messages


def test_it_is_shown_with_the_word_of_today(old_log: Path, call: AuditCommand) -> None:
    shown = call("show", "it-1", "--run", 2, db=old_log).out
    assert shown.startswith("it-1 · it · undone · 1 edit · line 3 · verified: hashes and replay agree\n")
    assert "trail   undone by request (kind broken-numbering, decimal-separator)" in shown
    assert orjson.loads(call("show", "it-1", "--run", 2, "--json", db=old_log).out)["outcome"] == "undone"
    found = call("find", "--run", 2, "--outcome", "undone", "--json", db=old_log).out.splitlines()
    assert [orjson.loads(line)["record"] for line in found] == ["de-1", "it-1"]
    exported = call("export", "--run", 2, "--what", "records", "--format", "jsonl", db=old_log).out.splitlines()
    assert [orjson.loads(line)["outcome"] for line in exported] == ["undone", "unchanged", "undone", "unchanged"]


def test_it_is_summed_up_with_the_word_of_today(old_log: Path, call: AuditCommand) -> None:
    summary = call("summary", "--run", 2, db=old_log).out
    assert [line.split() for line in summary.splitlines() if line.startswith(("language", "total"))] == [
        ["language", "read", "unchanged", "undone", "rejected"],
        ["total", "5", "2", "2", "1"],
    ]
    told = orjson.loads(call("summary", "--run", 2, "--json", db=old_log).out)
    assert told["ledger"] == [["de", "unchanged", 2], ["de", "undone", 1], ["it", "undone", 1]]


def test_its_run_is_as_it_was(old_log: Path, call: AuditCommand) -> None:
    assert call("show", "de-1", "--run", 1, db=old_log).out.startswith("de-1 · de · improved · 1 edit")
    with AuditReader(old_log) as reader:
        assert {row.outcome for row in reader.records("r.run_id = ?", [1])} == {"improved", "unchanged"}


def test_writing_to_it_brings_it_up_to_date_and_changes_no_row(copy: Path) -> None:
    before = rows_of(copy, "SELECT * FROM records ORDER BY id")
    with AuditLog(copy, now=now) as log:
        run, _ = log.begin(RUN)
        log.set_status(run, "finished", finished=True)
    assert rows_of(copy, "SELECT name FROM migrations ORDER BY id") == [(name,) for name, _ in MIGRATIONS]
    assert rows_of(copy, "SELECT * FROM records ORDER BY id") == before
    assert verify(copy).problems == []
    assert rows_of(copy, "SELECT sum(edits) FROM edits_by_kind WHERE run_id = 1") == [(2,)]


def test_the_fixture_is_of_that_version(old_log: Path) -> None:
    words = rows_of(old_log, "SELECT DISTINCT outcome FROM records WHERE run_id = 2 ORDER BY 1")
    assert words == [("reverted",), ("unchanged",)]
    with pytest.raises(sqlite3.OperationalError):
        rows_of(old_log, "SELECT * FROM standing_decisions")
