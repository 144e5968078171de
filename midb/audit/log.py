"""The one writer of the audit log. Each batch of records, with all its parts and the checkpoint, is one transaction."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from midb.audit.file import seals
from midb.audit.file.connection import explain_write_errors, open_for_writing, tune_for_writing
from midb.audit.file.heads import RowLink, add_head, begun_hash, read_last_head, require_key
from midb.audit.file.key import SealKey
from midb.audit.file.lock import WriterLock
from midb.audit.file.schema import migrate
from midb.audit.file.statements import insert, insert_values, marks
from midb.audit.generation_rows import (
    NotedPrompts,
    ReplyCosts,
    SharedText,
    find_generation,
    generation_rows,
    note_prompts,
    seal_of,
    spent_on,
)
from midb.audit.proof.records import check_one
from midb.audit.record_rows import RowNumbers, build_record_rows, build_rejected_row
from midb.audit.rows import LoggedRecord, RecordRow, read_parts, read_row
from midb.audit.run_rows import Checkpoint, Run, Written, utc_now
from midb.audit.verdict_rows import ReviewVerdict, build_verdict_row, describe_review
from midb.domain.decisions import Outcome, Reason
from midb.domain.defects import FindingStatus
from midb.domain.errors import AuditError
from midb.domain.generations import Generation, GenerationKey
from midb.domain.results import RecordResult, RejectedLine

#: System messages of which it is remembered that they are written: more than passes and languages of a run.
MOST_SHARED = 128

#: Replies of which the seal is remembered: more than a run is ahead of the records that it has written.
MOST_SEALS = 16_384


class AuditLog:
    """An audit log opened for writing. Only one process at a time may hold one (an advisory lock beside the file).

    ``key`` seals each head. A log that is sealed with a key already is opened with that key alone: UsageError without
    one, AuditError with another one.
    """

    def __init__(self, path: Path, *, now: Callable[[], str] = utc_now, key: SealKey | None = None) -> None:
        self.path = path
        self._key = key
        self._now = now
        self._lock = WriterLock(path)
        try:
            with explain_write_errors(path):
                self.db = open_for_writing(path)
                migrate(self.db, path, now)  # also refuses a file that is none of ours, before anything is set in it
                tune_for_writing(self.db)
                require_key(read_last_head(self.db), key)
                self._numbers = RowNumbers({table: self._last_id(table) for table in RowNumbers.TABLES})
            self._shared: set[SharedText] = set()  # the last system messages that were written
            self._seals: dict[int | None, str] = {}  # of the last replies that were written, by their ids
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        with contextlib.suppress(sqlite3.Error):
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.db.close()
        self._lock.release()

    def head(self) -> str:
        """The head of the log as it is now: the hash that covers everything that is in it."""
        return read_last_head(self.db).hash

    # -- runs ------------------------------------------------------------------------------------------------------

    def latest_run(self) -> Run | None:
        """The last run of kind `run` (reverts are not resumed)."""
        row = self.db.execute("SELECT * FROM runs WHERE kind = 'run' ORDER BY id DESC LIMIT 1").fetchone()
        return row and Run(**{field.name: row[field.name] for field in dataclasses.fields(Run)})

    def earlier_runs(self, run: Run) -> tuple[int, ...]:
        """The runs whose results a run takes over (`Run.parent_run`), the latest first."""
        found: list[int] = []
        number = run.parent_run
        while number is not None:
            found.append(number)
            (number,) = self.db.execute("SELECT parent_run FROM runs WHERE id = ?", [number]).fetchone()
        return tuple(found)

    def positions(self, runs: Sequence[int]) -> int:
        """How many records the one of these runs has read that came furthest."""
        sql = f"SELECT coalesce(max(position), 0) FROM checkpoints WHERE run_id IN ({marks(len(runs))})"
        return int(self.db.execute(sql, list(runs)).fetchone()[0])

    def find_record(self, runs: Sequence[int], position: int) -> LoggedRecord | None:
        """What the latest of these runs says of the record at a position; AuditError where that was changed by hand."""
        sql = f"SELECT * FROM records WHERE position = ? AND run_id IN ({marks(len(runs))}) ORDER BY run_id DESC"
        with explain_write_errors(self.path):
            found = self.db.execute(f"{sql} LIMIT 1", [position, *runs]).fetchone()
            if found is None:
                return None
            if check_one(self.db, found["id"]):
                raise AuditError(
                    f"the record at position {position:,} of run {found['run_id']} in {self.path} was changed by hand.",
                    hint="midb-agent audit verify says where; --fresh examines everything anew.",
                )
            return read_parts(self.db.execute, read_row(RecordRow, "records", found))

    def wrote(self, output: str, sha256: str) -> bool:
        """Whether a run of this log wrote a file with this hash to ``output`` (as it stands in `runs`)."""
        query = "SELECT 1 FROM runs WHERE output = ? AND output_sha256 = ? LIMIT 1"
        return self.db.execute(query, [output, sha256]).fetchone() is not None

    def knows(self, output: str) -> bool:
        """Whether any run of this log writes, or wrote, ``output`` (as it stands in `runs`)."""
        return self.db.execute("SELECT 1 FROM runs WHERE output = ? LIMIT 1", [output]).fetchone() is not None

    def begin(self, run: Run) -> tuple[Run, Checkpoint]:
        """Start a run (its ``id`` is assigned here); unfinished ones of its kind are closed as superseded."""
        run = dataclasses.replace(run, id=self._numbers.take("runs"))
        checkpoint = Checkpoint()
        with self._transaction() as execute:
            unfinished = "SELECT * FROM runs WHERE kind = ? AND status IN ('running', 'interrupted', 'finishing')"
            for row in self.db.execute(unfinished, [run.kind]).fetchall():
                self._update_run(execute, dict(row) | {"status": "superseded", "finished_at": self._now()})
                self._add_head(row["id"], "status")
            columns = dataclasses.asdict(run)
            insert(execute, "runs", columns | {"seal": seals.row_seal("runs", columns)})
            self._save_checkpoint(execute, run.id, checkpoint)
            self._add_head(run.id, "begun", [("runs", run.id, begun_hash(columns))])
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

    def written(self, run: Run) -> Written | None:
        """What the files of an unfinished run held at its checkpoint; ``None`` where no batch has said so.

        Raises AuditError where the row was tampered with.
        """
        row = self.db.execute("SELECT * FROM written WHERE run_id = ?", [run.id]).fetchone()
        if row is None:
            return None
        if row["seal"] != seals.row_seal("written", row):
            raise AuditError(
                f"what {self.path} says of the files of its run was changed by hand.",
                hint="midb-agent audit verify says where; --fresh starts over.",
            )
        return Written(row["output_sha256"], row["rejected_sha256"])

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
            self._add_head(run.id, "status")
        return run

    def _update_run(self, execute: Callable[..., Any], row: dict[str, Any]) -> None:
        execute(
            "UPDATE runs SET status = ?, finished_at = ?, output_sha256 = ?, seal = ? WHERE id = ?",
            (row["status"], row["finished_at"], row["output_sha256"], seals.row_seal("runs", row), row["id"]),
        )

    # -- generations -------------------------------------------------------------------------------------------------

    def find_generation(self, key: GenerationKey) -> Generation | None:
        """A reply that is in the log already, of whatever run; AuditError where the row was changed by hand."""
        if self._noted is not None and key.prompt_hash not in self._noted:
            return None
        with explain_write_errors(self.path):
            return find_generation(self.db, key)

    @functools.cached_property
    def _noted(self) -> NotedPrompts | None:
        """Prompts that may have a reply; ``None``: any. Nobody else adds replies while the log is open."""
        with explain_write_errors(self.path):
            return note_prompts(self.db)

    def add_generations(self, run: Run, generations: Sequence[Generation]) -> list[Generation]:
        """Log replies as they come, in one transaction; returns them with the ids of their rows.

        They are written before the pairs they belong to are finished, so that none is paid for twice.
        """
        written = [dataclasses.replace(generation, id=self._numbers.take("generations")) for generation in generations]
        links: list[RowLink] = []
        texts: set[SharedText] = set()
        for known, most in ((self._shared, MOST_SHARED), (self._seals, MOST_SEALS)):
            if len(known) > most:
                known.clear()
        with self._transaction() as execute:
            if self._noted is not None:
                self._noted.update(generation.key.prompt_hash for generation in written)
            for generation in written:
                row, shared = generation_rows(generation, run.id)
                for text in shared:
                    if text not in texts and text not in self._shared:
                        execute("INSERT OR IGNORE INTO prompts VALUES (?, ?, ?)", text)
                texts.update(shared)
                insert(execute, "generations", row)
                links.append(("generations", generation.id, row["seal"]))
            if links:
                self._add_head(run.id, "replies", links)
        self._shared |= texts  # written for good
        self._seals |= {number: seal for _, number, seal in links}
        return written

    def spent_on(self, generations: Sequence[int]) -> ReplyCosts:
        """What some replies took, whoever paid for them."""
        with explain_write_errors(self.path):
            return spent_on(self.db, generations)

    # -- reviews -----------------------------------------------------------------------------------------------------

    def open_review(self, parent: Run, reviewer: str) -> Run:
        """The review of a run by one reviewer: a run of its own, which never ends; begun where there is none yet."""
        review = Run(
            id=0, kind="review", parent_run=parent.id, started_at=self._now(), finished_at=None, status="open",
            corpus=parent.corpus, corpus_sha256=parent.corpus_sha256, corpus_bytes=parent.corpus_bytes, output="",
            output_sha256=None, rejected="", engine="", versions=parent.versions,
            **describe_review(reviewer, parent.id),
        )  # fmt: skip
        sql = "SELECT * FROM runs WHERE kind = 'review' AND parent_run = ? AND config = ? ORDER BY id"
        row = self.db.execute(sql, [parent.id, review.config]).fetchone()
        if row:
            return Run(**{field.name: row[field.name] for field in dataclasses.fields(Run)})
        review = dataclasses.replace(review, id=self._numbers.take("runs"))
        with self._transaction() as execute:
            columns = dataclasses.asdict(review)
            insert(execute, "runs", columns | {"seal": seals.row_seal("runs", columns)})
            self._save_checkpoint(execute, review.id, Checkpoint())
            self._add_head(review.id, "begun", [("runs", review.id, begun_hash(columns))])
        return review

    def add_verdicts(self, review: Run, reviewer: str, verdicts: Sequence[ReviewVerdict]) -> None:
        """Log what a reviewer said, in one transaction."""
        checkpoint = self.checkpoint(review)
        head = checkpoint.head
        with self._transaction() as execute:
            for verdict in verdicts:
                number = self._numbers.take("verdicts")
                row = build_verdict_row(verdict, number, review.id, reviewer, self._now(), head)
                insert(execute, "verdicts", row)
                head = row["hash"]
            moved = dataclasses.replace(checkpoint, position=checkpoint.position + len(verdicts), head=head)
            self._save_checkpoint(execute, review.id, moved)
            self._add_head(review.id, "verdicts")

    # -- batches ---------------------------------------------------------------------------------------------------

    def write_batch(
        self,
        run: Run,
        records: Sequence[RecordResult],
        rejected: Sequence[RejectedLine],
        checkpoint: Checkpoint,
        events: Sequence[tuple[str, str]] = (),
        written: Written | None = None,
    ) -> Checkpoint:
        """Write a batch in one transaction and move the checkpoint to ``checkpoint``.

        The caller fills in positions and byte counts, and says in ``written`` what the files hold up to them; counts of
        rows and the heads of the chains are filled in here. ``events`` are (level, message) pairs.
        """
        head, rejected_head = checkpoint.head, checkpoint.rejected_head
        links: list[RowLink] = []
        with self._transaction() as execute:
            for record in records:
                head = self._write_record(execute, run.id, record, head, links)
            for line in rejected:
                row = build_rejected_row(line, run.id, self._numbers.take("rejected_lines"), rejected_head)
                insert_values(execute, "rejected_lines", row)
                rejected_head = row[-1]
                links.append(("rejected_lines", row[0], rejected_head))
            for level, message in events:
                number = self._numbers.take("run_events")
                event = {
                    "id": number, "run_id": run.id, "at": self._now(), "level": level,
                    "message": message,
                }  # fmt: skip
                seal = seals.row_seal("run_events", event)
                insert(execute, "run_events", event | {"seal": seal})
                links.append(("run_events", number, seal))
            checkpoint = dataclasses.replace(
                checkpoint,
                records=checkpoint.records + len(records),
                rejected_lines=checkpoint.rejected_lines + len(rejected),
                events=checkpoint.events + len(events),
                head=head,
                rejected_head=rejected_head,
            )
            self._save_checkpoint(execute, run.id, checkpoint)
            if written:
                self._save_written(execute, run.id, written)
            self._add_head(run.id, "batch", links)
        return checkpoint

    def _write_record(
        self, execute: Callable[..., Any], run: int, result: RecordResult, head: str, links: list[RowLink]
    ) -> str:
        """Write a record with all its parts, and add their hashes to ``links``; returns the new end of the chain."""
        rows = build_record_rows(result, run, self._numbers, head, lambda n: self._seals.get(n) or seal_of(self.db, n))
        insert_values(execute, "records", rows.record)
        for table, several in (("decisions", rows.decisions), ("edits", rows.edits), ("findings", rows.findings)):
            for row in several:
                insert_values(execute, table, row)
        links.append(("records", rows.record[0], rows.record[-1]))
        links += (("decisions", row[0], row[-1]) for row in rows.decisions)
        return rows.head

    def _save_checkpoint(self, execute: Callable[..., Any], run_id: int, checkpoint: Checkpoint) -> None:
        row = {"run_id": run_id, **dataclasses.asdict(checkpoint)}
        execute("DELETE FROM checkpoints WHERE run_id = ?", (run_id,))
        insert(execute, "checkpoints", row | {"seal": seals.row_seal("checkpoints", row)})

    def _save_written(self, execute: Callable[..., Any], run_id: int, written: Written) -> None:
        row = {"run_id": run_id, **dataclasses.asdict(written)}
        execute("DELETE FROM written WHERE run_id = ?", (run_id,))
        insert(execute, "written", row | {"seal": seals.row_seal("written", row)})

    def _add_head(self, run_id: int, action: str, links: Sequence[RowLink] = ()) -> None:
        """End a transaction with the head that covers it."""
        add_head(self.db, self._key, run_id, action, links)

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

    def count_pairs(self, run: Run, reason: Reason) -> int:
        """Pairs with a decision for this reason."""
        query = (
            "SELECT count(*) FROM decisions d JOIN records r ON r.id = d.record_id WHERE r.run_id = ? AND d.reason = ?"
        )
        return int(self.db.execute(query, [run.id, reason.value]).fetchone()[0])

    def duplicate_keys(self, run: Run) -> int:
        """Ids that more than one record of the run has."""
        query = "SELECT count(*) FROM (SELECT 1 FROM records WHERE run_id = ? GROUP BY record_key HAVING count(*) > 1)"
        return int(self.db.execute(query, [run.id]).fetchone()[0])

    # -- plumbing --------------------------------------------------------------------------------------------------

    def _last_id(self, table: str) -> int:
        return int(self.db.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Callable[..., Any]]:
        with explain_write_errors(self.path), self.db:
            self.db.execute("BEGIN IMMEDIATE")
            yield self.db.execute
