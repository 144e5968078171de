"""The one writer of the audit log. Each batch of records, with all its parts and the checkpoint, is one transaction."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlite_utils import Database

from midb.audit import seals
from midb.audit.generation_rows import Spent, find_generation, generation_rows, seal_of, spent_on
from midb.audit.schema import migrate
from midb.corpus.raw import RawRecord
from midb.domain.decisions import Outcome, PairResult, Reason
from midb.domain.defects import FindingStatus
from midb.domain.errors import AuditError, UsageError
from midb.domain.generations import Generation, GenerationKey
from midb.domain.hashing import digest
from midb.domain.pairs import InstructionPair
from midb.domain.results import RecordResult, RejectedLine


def utc_now() -> str:
    """The time now, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Run:
    """A row of `runs`. ``config`` and ``versions`` are JSON texts; the rest is as the schema says."""

    id: int
    kind: str
    parent_run: int | None
    started_at: str
    finished_at: str | None
    status: str
    corpus: str
    corpus_sha256: str
    corpus_bytes: int
    output: str
    output_sha256: str | None
    rejected: str
    config: str
    config_hash: str
    engine: str
    versions: str


@dataclass(frozen=True)
class Checkpoint:
    """How far a run has come: everything before it is in the log and in the partial output, nothing after it is."""

    records: int = 0
    rejected_lines: int = 0
    events: int = 0
    position: int = 0
    line: int = 1
    input_offset: int = 0
    output_bytes: int = 0
    rejected_bytes: int = 0
    head: str = seals.GENESIS
    rejected_head: str = seals.GENESIS

    def past(self, record: RawRecord) -> Checkpoint:
        """Behind a record of the corpus; what was written for it is the caller's to say."""
        return dataclasses.replace(self, position=record.position + 1, line=record.next_line, input_offset=record.end)


def texts_json(pairs: Sequence[InstructionPair]) -> str:
    """Pairs as they stand in ``original_text`` and ``final_text``: ``[[instruction, input, response], ...]``."""
    return orjson.dumps([[pair.instruction, pair.input, pair.response] for pair in pairs]).decode()


def texts_hash(pairs: Sequence[InstructionPair]) -> str:
    """SHA-256 over the hashes of a record's pairs."""
    return digest(*(pair.content_hash() for pair in pairs))


@contextlib.contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into sentences: corrupted, locked, full."""
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


def connect(path: Path, *, read_only: bool = False) -> Database:
    """Open the file; every statement outside an explicit transaction stands by itself."""
    uri = f"{path.absolute().as_uri()}{'?mode=ro' if read_only else ''}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)
    connection.row_factory = sqlite3.Row
    return Database(connection)


#: Tables whose rows are numbered here.
_NUMBERED = ("runs", "records", "findings", "decisions", "rejected_lines", "run_events", "generations")


class AuditLog:
    """An audit log opened for writing. Only one process at a time may hold one (an advisory lock beside the file)."""

    def __init__(self, path: Path, *, now: Callable[[], str] = utc_now) -> None:
        self.path = path
        self._now = now
        self._lock = self._acquire()
        try:
            with database_errors(path):
                self.db = connect(path)
                self.db.execute("PRAGMA journal_mode = WAL")
                self.db.execute("PRAGMA synchronous = NORMAL")
                self.db.execute("PRAGMA foreign_keys = ON")
                migrate(self.db, path, now)
                self._ids = {
                    table: self.db.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
                    for table in _NUMBERED
                }
        except BaseException:
            self._release()
            raise

    def __enter__(self) -> AuditLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        with contextlib.suppress(sqlite3.Error):
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.db.close()
        self._release()

    def _acquire(self) -> int:
        lock = self.path.with_name(self.path.name + ".lock")
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UsageError(
                f"the audit log {self.path} cannot be written: {error.strerror}.", hint="Choose another --db."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise AuditError(
                f"{self.path} is in use by another run.",
                hint="Wait for it to end, or give this run another -o and --db.",
                retryable=True,
            ) from error
        return descriptor

    def _release(self) -> None:
        # Unlinked while still locked: whoever opened the old file meanwhile fails to lock it or locks a dead name,
        # and SQLite's own locks still keep two writers apart.
        with contextlib.suppress(OSError):
            os.unlink(self.path.with_name(self.path.name + ".lock"))
        os.close(self._lock)

    # -- runs ------------------------------------------------------------------------------------------------------

    def latest_run(self) -> Run | None:
        """The last run of kind `run` (reverts are not resumed)."""
        row = self.db.execute("SELECT * FROM runs WHERE kind = 'run' ORDER BY id DESC LIMIT 1").fetchone()
        return row and Run(**{field.name: row[field.name] for field in dataclasses.fields(Run)})

    def wrote(self, output: str, sha256: str) -> bool:
        """Whether a run of this log wrote a file with this hash to ``output`` (as it stands in `runs`)."""
        query = "SELECT 1 FROM runs WHERE output = ? AND output_sha256 = ? LIMIT 1"
        return self.db.execute(query, [output, sha256]).fetchone() is not None

    def knows(self, output: str) -> bool:
        """Whether any run of this log writes, or wrote, ``output`` (as it stands in `runs`)."""
        return self.db.execute("SELECT 1 FROM runs WHERE output = ? LIMIT 1", [output]).fetchone() is not None

    def begin(self, run: Run) -> tuple[Run, Checkpoint]:
        """Start a run (its ``id`` is assigned here); unfinished ones of its kind are closed as superseded."""
        run = dataclasses.replace(run, id=self._next("runs"))
        checkpoint = Checkpoint()
        with self._transaction() as execute:
            unfinished = "SELECT * FROM runs WHERE kind = ? AND status IN ('running', 'interrupted', 'finishing')"
            for row in list(self.db.query(unfinished, [run.kind])):
                self._update_run(execute, row | {"status": "superseded", "finished_at": self._now()})
            columns = dataclasses.asdict(run)
            self._insert(execute, "runs", columns | {"seal": seals.row_seal("runs", columns)})
            self._save_checkpoint(execute, run.id, checkpoint)
        return run, checkpoint

    def resume(self, run: Run) -> Checkpoint:
        """Where an unfinished run stopped; it counts as running again."""
        checkpoint = self.checkpoint(run)
        self.set_status(run, "running")
        return checkpoint

    def checkpoint(self, run: Run) -> Checkpoint:
        """How far a run has come; raises AuditError where the row was tampered with."""
        row = self.db.execute("SELECT * FROM checkpoints WHERE run_id = ?", [run.id]).fetchone()
        if row is None or row["seal"] != seals.row_seal("checkpoints", row):
            raise AuditError(
                f"the checkpoint of {self.path} was changed by hand.",
                hint="midb-agent audit verify says where; --fresh starts over.",
            )
        return Checkpoint(**{field.name: row[field.name] for field in dataclasses.fields(Checkpoint)})

    def set_status(self, run: Run, status: str, *, output_sha256: str | None = None, finished: bool = False) -> Run:
        """Record a run's status, with the hash of its output once that is known."""
        changes: dict[str, Any] = {"status": status}
        if output_sha256 is not None:
            changes["output_sha256"] = output_sha256
        if finished:
            changes["finished_at"] = self._now()
        run = dataclasses.replace(run, **changes)
        with self._transaction() as execute:
            self._update_run(execute, dataclasses.asdict(run))
        return run

    def _update_run(self, execute: Callable[..., Any], row: dict[str, Any]) -> None:
        execute(
            "UPDATE runs SET status = ?, finished_at = ?, output_sha256 = ?, seal = ? WHERE id = ?",
            (row["status"], row["finished_at"], row["output_sha256"], seals.row_seal("runs", row), row["id"]),
        )

    # -- generations -------------------------------------------------------------------------------------------------

    def find_generation(self, key: GenerationKey) -> Generation | None:
        """A reply that is in the log already, of whatever run; AuditError where the row was changed by hand."""
        with database_errors(self.path):
            return find_generation(self.db.conn, key)

    def add_generations(self, run: Run, generations: Sequence[Generation]) -> list[Generation]:
        """Log replies as they come, in one transaction; returns them with the ids of their rows.

        They are written before the pairs they belong to are finished, so that none is paid for twice.
        """
        written = [dataclasses.replace(generation, id=self._next("generations")) for generation in generations]
        with self._transaction() as execute:
            for generation in written:
                row, shared = generation_rows(generation, run.id)
                for text in shared:
                    execute("INSERT OR IGNORE INTO prompts VALUES (?, ?, ?)", text)
                self._insert(execute, "generations", row)
        return written

    def spent_on(self, generations: Sequence[int]) -> Spent:
        """What some replies took, whoever paid for them."""
        with database_errors(self.path):
            return spent_on(self.db.conn, generations)

    # -- batches ---------------------------------------------------------------------------------------------------

    def write_batch(
        self,
        run: Run,
        records: Sequence[RecordResult],
        rejected: Sequence[RejectedLine],
        checkpoint: Checkpoint,
        events: Sequence[tuple[str, str]] = (),
    ) -> Checkpoint:
        """Write a batch in one transaction and move the checkpoint to ``checkpoint``.

        The caller fills in positions and byte counts; counts of rows and the heads of the chains are filled in here.
        ``events`` are (level, message) pairs.
        """
        head, rejected_head = checkpoint.head, checkpoint.rejected_head
        with self._transaction() as execute:
            for record in records:
                head = self._write_record(execute, run.id, record, head)
            for line in rejected:
                row = (
                    self._next("rejected_lines"), run.id, line.position, line.line, line.offset, line.length,
                    line.sha256, line.reason, line.message,
                )  # fmt: skip
                link = seals.chained("rejected_lines", rejected_head, row)
                execute(f"INSERT INTO rejected_lines VALUES ({_marks(11)})", (*row, rejected_head, link))
                rejected_head = link
            for level, message in events:
                event = {
                    "id": self._next("run_events"), "run_id": run.id, "at": self._now(), "level": level,
                    "message": message,
                }  # fmt: skip
                self._insert(execute, "run_events", event | {"seal": seals.row_seal("run_events", event)})
            checkpoint = dataclasses.replace(
                checkpoint,
                records=checkpoint.records + len(records),
                rejected_lines=checkpoint.rejected_lines + len(rejected),
                events=checkpoint.events + len(events),
                head=head,
                rejected_head=rejected_head,
            )
            self._save_checkpoint(execute, run.id, checkpoint)
        return checkpoint

    def _write_record(self, execute: Callable[..., Any], run_id: int, result: RecordResult, head: str) -> str:
        originals = [pair.original for pair in result.pairs]
        finals = [pair.final for pair in result.pairs]
        changed = finals != originals
        told = any(pair.findings or any(d.edits for d in pair.decisions) for pair in result.pairs)
        original_hash = texts_hash(originals)
        record = (
            self._next("records"), run_id, result.position, result.line, result.key, result.language,
            result.outcome.value, len(result.pairs),
            sum(f.status is FindingStatus.OPEN for pair in result.pairs for f in pair.findings),
            texts_json(originals) if told else None,
            texts_json(finals) if changed else None,
            original_hash,
            texts_hash(finals) if changed else original_hash,
        )  # fmt: skip
        first = self._ids["decisions"] + 1
        findings = self._finding_rows(record[0], result.pairs, first)
        seal = seals.record_seal(record, findings)
        execute(f"INSERT INTO records VALUES ({_marks(14)})", (*record, seal))
        for number, pair in enumerate(result.pairs):
            for decision in pair.decisions:
                row = (
                    self._next("decisions"), record[0], number, decision.pass_.value, decision.attempt,
                    decision.action.value, decision.reason.value, decision.detail, decision.before_hash,
                    decision.after_hash, decision.prompt_hash, decision.generation,
                )  # fmt: skip
                edits = [
                    (row[0], ordinal, e.field.value, e.start, e.end, e.before, e.after, e.kind)
                    for ordinal, e in enumerate(decision.edits)
                ]
                link = seals.decision_hash(head, seal, row, edits, seal_of(self.db.conn, decision.generation))
                execute(f"INSERT INTO decisions VALUES ({_marks(14)})", (*row, head, link))
                for edit in edits:
                    execute(f"INSERT INTO edits VALUES ({_marks(8)})", edit)
                head = link
        for finding in findings:
            execute(f"INSERT INTO findings VALUES ({_marks(13)})", finding)
        return head

    def _finding_rows(self, record_id: int, pairs: Sequence[PairResult], first: int) -> list[tuple[Any, ...]]:
        """The rows of `findings`; ``first`` is the id the record's first decision gets."""
        rows = []
        for number, pair in enumerate(pairs):
            for logged in pair.findings:
                f = logged.finding
                decision = None if logged.decision is None else first + logged.decision
                rows.append(
                    (
                        self._next("findings"), record_id, number, f.field.value, f.kind, f.family.value,
                        f.severity.value, f.start, f.end, f.evidence, f.detector, logged.status.value, decision,
                    )
                )  # fmt: skip
            first += len(pair.decisions)
        return rows

    def _save_checkpoint(self, execute: Callable[..., Any], run_id: int, checkpoint: Checkpoint) -> None:
        row = {"run_id": run_id, **dataclasses.asdict(checkpoint)}
        execute("DELETE FROM checkpoints WHERE run_id = ?", (run_id,))
        self._insert(execute, "checkpoints", row | {"seal": seals.row_seal("checkpoints", row)})

    # -- reading what a run needs at its end -------------------------------------------------------------------------

    def outcomes(self, run: Run) -> dict[tuple[str, Outcome], int]:
        """Records per (language, outcome): the ledger, counted from the log itself."""
        rows = self.db.execute(
            "SELECT language, outcome, count(*) FROM records WHERE run_id = ? GROUP BY 1, 2", [run.id]
        )
        return {(language, Outcome(outcome)): count for language, outcome, count in rows}

    def finding_counts(self, run: Run) -> tuple[dict[str, int], dict[str, int]]:
        """Findings per kind: (repaired, open)."""
        rows = self.db.execute(
            "SELECT f.kind, f.status, count(*) FROM findings f JOIN records r ON r.id = f.record_id "
            "WHERE r.run_id = ? GROUP BY 1, 2",
            [run.id],
        ).fetchall()
        repaired = {kind: count for kind, status, count in rows if status == FindingStatus.REPAIRED.value}
        return repaired, {kind: count for kind, status, count in rows if status == FindingStatus.OPEN.value}

    def internal_errors(self, run: Run) -> int:
        """Pairs that a fault of ours kept from being examined."""
        query = (
            "SELECT count(*) FROM decisions d JOIN records r ON r.id = d.record_id WHERE r.run_id = ? AND d.reason = ?"
        )
        return int(self.db.execute(query, [run.id, Reason.INTERNAL_ERROR.value]).fetchone()[0])

    def duplicate_keys(self, run: Run) -> int:
        """Ids that more than one record of the run has."""
        query = "SELECT count(*) FROM (SELECT 1 FROM records WHERE run_id = ? GROUP BY record_key HAVING count(*) > 1)"
        return int(self.db.execute(query, [run.id]).fetchone()[0])

    # -- plumbing --------------------------------------------------------------------------------------------------

    def _next(self, table: str) -> int:
        self._ids[table] += 1
        return int(self._ids[table])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Callable[..., Any]]:
        with database_errors(self.path), self.db.conn:
            self.db.conn.execute("BEGIN IMMEDIATE")
            yield self.db.conn.execute

    @staticmethod
    def _insert(execute: Callable[..., Any], table: str, row: dict[str, Any]) -> None:
        columns = ", ".join(f'"{column}"' for column in row)
        execute(f"INSERT INTO {table} ({columns}) VALUES ({_marks(len(row))})", tuple(row.values()))


def _marks(count: int) -> str:
    return ", ".join("?" * count)
