"""Whatever is changed in a log, `verify` names the table it was changed in, and the row or record."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from midb.audit import seals
from midb.audit.verify import Verdict, verify

Tamper = Callable[..., Path]

HASHES = {
    "migrations": ("previous_hash", "hash"),
    "runs": ("seal",),
    "checkpoints": ("seal",),
    "records": ("seal",),
    "findings": (),
    "decisions": ("previous_hash", "hash"),
    "edits": (),
    "generations": ("seal",),
    "rejected_lines": ("previous_hash", "hash"),
    "run_events": ("seal",),
}
COLUMNS = [(table, column) for table in HASHES for column in (*seals.COVERED[table], *HASHES[table])]


def keys(path: Path, table: str) -> list[tuple[str, str]]:
    """A condition that selects the row, and the row's label, for every row of a table."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    names = {"edits": ("decision_id", "ordinal"), "checkpoints": ("run_id",)}.get(table, ("id",))
    rows = connection.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(names)}").fetchall()
    connection.close()
    return [
        (" AND ".join(f"{n} = {v}" for n, v in zip(names, row, strict=True)), "/".join(map(str, row))) for row in rows
    ]


def some(rows: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The first, middle and last row."""
    yield from {rows[0], rows[len(rows) // 2], rows[-1]}


def names(verdict: Verdict, table: str, label: str | None = None) -> bool:
    """Whether a problem names the table, and the row where one is asked for."""
    return any(
        (problem.table == table and label in (None, problem.row))
        or (table in problem.message and (label is None or label in problem.message))
        for problem in verdict.problems
    )


def test_an_untouched_log_is_intact_and_says_what_was_proved(finished_log: Path) -> None:
    verdict = verify(finished_log)
    assert verdict.intact, verdict.problems
    first, second = verdict.runs
    assert (first.records, first.rejected_lines, first.events, first.finished) == (13, 2, 2, True)
    assert (second.records, second.decisions, second.edits, second.finished) == (3, 6, 4, False)
    assert len(second.head) == 64


def test_reading_leaves_nothing_behind(finished_log: Path) -> None:
    before = finished_log.read_bytes()
    verify(finished_log)
    assert os.listdir(finished_log.parent) == [finished_log.name]
    assert finished_log.read_bytes() == before


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_changed_value_is_named(table: str, column: str, finished_log: Path, tampered: Tamper) -> None:
    for where, label in some(keys(finished_log, table)):
        changed = (
            f'UPDATE {table} SET "{column}" = CASE typeof("{column}") WHEN \'integer\' THEN "{column}" + 1000 '
            f"WHEN 'real' THEN \"{column}\" + 1 WHEN 'null' THEN 7 ELSE \"{column}\" || 'x' END WHERE {where}"
        )
        verdict = verify(tampered(changed))
        identity = column in ("id", "run_id", "decision_id", "ordinal", "record_id")
        assert not verdict.intact
        assert names(verdict, table, None if identity else label), (where, verdict.problems)


@pytest.mark.parametrize(("table", "column"), COLUMNS)
@pytest.mark.parametrize("value", ['CAST("{0}" AS BLOB)', "CAST(X'C328FF' AS TEXT)", "'many'"])
def test_a_value_of_the_wrong_type_is_named(
    table: str, column: str, value: str, finished_log: Path, tampered: Tamper
) -> None:
    if column in ("id", "run_id") and table in ("records", "decisions", "checkpoints", *HASHES) and column != "run_id":
        pytest.skip("SQLite itself allows nothing but integers here")
    where, _ = keys(finished_log, table)[-1]
    try:
        path = tampered(f'UPDATE {table} SET "{column}" = {value.format(column)} WHERE {where}')
    except sqlite3.IntegrityError:
        pytest.skip("SQLite itself refuses it")
    untouched = finished_log.read_bytes() == path.read_bytes()
    if "BLOB" in value and untouched:
        pytest.skip("an empty value")
    verdict = verify(path)
    assert names(verdict, table), verdict.problems


@pytest.mark.parametrize("table", HASHES)
def test_a_deleted_row_is_noticed(table: str, finished_log: Path, tampered: Tamper) -> None:
    for where, _ in keys(finished_log, table):
        verdict = verify(tampered(f"DELETE FROM {table} WHERE {where}"))
        if table == "generations":
            continue
        assert names(verdict, table), (where, verdict.problems)


@pytest.mark.parametrize("table", HASHES)
def test_an_inserted_row_is_noticed(table: str, finished_log: Path, tampered: Tamper) -> None:
    unique = {"records": "position", "rejected_lines": "position", "generations": "prompt_hash"}.get(table)
    identity = {"edits": "ordinal", "checkpoints": "run_id"}.get(table, "id")
    for where, _ in some(keys(finished_log, table)):
        copy = [
            "CREATE TEMP TABLE added AS SELECT * FROM " + f"{table} WHERE {where}",
            f"UPDATE added SET {identity} = {identity} + 500" + (f", {unique} = {unique} || '9'" if unique else ""),
            f"INSERT INTO {table} SELECT * FROM added",
        ]
        verdict = verify(tampered(*copy))
        assert names(verdict, table), (where, verdict.problems)
