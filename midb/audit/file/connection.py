"""Opening the SQLite file of a log, for writing and for reading, and a sentence for every way in which that fails."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from midb.audit.file.schema import APPLICATION_ID
from midb.audit.rows import VERIFY_HINT
from midb.domain.errors import AuditError

#: How every SQLite file begins.
_MAGIC = b"SQLite format 3\0"

#: Seconds to wait for another program that holds the file's own lock for a moment.
_PATIENCE = 10


@contextlib.contextmanager
def explain_write_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite raises while a log is written into sentences: damaged, locked, full."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text:
            raise AuditError(
                f"{path} is locked by another program.", hint="Close it there and try again.", retryable=True
            ) from error
        if "full" in text:
            raise AuditError(
                f"the disk is full while writing {path}.",
                hint="Free some space and run the same command again: nothing that was finished is lost.",
                retryable=True,
            ) from error
        raise AuditError(
            f"{path} cannot be written: {text}.",
            hint="Check the disk's space and the folder's permissions, then run the same command again: nothing that "
            "was finished is lost.",
            retryable=True,
        ) from error
    except sqlite3.DatabaseError as error:
        raise AuditError(
            f"{path} is not a readable SQLite file: {error}.",
            hint="Move it aside; the corpus and the output are not affected.",
        ) from error


@contextlib.contextmanager
def explain_read_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite raises while a log is read into sentences: a part is missing, no permission, damaged."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            raise AuditError(f"{path} lacks a part of an audit log: {error}.", hint=VERIFY_HINT) from error
        raise AuditError(
            f"{path} cannot be read: {error}.", hint="Check the permissions of the file and its folder.", retryable=True
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # SQLite's own messages may quote what is no text
        raise AuditError(
            f"{path} is damaged: {error}.",
            hint="Restore a copy, or try `sqlite3 DB .recover`. The corpus and the output are not affected.",
        ) from error


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open or make the file; every statement outside an explicit transaction stands by itself."""
    connection = sqlite3.connect(path.absolute().as_uri(), uri=True, isolation_level=None, timeout=_PATIENCE)
    connection.row_factory = sqlite3.Row
    return connection


def tune_for_writing(db: sqlite3.Connection) -> None:
    """Readers may read while a batch is written, and a crash loses no batch that the disk has."""
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        db.execute(f"PRAGMA {pragma}")


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open an SQLite file of ours without leaving a trace; raises AuditError for any other file.

    A reader of a file in WAL mode makes a -wal and a -shm file and may not delete them. Where no -wal file lies beside
    it nobody has the file open and all of it is in the file itself, so it is opened as one that does not change.
    """
    _check_is_sqlite(path)
    quiet = not any(path.with_name(path.name + suffix).exists() for suffix in ("-wal", "-journal"))
    with explain_read_errors(path):
        uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if quiet else ''}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_PATIENCE)
    try:
        with explain_read_errors(path):
            connection.row_factory = sqlite3.Row
            connection.text_factory = decode_or_keep
            for pragma in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not ours or "migrations" not in tables:
            raise AuditError(f"{path} is an SQLite file, but no audit log of midb-agent.", hint="Choose another --db.")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_is_sqlite(path: Path) -> None:
    """Raise AuditError unless the file begins as an SQLite file does; SQLite itself would say so only later."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError as error:
        raise AuditError(
            f"there is no audit log {path}.", hint="A run writes it beside its output: OUTPUT.audit.db."
        ) from error
    except OSError as error:
        raise AuditError(f"{path} cannot be read: {error.strerror}.") from error
    if head != _MAGIC:
        what = "not an SQLite file" if head else "empty"
        raise AuditError(f"{path} is {what}.", hint="--db names an audit log (<output>.audit.db).")


def decode_or_keep(raw: bytes) -> str | bytes:
    """What SQLite calls TEXT, as text; the bytes themselves where they are not UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
