"""The audit log opened for reading: typed rows, and a sentence for every way in which a file is not a log.

Nothing is ever written, not even beside the file. All that is read through one reader is of one moment, also while a
run goes on writing.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from midb.audit.file.connection import explain_read_errors, open_for_reading
from midb.audit.file.schema import MIGRATIONS, READABLE_FROM
from midb.audit.rows import (
    OUTCOME_BEFORE_UNDONE,
    VERIFY_HINT,
    LoggedRecord,
    RecordRow,
    as_text,
    read_parts,
    read_row,
)
from midb.audit.run_rows import Run
from midb.domain.decisions import Outcome
from midb.domain.errors import AuditError, UsageError

#: A record's outcome, as SQL over the alias ``r`` of `records`. Logs of version 0.1.0 have one word for what was taken
#: back by verification and for what a person undid; the kind of the run says which of the two it is.
READ_OUTCOME = (
    f"CASE WHEN r.outcome = '{OUTCOME_BEFORE_UNDONE}' AND EXISTS (SELECT 1 FROM runs u WHERE u.id = r.run_id AND "
    f"u.kind = 'revert') THEN '{Outcome.UNDONE}' ELSE r.outcome END"
)

#: What everything that reads a log needs; a view in the place of a table could say anything.
_TABLES = frozenset({"migrations", "runs", "checkpoints", "records", "findings", "decisions", "edits"})


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Raise AuditError for a log of a version that cannot be read: a newer one, or one that lacks tables or columns."""
    with explain_read_errors(path):
        applied = [row[0] for row in connection.execute("SELECT name FROM migrations ORDER BY id")]
    known = [name for name, _ in MIGRATIONS]
    if unknown := [name for name in applied if name not in known]:
        raise AuditError(
            f"{path} was written by a newer midb-agent (it knows {as_text(unknown[0])}).", hint="Upgrade midb-agent."
        )
    if len(applied) < READABLE_FROM or applied != known[: len(applied)]:
        raise AuditError(
            f"{path} was written by an older midb-agent.", hint="Any `midb-agent run` with this --db updates it."
        )


class AuditReader:
    """An audit log, opened for reading; close it, or use it in a ``with``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = open_for_reading(path)
        try:
            check_version(self.connection, path)
            with explain_read_errors(path):
                found = self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                missing = sorted(_TABLES - {row[0] for row in found})
            if missing:
                raise AuditError(f"{path} lacks the table {missing[0]}.", hint=VERIFY_HINT)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> AuditReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def query(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Iterator[sqlite3.Row]:
        """The rows of a query, one after another."""
        with explain_read_errors(self.path):
            # Not `yield from`: it would close the cursor of a reader that was closed before.
            for row in self.connection.execute(sql, parameters):  # noqa: UP028
                yield row

    def runs(self) -> list[Run]:
        """All runs, in the order in which they began."""
        return [read_row(Run, "runs", row) for row in self.query("SELECT * FROM runs ORDER BY id")]

    def run(self, number: int | None = None) -> Run:
        """One run; if none is named the latest that boosted a corpus, else the latest revert.

        Raises AuditError where the log has none, UsageError for an unknown one.
        """
        runs = {run.id: run for run in self.runs()}
        if not runs:
            raise AuditError(f"{self.path} holds no run.", hint="midb-agent run CORPUS makes one.")
        if number is None:
            return runs[max((run.id for run in runs.values() if run.kind == "run"), default=max(runs))]
        if number not in runs:
            have = "run 1" if len(runs) == 1 else f"runs {', '.join(map(str, runs))}"
            raise UsageError(f"there is no run {number} in {self.path}.", hint=f"It holds {have}.")
        return runs[number]

    def records(
        self, where: str, parameters: Sequence[Any] | dict[str, Any], limit: int | None = None
    ) -> Iterator[RecordRow]:
        """The records for which a condition (SQL, over the alias ``r``) holds, in the order of the corpus."""
        most = "" if limit is None else f" LIMIT {int(limit)}"
        sql = f"SELECT r.*, {READ_OUTCOME} AS read_outcome FROM records r WHERE {where} ORDER BY r.run_id, r.position"
        for row in self.query(sql + most, parameters):
            yield dataclasses.replace(read_row(RecordRow, "records", row), outcome=as_text(row["read_outcome"]))

    def parts(self, row: RecordRow) -> LoggedRecord:
        """A record with its decisions, edits and findings."""
        return read_parts(self.query, row)
