"""Opening a log: what SQLite raises becomes a sentence, and a foreign file is not touched."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from midb.audit.file.connection import (
    decode_or_keep,
    explain_read_errors,
    explain_write_errors,
    open_for_reading,
    open_for_writing,
    tune_for_writing,
)
from midb.audit.log import AuditLog
from midb.domain.errors import AuditError


@pytest.mark.parametrize(
    ("error", "sentence", "retryable"),
    [
        (sqlite3.OperationalError("database is locked"), "is locked by another program", True),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full while writing", True),
        (sqlite3.OperationalError("disk I/O error"), "cannot be written: disk I/O error", True),
        (sqlite3.DatabaseError("file is not a database"), "is not a readable SQLite file", False),
    ],
)
def test_errors_of_writing_are_sentences(error: sqlite3.Error, sentence: str, retryable: bool) -> None:
    with pytest.raises(AuditError, match=sentence) as caught, explain_write_errors(Path("a.db")):
        raise error
    assert "a.db" in caught.value.message
    assert caught.value.hint
    assert caught.value.retryable is retryable


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (sqlite3.OperationalError("no such table: edits"), "lacks a part of an audit log"),
        (sqlite3.OperationalError("unable to open database file"), "cannot be read"),
        (sqlite3.DatabaseError("database disk image is malformed"), "is damaged"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), "is damaged"),
    ],
)
def test_errors_of_reading_are_sentences(error: Exception, sentence: str) -> None:
    with pytest.raises(AuditError, match=sentence) as caught, explain_read_errors(Path("a.db")):
        raise error
    assert caught.value.hint


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), explain_write_errors(Path("a.db")):
        raise KeyError
    with pytest.raises(KeyError), explain_read_errors(Path("a.db")):
        raise KeyError


def test_a_foreign_file_is_refused_and_stays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bills (amount)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(AuditError, match="no audit log of midb-agent"):
        AuditLog(path)
    with pytest.raises(AuditError, match="no audit log of midb-agent"):
        open_for_reading(path)
    assert path.read_bytes() == before, "not even its journal mode was set"
    assert os.listdir(tmp_path) == ["foreign.db"]


def test_readers_may_read_while_a_batch_is_written(tmp_path: Path) -> None:
    path = tmp_path / "c.audit.db"
    AuditLog(path).close()
    db = open_for_writing(path)
    tune_for_writing(db)
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE migrations SET applied_at = 'now'")
    reader = open_for_reading(path)
    assert reader.execute("SELECT applied_at FROM migrations").fetchone()[0] != "now"
    reader.close()
    db.execute("ROLLBACK")
    db.close()


def test_a_quiet_file_is_read_without_a_trace(finished_log: Path) -> None:
    reader = open_for_reading(finished_log)
    reader.execute("SELECT count(*) FROM records").fetchone()
    assert os.listdir(finished_log.parent) == [finished_log.name]
    with pytest.raises(sqlite3.OperationalError):
        reader.execute("DELETE FROM records")
    reader.close()


def test_text_that_is_none_is_kept_as_bytes() -> None:
    assert decode_or_keep("ä日".encode()) == "ä日"
    assert decode_or_keep(b"\xff") == b"\xff"
