"""A run: the corpus through the state machine, batch by batch, into the output and the audit log.

The order of writing is what makes a run survive anything: first the output's bytes reach the disk, then one transaction
holds everything that was decided about them together with the new checkpoint. What lies beyond the checkpoint is cut
off when a run resumes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator

from midb.agent.run.examine import reject
from midb.agent.run.model_pool import ModelPool
from midb.agent.run.session import Session
from midb.agent.run.worker_pool import Batch, Result, WorkerPool
from midb.audit.log import Checkpoint
from midb.corpus.formats.containers import Container
from midb.corpus.output import GrowingFile, move_into_place, rejected_entry
from midb.corpus.raw import RawRecord, Start, Tail
from midb.corpus.records import too_long
from midb.corpus.sources import Sources
from midb.domain.decisions import Action, Outcome, Pass, standing
from midb.domain.defects import FindingStatus
from midb.domain.errors import MidbError
from midb.domain.events import BatchDone, EditMade, Event, LineRejected, RunEnded, Warned
from midb.domain.generations import Usage
from midb.domain.hashing import file_sha256
from midb.domain.results import RecordResult, RejectedLine

#: Records per batch, transaction and checkpoint. A kill loses the work on at most the batches that are out.
BATCH = 32

#: Edits a batch shows on the dashboard.
SHOWN_EDITS = 4

#: Characters of context beside an edit on the dashboard.
CONTEXT = 16

Emit = Callable[[Event], None]


class StrictError(MidbError):
    """`--strict`, and a line that cannot be read."""


class Runner:
    """Takes one corpus from a checkpoint to the end. ``stopped`` is asked between batches (Ctrl-C)."""

    def __init__(
        self, session: Session, emit: Emit, stopped: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session = session
        self._emit = emit
        self._stopped = stopped
        self._clock = clock
        self._checkpoint: Checkpoint = session.checkpoint
        self._warnings: list[str] = []
        self._tail: Tail | None = None

    def run(self) -> RunEnded:
        """Examine what is left, then put the output into place; returns the last event."""
        session, started = self._session, self._clock()
        partial = GrowingFile(session.places.partial, self._checkpoint.output_bytes)
        rejected = GrowingFile(session.places.rejected, self._checkpoint.rejected_bytes)
        self._warnings += session.new_warnings
        try:
            for warning in session.new_warnings:
                self._emit(Warned(message=warning))
            with self._pool() as pool:
                for batch, results in pool.examine(self._left(), self._stopped):
                    self._write(batch, results, partial, rejected)
            if self._tail is None:
                if session.model and session.model.exhausted:
                    budget = session.model.settings.budget.written
                    self.warn(f"the budget of {budget} is used up; the same command goes on with a new one")
                    self._keep_warnings()
                session.log.set_status(session.run, "interrupted")
                return self._ended("interrupted", started)
            self._tell_duplicates()
            first = partial.length == 0
            partial.write(session.container.tail(self._tail, first=first))
            partial.sync()
        except BaseException:
            with contextlib.suppress(MidbError):  # the log itself may be what failed
                session.log.set_status(session.run, "interrupted")
            raise
        finally:
            partial.close()
            rejected.close()
        finish(session)
        return self._ended("finished", started)

    def _pool(self) -> WorkerPool | ModelPool:
        session = self._session
        if session.model and session.loop:
            return ModelPool(session.settings, session.model, session.workers, session.loop, tell=self._emit)
        return WorkerPool(session.settings, session.workers, on_crash=self._crashed)

    def _left(self) -> Iterator[Batch]:
        session, at = self._session, self._checkpoint
        start = Start(at.input_offset, at.position, at.line)
        return batches_of(session.container, session.sources, session.limit, start)

    def _crashed(self, raw: RawRecord) -> None:
        self.warn(f"line {raw.line:,}: examining this record killed a worker process; it stays as it is")

    def warn(self, message: str) -> None:
        """Say something the user should know, and keep it in the log with the next batch."""
        self._warnings.append(message)
        self._emit(Warned(message=message))

    def _tell_duplicates(self) -> None:
        if count := self._session.log.duplicate_keys(self._session.run):
            ids = "1 id stands" if count == 1 else f"{count:,} ids stand"
            self.warn(f"{ids} for more than one record; all are kept, and audit show tells them apart by position")
            self._keep_warnings()

    def _keep_warnings(self) -> None:
        warnings, self._warnings = [("warning", message) for message in self._warnings], []
        self._checkpoint = self._session.log.write_batch(self._session.run, [], [], self._checkpoint, warnings)

    # -- writing ---------------------------------------------------------------------------------------------------

    def _write(self, batch: Batch, results: list[Result], partial: GrowingFile, rejected: GrowingFile) -> None:
        session = self._session
        container = session.container
        answers = list(batch.answers(results))
        for raw, result in answers:
            if isinstance(result, RejectedLine):
                if session.strict:
                    raise StrictError(
                        f"{session.places.name}, line {result.line:,}: {result.message}.",
                        hint="Mend the line, or leave --strict out: it then goes to the rejected lines.",
                    )
                self._emit(LineRejected(line=result.line, reason=result.reason, message=result.message))
                partial.write(container.dropped(raw))
                for piece in rejected_entry(raw, result):
                    rejected.write(piece)
            else:
                partial.write(container.kept(raw, result.body, first=partial.length == 0))
        records = [result for _, result in answers if isinstance(result, RecordResult)]
        lines = [result for _, result in answers if isinstance(result, RejectedLine)]
        partial.sync()
        rejected.sync()
        warnings, self._warnings = [("warning", message) for message in self._warnings], []
        moved = dataclasses.replace(self._checkpoint, output_bytes=partial.length, rejected_bytes=rejected.length)
        if batch.records:
            moved = moved.past(batch.records[-1])
        self._checkpoint = session.log.write_batch(session.run, records, lines, moved, warnings)
        self._tail = batch.tail
        self._emit(batch_done(records, len(lines)))

    def _ended(self, status: str, started: float) -> RunEnded:
        session = self._session
        outcomes = session.log.outcomes(session.run)
        read = self._checkpoint.position
        rejected = self._checkpoint.rejected_lines
        repaired, still_open = session.log.finding_counts(session.run)
        return RunEnded(
            status=status,
            read=read,
            rejected=rejected,
            outcomes=outcomes,
            repaired=repaired,
            open=still_open,
            balanced=read == sum(outcomes.values()) + rejected,
            output=str(session.places.output if status == "finished" else session.places.partial),
            database=str(session.log.path),
            rejected_path=str(session.places.rejected) if rejected else "",
            internal_errors=session.log.internal_errors(session.run),
            seconds=self._clock() - started,
            resume_command=session.resume_command,
            usage=session.model.usage if session.model else Usage(),
        )


def batches_of(
    container: Container,
    sources: Sources | None,
    limit: int | None,
    start: Start = Start(),  # noqa: B008  (frozen)
) -> Iterator[Batch]:
    """A corpus in batches from ``start`` on, ``limit`` records counted from its beginning; the last has the tail."""
    reading = container.read(start)
    tail: Tail | None = None
    while tail is None:
        records: list[RawRecord] = []
        for item in itertools.islice(reading, BATCH):
            if isinstance(item, Tail) or item.position == limit:
                tail = item if isinstance(item, Tail) else container.cut()
                break
            records.append(item)
        # What lies in a spool is too long to be examined, and cannot be sent to a worker.
        refused = {raw.position: reject(raw, too_long(raw)) for raw in records if raw.spool}
        items = [(raw, sources.find(raw) if sources else None) for raw in records if not raw.spool]
        yield Batch(records, items, refused, tail)


def finish(session: Session) -> None:
    """Put the finished output into place. Killed anywhere in here, a run resumes here: the status says so, and the
    hash says whether the output is already in place."""
    made = session.container.finish(session.places.partial, session.places.temporary)
    digest = file_sha256(made)
    run = session.log.set_status(session.run, "finishing", output_sha256=digest)
    move_into_place(made, session.places.output)
    if made != session.places.partial:
        session.places.partial.unlink()
    if not session.places.rejected.stat().st_size:
        session.places.rejected.unlink()
    session.log.set_status(run, "finished", finished=True)


def batch_done(records: list[RecordResult], rejected: int) -> BatchDone:
    """What the dashboard is told of a batch."""
    outcomes: Counter[tuple[str, Outcome]] = Counter((record.language, record.outcome) for record in records)
    decisions: Counter[tuple[Pass, Action]] = Counter()
    findings: dict[FindingStatus, Counter[str]] = {status: Counter() for status in FindingStatus}
    edits: list[EditMade] = []
    for record in records:
        for pair in record.pairs:
            decisions.update((d.pass_, d.action) for d in pair.decisions if d.pass_ is not Pass.ROUTE)
            for logged in pair.findings:
                findings[logged.status][logged.finding.kind] += 1
            text = pair.original
            for _, decision in standing(pair.decisions) if len(edits) < SHOWN_EDITS else ():
                for edit in decision.edits[:1]:
                    whole = text.text(edit.field) or ""
                    edits.append(
                        EditMade(
                            record=record.key,
                            language=record.language,
                            pass_=decision.pass_.value,
                            kind=edit.kind,
                            field=edit.field.value,
                            before=edit.before,
                            after=edit.after,
                            left=whole[max(edit.start - CONTEXT, 0) : edit.start],
                            right=whole[edit.end : edit.end + CONTEXT],
                        )
                    )
                break
    return BatchDone(
        records=len(records),
        rejected=rejected,
        pairs=sum(len(record.pairs) for record in records),
        outcomes=outcomes,
        decisions=decisions,
        repaired=findings[FindingStatus.REPAIRED],
        open=findings[FindingStatus.OPEN],
        edits=tuple(edits),
    )
