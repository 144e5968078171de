"""A run: the corpus through the state machine, batch by batch, into the output and the audit log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

from midb.agent.forking import Nursery
from midb.agent.run.batches import Batch, Result, batches_of
from midb.agent.run.earlier import EarlierResults
from midb.agent.run.examine import explain_left_alone, explain_unexamined
from midb.agent.run.model_pool import ModelPool
from midb.agent.run.session import Session
from midb.agent.run.worker_pool import WorkerPool
from midb.corpus.raw import RawRecord, Start, Tail
from midb.corpus.writer import OutputFiles
from midb.domain.decisions import Action, Outcome, Pass, standing
from midb.domain.defects import FindingStatus
from midb.domain.errors import MidbError
from midb.domain.events import BatchDone, EditMade, Event, LineRejected, RunEnded, Waiting, Warned
from midb.domain.generations import Usage
from midb.domain.results import RecordResult, RejectedLine
from midb.runs.ending import count_end
from midb.runs.writer import CorpusWriter, LoggedEvent

#: Edits a batch shows on the dashboard.
SHOWN_EDITS = 4

#: Most records of a batch whose pairs a model is asked about: none is written before the last of them is done.
ASKED = 32

#: Characters of context beside an edit on the dashboard, which shows as many as the terminal has room for.
CONTEXT = 80

Emit = Callable[[Event], None]


class StrictError(MidbError):
    """`--strict`, and a line that cannot be read."""


class Runner:
    """Takes one corpus from a checkpoint to the end. ``stopped`` is asked between batches (Ctrl-C).

    ``nursery`` starts the workers where there is one already.
    """

    def __init__(
        self,
        session: Session,
        emit: Emit,
        stopped: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        *,
        nursery: Nursery | None = None,
    ) -> None:
        self._session = session
        self._emit = emit
        self._stopped = stopped
        self._clock = clock
        self._nursery = nursery
        self._warnings: list[LoggedEvent] = []
        self._tail: Tail | None = None

    def run(self) -> RunEnded:
        """Examine what is left, then put the output into place; returns the last event."""
        session, started = self._session, self._clock()
        at = session.attached.checkpoint
        places = session.places
        written = session.log.written(session.attached.run)
        files = OutputFiles(
            session.corpus.container,
            places,
            places.rejected,
            output_bytes=at.output_bytes,
            rejected_bytes=at.rejected_bytes,
            output_sha256=written.output_sha256 if written else None,
            rejected_sha256=written.rejected_sha256 if written else None,
            mode=session.mode,
        )
        with files, CorpusWriter(files, session.log, session.attached.run, at, failed="interrupted") as writer:
            if session.earlier and not at.position:
                self._warnings.append(("info", describe_earlier(session.earlier)))
            for warning in session.new_warnings:
                self.warn(warning)
            self._warnings += session.new_notes
            self._emit(Waiting(what=self._describe_start()))
            with self._pool() as pool:
                for batch, results in pool.examine(self._left(), self._stopped):
                    self._write(batch, results, writer)
            if self._tail is None:
                self._stop(writer)
                return self._ended("interrupted", started, writer)
            self._warn_of_duplicates(writer)
            writer.publish(writer.seal(self._tail))
        return self._ended("finished", started, writer)

    def warn(self, message: str) -> None:
        """Say something the user should know, and keep it in the log with the next batch."""
        self._warnings.append(("warning", message))
        self._emit(Warned(message=message))

    def _pool(self) -> WorkerPool | ModelPool:
        session = self._session
        if session.model and session.loop:
            return ModelPool(session.settings, session.model, session.workers, session.loop, report=self._emit)
        return WorkerPool(session.settings, session.workers, nursery=self._nursery, on_crash=self._warn_of_crash)

    def _describe_start(self) -> str:
        session = self._session
        if session.model or not session.workers:
            return "loading detectors and languages"
        whom = "1 worker" if session.workers == 1 else f"{session.workers:,} workers"
        return f"starting {whom}: detectors and languages are loaded"

    def _left(self) -> Iterator[Batch]:
        at = self._session.attached.checkpoint
        start = Start(at.input_offset, at.position, at.line)
        session = self._session
        find = session.earlier.find if session.earlier else None
        if not session.model:
            return batches_of(session.corpus, start, find)
        # A batch is written once all its records are done: with a server that serves few at once it is short.
        engine = session.model.engine
        return batches_of(session.corpus, start, find, most=lambda: min(engine.places, ASKED))

    def _warn_of_crash(self, raw: RawRecord) -> None:
        self.warn(f"line {raw.line:,}: examining this record killed a worker process; it stays as it is")

    def _warn_of_duplicates(self, writer: CorpusWriter) -> None:
        if count := self._session.log.duplicate_keys(writer.run):
            ids = "1 id stands" if count == 1 else f"{count:,} ids stand"
            self.warn(f"{ids} for more than one record; all are kept, and audit show tells them apart by position")
            writer.commit(self._take_warnings())

    def _stop(self, writer: CorpusWriter) -> None:
        """End where we are; the same command goes on."""
        session = self._session
        if session.model and session.model.exhausted:
            budget = session.model.settings.budget.written
            self.warn(f"the budget of {budget} is used up; the same command goes on with a new one")
            writer.commit(self._take_warnings())
        session.log.set_status(writer.run, "interrupted")

    def _take_warnings(self) -> list[LoggedEvent]:
        warnings, self._warnings = self._warnings, []
        return warnings

    def _write(self, batch: Batch, results: list[Result], writer: CorpusWriter) -> None:
        answers = list(batch.answers(results))
        for raw, result in answers:
            if isinstance(result, RecordResult):
                self._refuse_unexamined(result)
                writer.keep(raw, result)
                if slow := explain_left_alone(result):
                    self.warn(slow)
            else:
                self._reject(raw, result, writer)
        records = [result for _, result in answers if isinstance(result, RecordResult)]
        writer.commit(self._take_warnings())
        self._tail = batch.tail
        self._emit(batch_done(records, len(answers) - len(records)))

    def _reject(self, raw: RawRecord, line: RejectedLine, writer: CorpusWriter) -> None:
        if self._session.config.strict:
            raise StrictError(
                f"{self._session.config.corpus}, line {line.line:,}: {line.message}.",
                hint="Mend the line, or leave --strict out: it then goes to the rejected lines.",
            )
        self._emit(LineRejected(line=line.line, reason=line.reason, message=line.message))
        writer.drop(raw, line)

    def _refuse_unexamined(self, result: RecordResult) -> None:
        if self._session.config.strict and (why := explain_unexamined(result)):
            raise StrictError(
                f"{self._session.config.corpus}, line {result.line:,}: {why}.",
                hint="Mend the record, or leave --strict out: it then stays as it is, unexamined.",
            )

    def _ended(self, status: str, started: float, writer: CorpusWriter) -> RunEnded:
        session = self._session
        rejected = writer.checkpoint.rejected_lines
        return count_end(
            session.log,
            writer.run,
            writer.checkpoint,
            status=status,
            output=str(session.places.output if status == "finished" else session.places.partial),
            database=str(session.log.path),
            rejected_path=str(session.places.rejected) if rejected else "",
            seconds=self._clock() - started,
            resume_command=session.resume_command,
            usage=session.model.usage if session.model else Usage(),
            switched_off=session.plan.switched_off,
        )


def describe_earlier(earlier: EarlierResults) -> str:
    """What the log says of records that were not examined again."""
    what = f"the first {earlier.end:,} records were" if earlier.end > 1 else "the first record was"
    return f"{what} examined in run {earlier.runs[0]}; what was decided is taken over"


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
                    before = text.text(edit.field) or ""
                    edits.append(
                        EditMade(
                            record=record.key,
                            language=record.language,
                            pass_=decision.pass_.value,
                            kind=edit.kind,
                            field=edit.field.value,
                            before=edit.before,
                            after=edit.after,
                            left=before[max(edit.start - CONTEXT, 0) : edit.start],
                            right=before[edit.end : edit.end + CONTEXT],
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
