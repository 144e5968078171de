"""Walking a chain: which row is wrong, whether rows are missing, and that one change is reported once."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from pathlib import Path

import pytest
from log_fixtures import Tamper

from midb.audit.file import seals
from midb.audit.proof.chains import Chain, check_plain_chains, check_record, check_seals
from midb.domain.hashing import digest


def links(*names: str) -> list[tuple[str, str, str]]:
    """A chain of rows (previous hash, hash, content) in which each hash covers the one before and the content."""
    rows, previous = [], seals.GENESIS
    for name in names:
        rows.append((previous, digest(previous, name), name))
        previous = rows[-1][1]
    return rows


def walk(rows: list[tuple[str, str, str]]) -> tuple[Chain, list[str | None]]:
    """A chain after all rows, and what was wrong with each of them."""
    chain, found = Chain(), []
    for previous, stored, content in rows:

        def derive(before: str, content: str = content) -> Collection[str]:
            return (digest(before, content),)

        found.append(chain.step(previous, stored, derive, "the content"))
    return chain, found


def test_an_untouched_chain_is_right_and_its_end_is_known() -> None:
    rows = links("a", "b", "c")
    chain, found = walk(rows)
    assert found == [None] * 3
    assert (chain.length, chain.stored) == (3, rows[-1][1])
    assert chain.ends_at(rows[-1][1])
    assert not chain.ends_at(rows[0][1])
    assert Chain().ends_at(seals.GENESIS)


def test_a_changed_content_is_named_where_it_stands() -> None:
    first, (previous, stored, _), last = links("a", "b", "c")
    _, found = walk([first, (previous, stored, "B"), last])
    assert found == [None, "its hash does not agree with it: the content was changed", None]


def test_a_changed_hash_is_named_once() -> None:
    first, (previous, _, content), last = links("a", "b", "c")
    _, found = walk([first, (previous, "another hash", content), last])
    assert found[:2] == [None, "its hash does not agree with it: the content was changed"]
    assert found[2] is None, "the row after it is as it was"


def test_a_changed_link_is_told_from_a_missing_row() -> None:
    first, (_, stored, content), last = links("a", "b", "c")
    _, found = walk([first, ("another hash", stored, content), last])
    assert found == [None, "its previous_hash was changed", None]
    _, found = walk([first, last])
    assert found[0] is None
    assert "rows are missing or were added there" in (found[1] or "")


def test_an_added_row_breaks_the_chain_there() -> None:
    first, second = links("a", "b")
    _, found = walk([first, (first[1], digest(first[1], "x"), "x"), second])
    assert found[:2] == [None, None], "by itself it is a link like others"
    assert "were added there" in (found[2] or "")


def connect(path: Path) -> sqlite3.Connection:
    """A log opened by plain SQLite, as the checks read it."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


@pytest.mark.parametrize(("table", "run"), [("rejected_lines", "run_id"), ("migrations", "")])
def test_plain_chains_are_walked_run_by_run(table: str, run: str, finished_log: Path, tampered: Tamper) -> None:
    sql = f"SELECT * FROM {table} ORDER BY 1"
    chains: dict[object, Chain] = {}
    assert list(check_plain_chains(table, connect(finished_log).execute(sql), chains, run)) == []
    assert set(chains) == ({1, 2} if run else {None})
    column = "message" if run else "applied_at"
    changed = connect(tampered(f"UPDATE {table} SET {column} = 'x' WHERE id = 2"))
    (problem,) = check_plain_chains(table, changed.execute(sql), {}, run)
    assert (problem.table, problem.row) == (table, "2")
    assert "a column or the hash was changed" in problem.message


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("runs", "UPDATE runs SET engine = 'another' WHERE id = 1"),
        ("checkpoints", "UPDATE checkpoints SET seal = 'x' WHERE run_id = 1"),
        ("generations", "UPDATE generations SET completion = 'better' WHERE id = 1"),
        ("run_events", "UPDATE run_events SET message = 'fine' WHERE id = 1"),
    ],
)
def test_rows_that_belong_to_no_chain_have_seals(table: str, change: str, finished_log: Path, tampered: Tamper) -> None:
    sql = f"SELECT * FROM {table} ORDER BY 1"
    assert list(check_seals(table, connect(finished_log).execute(sql))) == []
    (problem,) = check_seals(table, connect(tampered(change)).execute(sql))
    assert (problem.table, problem.row) == (table, "1")


def problems_of_first_record(path: Path) -> list[tuple[str, str, str]]:
    """What is wrong with the record de-0417 of run 1, its findings and decisions."""
    connection = connect(path)
    execute = connection.execute
    (record,) = execute("SELECT * FROM records WHERE id = 1").fetchall()
    findings = execute("SELECT * FROM findings WHERE record_id = 1 ORDER BY id").fetchall()
    decisions = [
        (row, execute("SELECT * FROM edits WHERE decision_id = ? ORDER BY ordinal", [row["id"]]).fetchall())
        for row in execute("SELECT * FROM decisions WHERE record_id = 1 ORDER BY id").fetchall()
    ]
    found = list(check_record(record, findings, decisions, Chain(), {}))
    connection.close()
    return found


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("SELECT 1", []),
        (
            "UPDATE records SET language = 'nl' WHERE id = 1",
            [("records", "1", "one of its findings (1, 2, 3)")],
        ),
        ("UPDATE records SET seal = 'x' WHERE id = 1", [("records", "1", ": the seal was changed")]),
        ("DELETE FROM findings WHERE id = 2", [("records", "1", "one of its findings (1, 3)")]),
        ("UPDATE edits SET after = 'x' WHERE decision_id = 1", [("decisions", "1", "one of its edits (1/0)")]),
        ("UPDATE decisions SET attempt = 9 WHERE id = 3", [("decisions", "3", "one of its edits (it has none now)")]),
        ("UPDATE decisions SET generation_id = 1 WHERE id = 3", [("decisions", "3", "a column")]),
    ],
)
def test_what_a_record_covers_is_named(change: str, named: list[tuple[str, str, str]], tampered: Tamper) -> None:
    found = problems_of_first_record(tampered(change))
    assert [(table, row) for table, row, _ in found] == [(table, row) for table, row, _ in named]
    for (_, _, message), (_, _, part) in zip(found, named, strict=True):
        assert part in message
