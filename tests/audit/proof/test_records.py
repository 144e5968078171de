"""Going through all records, or one alone: types, links, replay, and what stands beside the record."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from log_fixtures import Tamper

from midb.audit.proof.records import RecordsCheck, check_one, column_types, wrong_types
from midb.audit.reader import AuditReader


def run_through(path: Path, head: str | None = None) -> tuple[RecordsCheck, list[tuple[str, str, str]]]:
    """A check of all records, and what it found: (table, row, message)."""
    with AuditReader(path) as reader:
        check = RecordsCheck(reader.connection, column_types(reader.connection), head)
        return check, [(problem.table, problem.row, problem.message) for problem in check.problems()]


def alone(path: Path, record: int) -> list[tuple[str, str]]:
    """What is wrong with one record: (table, row)."""
    with AuditReader(path) as reader:
        return [(problem.table, problem.row) for problem in check_one(reader.connection, record)]


def test_everything_is_counted(finished_log: Path) -> None:
    check, found = run_through(finished_log)
    assert found == []
    assert dict(check.counts) == {1: 13, 2: 3}
    assert dict(check.edits) == {1: 12, 2: 4}
    assert {run: chain.length for run, chain in check.chains.items()} == {1: 25, 2: 6}


def test_a_hash_noted_earlier_is_found_with_its_place(finished_log: Path) -> None:
    with AuditReader(finished_log) as reader:
        (row,) = reader.query("SELECT hash FROM decisions WHERE id = 27")
    check, _ = run_through(finished_log, row["hash"])
    assert check.seen == (2, 2)
    assert run_through(finished_log, "0" * 64)[0].seen is None


def test_decisions_of_a_missing_record_do_not_break_the_chain_behind_them(tampered: Tamper) -> None:
    check, found = run_through(tampered("DELETE FROM records WHERE id = 3"))
    assert not any("rows are missing" in message for _, _, message in found)
    assert check.counts[1] == 12
    assert check.chains[1].length == 25


@pytest.mark.parametrize(
    ("change", "table", "row", "message"),
    [
        ("UPDATE records SET line = 'x' WHERE id = 2", "records", "2", "line should hold INTEGER and holds 'x'"),
        (
            "UPDATE edits SET kind = X'FF' WHERE decision_id = 1",
            "edits",
            "1/0",
            "kind should hold TEXT",
        ),
        ("UPDATE findings SET evidence = 7.5 WHERE id = 2", "findings", "2", ""),
    ],
)
def test_types_are_checked_before_the_replay(change: str, table: str, row: str, message: str, tampered: Tamper) -> None:
    found = run_through(tampered(change))[1]
    if message:
        assert any((one, label) == (table, row) and message in told for one, label, told in found), found
    else:  # SQLite made text of it: the seal of its record tells
        assert [(one, "its seal does not agree" in told) for one, _, told in found] == [("records", True)]


def test_a_column_may_hold_nothing_only_where_it_is_declared_so() -> None:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT, c REAL)")
    types = column_types(connection)["t"]
    assert [(name, declared) for name, declared, _ in types] == [
        ("id", "INTEGER"), ("a", "TEXT"), ("b", "TEXT"), ("c", "REAL"),
    ]  # fmt: skip
    row = connection.execute("SELECT 1 AS id, NULL AS a, NULL AS b, 'x' AS c").fetchone()
    assert list(wrong_types(row, types)) == [
        "the column a holds nothing",
        "the column c should hold REAL and holds 'x'",
    ]
    connection.close()


def test_one_record_alone_is_checked_with_its_neighbours(
    finished_log: Path, undone_log: Path, tampered: Tamper
) -> None:
    assert alone(finished_log, 1) == alone(finished_log, 16) == []
    with AuditReader(undone_log) as reader:
        undone = [row.id for row in reader.records("r.run_id = 3", [])]
    assert [alone(undone_log, number) for number in undone] == [[], [], []]
    assert alone(tampered("UPDATE edits SET after = 'x' WHERE decision_id = 1"), 1)[0] == ("decisions", "1")
    assert alone(tampered("UPDATE decisions SET detail = 'x' WHERE id = 1"), 2) == [], "another record's change"
    assert alone(tampered("DELETE FROM decisions WHERE id = 4"), 1) == [("decisions", "3")]
    assert alone(tampered("DELETE FROM decisions WHERE id = 3"), 2) == [("decisions", "4")]
    assert alone(finished_log, 12) == [], "a record with no decision but its skip"
