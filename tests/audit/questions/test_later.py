"""What later runs did to a record, and a run that goes on to all of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from cli_fixtures import Cli
from small_runs import broken_records, run_over, write_lines

from midb.audit.lineage import trace
from midb.audit.questions.comparing import sum_up
from midb.audit.questions.later import count_undone, find_later, find_standing_now
from midb.audit.reader import AuditReader


def test_what_became_of_a_record_later(undone_log: Path) -> None:
    with AuditReader(undone_log) as reader:
        (later,) = find_later(reader, reader.run(1), 0)
        told = later.describe()
        assert (told["run"], told["kind"], told["asked"]) == (3, "revert", "kind decimal-separator")
        undone = told["undone"]
        assert isinstance(undone, list)
        name = undone[0]
        assert len(undone) == 1
        assert (told["again"], told["written"]) == ([], [])
        runs = trace(reader, reader.run(3))
        assert name not in {item.name for item in find_standing_now(reader, runs, 0)}
        assert name in {item.name for item in find_standing_now(reader, runs[:1], 0)}


def test_edits_that_went_and_came_back_are_counted(cli: Cli, tmp_path: Path) -> None:
    run_over(write_lines(tmp_path / "c.jsonl", *broken_records(6)))
    db = tmp_path / "c.boosted.jsonl.audit.db"
    for name, words in (("a", ("--kind", "mojibake")), ("b", ("--pass", "revert", "--record", "de-3"))):
        assert cli("revert", "--db", db, "-o", f"{name}.jsonl", *words).code == 0
    with AuditReader(db) as reader:
        counted = [count_undone(reader, reader.run(number)) for number in (1, 2, 3)]
        assert counted == [[], [("mojibake", 3, 0, 3)], [("mojibake", 0, 1, 1)]]
        sums = [sum_up(reader, reader.run(number)) for number in (1, 2, 3)]
        assert [one.edits for one in sums] == [3, 0, 1], "those that stand in the texts"
        assert [one.open_findings for one in sums] == [0, None, None], "nobody looked again"
    out = cli("audit", "summary", "--run", 3, "--db", db).out
    assert "undone    edits  edits that stand again  records" in out


def test_what_was_changed_by_hand_is_said_and_stops_nothing(cli: Cli, tmp_path: Path) -> None:
    run_over(write_lines(tmp_path / "c.jsonl", *broken_records(2)))
    db = tmp_path / "c.boosted.jsonl.audit.db"
    assert cli("revert", "--db", db, "-o", "a.jsonl", "--kind", "mojibake").code == 0
    with closing(sqlite3.connect(db)) as log, log:
        log.execute("UPDATE edits SET before = 'x' WHERE decision_id = (SELECT max(decision_id) FROM edits)")
    shown = cli("audit", "show", "de-1", "--db", db)
    assert shown.code == 0
    assert "what it did cannot be replayed: audit verify says why" in shown.out
