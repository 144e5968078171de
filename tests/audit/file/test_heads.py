"""A head covers what its transaction wrote, how the run stands then, and the head before: written out, and in a log."""

from __future__ import annotations

import dataclasses
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from log_fixtures import REJECTED, REPLY, RUN, now, rows_of, tale

from midb.audit.file import heads, seals
from midb.audit.file.key import SealKey
from midb.audit.log import AuditLog
from midb.domain.errors import AuditError, UsageError

KEY, OTHER = SealKey(b"k" * 32), SealKey(b"o" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of two batches, one with a reply before it."""
    path = tmp_path / "c.audit.db"
    with AuditLog(path, now=now) as log:
        run, checkpoint = log.begin(RUN)
        checkpoint = log.write_batch(run, tale()[:2], REJECTED[:1], checkpoint, [("warning", "slow")])
        log.add_generations(run, [REPLY])
        log.write_batch(run, tale()[2:3], [], checkpoint)
        log.set_status(run, "finished", finished=True)
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(path)
    opened.row_factory = sqlite3.Row
    yield opened
    opened.close()


def test_each_transaction_has_a_head_over_the_rows_it_wrote(path: Path, connection: sqlite3.Connection) -> None:
    rows = connection.execute("SELECT * FROM heads ORDER BY id").fetchall()
    assert [row["action"] for row in rows] == ["begun", "batch", "replies", "batch", "status"]
    assert [row["id"] for row in rows] == [1, 2, 3, 4, 5]
    covered = [set(orjson.loads(row["content"])) for row in rows]
    assert covered == [
        {"migrations", "runs"}, {"records", "decisions", "rejected_lines", "run_events"}, {"generations"},
        {"records", "decisions"}, set(),
    ]  # fmt: skip
    assert [row["last_record"] for row in rows] == [0, 2, 2, 3, 3]


def test_a_head_can_be_made_without_this_program(connection: sqlite3.Connection) -> None:
    """Written out, for whoever checks a log with other tools."""
    row = connection.execute("SELECT * FROM heads WHERE id = 2").fetchone()
    lines = "".join(f"{number} {seal}\n" for number, seal in connection.execute("SELECT id, seal FROM records LIMIT 2"))
    assert orjson.loads(row["content"])["records"] == hashlib.sha256(lines.encode()).hexdigest()
    values = [row[column] for column in seals.COVERED["heads"]]
    expected = hashlib.sha256(orjson.dumps(["heads", row["previous_hash"], values])).hexdigest()
    assert row["hash"] == expected
    last = connection.execute("SELECT state FROM heads ORDER BY id DESC LIMIT 1").fetchone()[0]
    (run,) = connection.execute("SELECT seal FROM runs").fetchone()
    (checkpoint,) = connection.execute("SELECT seal FROM checkpoints").fetchone()
    assert orjson.loads(last) == {"runs": run, "checkpoints": checkpoint}


def test_rows_are_told_by_their_numbers(connection: sqlite3.Connection) -> None:
    everything = list(heads.links_between(connection, "decisions", None))
    assert [number for number, _ in everything] == list(range(1, len(everything) + 1))
    assert list(heads.links_between(connection, "decisions", 1, 3)) == everything[1:3]
    assert list(heads.links_between(connection, "decisions", len(everything))) == []
    assert heads.content_hash([]) == hashlib.sha256().hexdigest()
    assert heads.content_hash(everything[:2]) != heads.content_hash(everything[1::-1])


def test_what_never_changes_of_a_run_is_hashed_when_it_begins(connection: sqlite3.Connection) -> None:
    run = dict(connection.execute("SELECT * FROM runs").fetchone())
    ((_, begun),) = heads.links_between(connection, "runs", None)
    assert begun == heads.begun_hash(run)
    assert begun == heads.begun_hash(run | {"status": "x", "finished_at": "x", "output_sha256": "x", "seal": "x"})
    for column in heads.FIXED:
        assert heads.begun_hash(run | {column: "x"}) != begun
    assert heads.begun_hash(run | {"engine": b"\xff"}) != begun


def test_a_head_that_fails_is_not_there(path: Path) -> None:
    before = rows_of(path, "SELECT * FROM heads")
    with AuditLog(path, now=now) as log:
        run = dataclasses.replace(RUN, id=1)
        with pytest.raises(AuditError):  # the position is taken
            log.write_batch(run, tale()[:1], [], log.checkpoint(run))
        assert log.head() == before[-1][-2]
    assert rows_of(path, "SELECT * FROM heads") == before


def test_a_later_migration_is_covered_by_the_next_head(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO migrations VALUES (7, '0007_later', '', '', '', 'ab')")
    heads.add_head(connection, None, 1, "status")
    row = connection.execute("SELECT * FROM heads ORDER BY id DESC").fetchone()
    assert row["last_migration"] == 7
    assert set(orjson.loads(row["content"])) == {"migrations"}


def test_an_empty_log_has_no_head(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "c.audit.db", now=now) as log:
        assert log.head() == seals.GENESIS
    assert rows_of(tmp_path / "c.audit.db", "SELECT * FROM heads") == []


def test_a_key_once_used_is_needed_from_then_on(path: Path) -> None:
    AuditLog(path, now=now, key=KEY).close()  # nothing was written: the log has no key yet
    AuditLog(path, now=now).close()
    with AuditLog(path, now=now, key=KEY) as log:
        log.begin(RUN)
    macs = [mac for (mac,) in rows_of(path, "SELECT mac FROM heads ORDER BY id")]
    assert macs[:5] == [None] * 5
    assert None not in macs[5:]
    with pytest.raises(UsageError, match="nothing is added to it without"):
        AuditLog(path, now=now)
    with pytest.raises(AuditError, match="another key"):
        AuditLog(path, now=now, key=OTHER)
    AuditLog(path, now=now, key=KEY).close()
