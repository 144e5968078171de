"""Records from bytes to results: parse, take the pairs through the state machine, splice the edits back.

This is what a worker process does, batch by batch. It writes nothing.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from midb.agent.failures import contain
from midb.agent.model.calls import Model
from midb.agent.record_clock import RecordClock, RecordOutOfTimeError, hold_alarm
from midb.agent.run.batches import Item, Result, reject
from midb.agent.state import PairContext, PairJob
from midb.corpus.layouts import RecordError
from midb.corpus.raw import RawRecord
from midb.corpus.reading import ReadingRules, RecordReader
from midb.corpus.records import ParsedRecord
from midb.corpus.splice import Stages, add_stage
from midb.detectors import KindSelection, TooManyFindingsError
from midb.domain.decisions import (
    Action,
    Decision,
    LoggedFinding,
    Outcome,
    PairResult,
    Pass,
    Reason,
    record_outcome,
    standing,
)
from midb.domain.defects import FindingStatus
from midb.domain.pairs import InstructionPair
from midb.domain.results import RecordResult
from midb.locales import load
from midb.runs.config import RECORD_SECONDS
from midb.text.languages import LanguageIdentifier, is_supported, language_name

if TYPE_CHECKING:
    from midb.agent.graph import Graph


@dataclass(frozen=True, kw_only=True)
class ExaminerSettings:
    """What a worker has to know; crosses the process boundary once. ``rewrite`` False only finds.

    ``record_seconds``: processor time for each MiB of a record (`RecordClock`).
    """

    rules: ReadingRules
    selection: KindSelection
    passes: frozenset[Pass] = field(default_factory=lambda: frozenset(Pass))
    rewrite: bool = True
    record_seconds: float = RECORD_SECONDS


#: Takes a batch of pairs through the state machine: what came of each, or the error that kept it from being examined.
BatchRunner = Callable[[Sequence[PairJob]], Awaitable[list[PairResult | Exception]]]


def batch_runner() -> BatchRunner:
    """Waves through the state machine of this process."""
    from midb.agent.waves import Waves

    return Waves(load_graph()).run


@functools.cache
def load_graph() -> Graph:
    """The compiled state machine of this process. LangGraph is imported here: it takes a second, and only who rewrites
    needs it."""
    from midb.agent.graph import build_graph

    return build_graph()


async def find_only(jobs: Sequence[PairJob]) -> list[PairResult | Exception]:
    """What stands where the state machine is not wanted: each pair as it is, with its findings."""
    return [await contain(_found(job)) for job in jobs]


async def _found(job: PairJob) -> PairResult:
    inspect = functools.partial(job.context.inspect, job.pair)
    found = job.context.clock.run(inspect) if job.context.clock else inspect()
    logged = tuple(LoggedFinding(finding, FindingStatus.OPEN) for finding in found)
    return PairResult(job.pair, job.pair, Outcome.UNCHANGED, (), logged)


@dataclass(frozen=True)
class _Opened:
    """A record that was read, and its pairs as jobs for the state machine."""

    raw: RawRecord
    parsed: ParsedRecord
    language: str
    clock: RecordClock
    jobs: tuple[PairJob, ...]


class Examiner:
    """Examines batches of records. Holds the compiled graph and the language models of its process.

    ``in_worker``: the process is there for nothing else, and may end where a record takes too long.
    """

    def __init__(self, settings: ExaminerSettings, model: Model | None = None, *, in_worker: bool = False) -> None:
        self._settings = settings
        self._model = model
        self._in_worker = in_worker
        self._reader = _make_reader(settings)
        self._run_batch = batch_runner() if settings.rewrite else find_only

    def examine_batch(self, batch: Sequence[Item]) -> list[Result]:
        """Examine records, each with its English source if it has one in another file."""
        results: list[Result] = []

        # No task returns what it found: asyncio would write out all of it for an error that nobody sees.
        async def examine() -> None:
            results.extend(await self._examine(batch))

        with hold_alarm():
            asyncio.run(examine())
        return results

    async def examine(self, raw: RawRecord, source: bytes | None) -> Result:
        """Examine one record. What cannot be read is a rejected line; a fault of ours, or more time than a record may
        take, leaves the record as it is."""
        (result,) = await self._examine([(raw, source)])
        return result

    async def _examine(self, batch: Sequence[Item]) -> list[Result]:
        opened = [self._open(raw, source) for raw, source in batch]
        jobs = [job for one in opened if isinstance(one, _Opened) for job in one.jobs]
        done = iter(await (self._ask_one_by_one(jobs) if self._model else self._run_batch(jobs)) if jobs else ())
        return [self._close(one, [next(done) for _ in one.jobs]) if isinstance(one, _Opened) else one for one in opened]

    async def _ask_one_by_one(self, jobs: Sequence[PairJob]) -> list[PairResult | Exception]:
        """Take the pairs of a record to the model one after another; none behind one that cannot be examined."""
        results: list[PairResult | Exception] = []
        for job in jobs:
            results += await self._run_batch([job])
            if isinstance(results[-1], Exception):
                break
        return results + results[-1:] * (len(jobs) - len(results))

    def _open(self, raw: RawRecord, source: bytes | None) -> _Opened | Result:
        """Read a record; what is not to be examined has its result already."""
        size = len(raw.body) + len(source or b"")
        clock = RecordClock(self._settings.record_seconds, size, ends_process=self._in_worker)
        with clock.last_resort():
            try:
                parsed = self._reader.parse(raw, source)
            except RecordError as error:
                return reject(raw, error)
            language = self._reader.language(parsed)
        if parsed.unexamined:
            left = leave_unexamined(parsed)
            return RecordResult(raw.position, raw.line, parsed.key, language, Outcome.UNCHANGED, left, None)
        if not is_supported(language):
            pairs = [leave_other_language(slot.pair, language) for slot in parsed.slots]
            return RecordResult(raw.position, raw.line, parsed.key, language, Outcome.UNCHANGED, tuple(pairs), None)
        jobs = tuple(self._make_job(parsed, index, language, clock) for index in range(len(parsed.slots)))
        return _Opened(raw, parsed, language, clock, jobs)

    def _make_job(self, parsed: ParsedRecord, index: int, language: str, clock: RecordClock) -> PairJob:
        slot = parsed.slots[index]
        context = PairContext(
            locale=load(language),
            source=parsed.sources[index],
            selection=self._settings.selection,
            passes=self._settings.passes,
            identifier=self._reader.identifier,
            model=None if slot.shared else self._model,  # a model may edit every text it is shown
            clock=clock,
            demands=parsed.demands,
            shared=slot.shared,
        )
        return PairJob(slot.pair, context)

    def _close(self, opened: _Opened, results: Sequence[PairResult | Exception]) -> RecordResult:
        """The result of a record, from those of its pairs: all or none of them are examined."""
        pairs = [result for result in results if not isinstance(result, Exception)]
        error = next((result for result in results if isinstance(result, Exception)), None)
        body = None
        if error is None:
            try:
                if stages := _stages(opened.parsed, pairs):
                    body = opened.clock.run(lambda: self._spliced(opened.raw.body, stages, pairs))
            except Exception as fault:  # a fault of ours must never cost the user a record, nor go unsaid
                error = fault
        if error is not None:
            pairs = [_leave(job.pair, error, opened.clock) for job in opened.jobs]
        outcome = record_outcome([pair.outcome for pair in pairs])
        raw = opened.raw
        return RecordResult(raw.position, raw.line, opened.parsed.key, opened.language, outcome, tuple(pairs), body)

    def _spliced(self, body: bytes, stages: Stages, pairs: Sequence[PairResult]) -> bytes:
        """The record's new bytes. Raises where they would not say what was decided."""
        new = self._reader.splice(body, stages)
        reread = self._reader.parse(RawRecord.alone(new), texts_alone=True)
        if [slot.pair for slot in reread.slots] != [result.final for result in pairs]:
            raise RuntimeError("the spliced record does not read as decided")
        return new


def _stages(parsed: ParsedRecord, pairs: Sequence[PairResult]) -> Stages:
    """The edits that stand, by the text of the record that each is made in; empty where nothing changes."""
    stages: Stages = {}
    for slot, result in zip(parsed.slots, pairs, strict=True):
        for _, decision in standing(result.decisions):
            add_stage(stages, slot.paths, decision.edits)
    return stages


def _make_reader(settings: ExaminerSettings) -> RecordReader:
    """Reads the records of a worker."""
    return RecordReader(settings.rules, LanguageIdentifier(trusting=settings.rules.languages.trusted))


def _leave(pair: InstructionPair, error: Exception, clock: RecordClock) -> PairResult:
    """The result for a pair of a record that an error kept from being examined."""
    if isinstance(error, RecordOutOfTimeError):
        return too_slow(pair, clock.seconds)
    if isinstance(error, TooManyFindingsError):
        return _left_as_it_is(pair, Reason.TOO_MANY_FINDINGS, str(error))
    return internal_error(pair, error)


def internal_error(pair: InstructionPair, error: Exception) -> PairResult:
    """The result for a pair that a fault of ours kept from being examined: unchanged, and the log says why."""
    return _left_as_it_is(pair, Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}"[:300])


def too_slow(pair: InstructionPair, seconds: float) -> PairResult:
    """The result for a pair of a record that took more than the ``seconds`` it may take."""
    return _left_as_it_is(pair, Reason.TOO_SLOW, f"examining it took more than {seconds:g} s of processor time")


def leave_other_language(pair: InstructionPair, code: str) -> PairResult:
    """The result for a pair in a language that is none of ours: no rule of ours holds for it."""
    return _left_as_it_is(pair, Reason.OTHER_LANGUAGE, f"{language_name(code)} is not examined")


def leave_unexamined(parsed: ParsedRecord) -> tuple[PairResult, ...]:
    """The results for a record in which no pair was found: the log says why."""
    return tuple(_left_as_it_is(slot.pair, Reason.UNEXAMINED, parsed.unexamined) for slot in parsed.slots)


def explain_unexamined(result: RecordResult) -> str:
    """Why no pair was found in a record; empty where one was."""
    decisions = (decision for pair in result.pairs for decision in pair.decisions)
    return next((decision.detail for decision in decisions if decision.reason is Reason.UNEXAMINED), "")


def explain_left_alone(result: RecordResult) -> str | None:
    """What the user is told of a record that took too long, or has too much in it; ``None`` of any other."""
    for pair in result.pairs:
        for decision in pair.decisions:
            if decision.reason in (Reason.TOO_SLOW, Reason.TOO_MANY_FINDINGS):
                return f"line {result.line:,}: {decision.detail}; the record stays as it is"
    return None


def _left_as_it_is(pair: InstructionPair, reason: Reason, detail: str) -> PairResult:
    digest = pair.content_hash()
    decision = Decision(
        pass_=Pass.ROUTE,
        action=Action.SKIPPED,
        reason=reason,
        detail=detail,
        before_hash=digest,
        after_hash=digest,
    )
    return PairResult(pair, pair, Outcome.UNCHANGED, (decision,), ())


def leave_slow(settings: ExaminerSettings, raw: RawRecord, source: bytes | None) -> RecordResult | None:
    """The result for a record that its process was ended for; ``None`` where it cannot even be read in its time."""
    clock = RecordClock(settings.record_seconds, len(raw.body) + len(source or b""))
    reader = _make_reader(settings)
    try:
        parsed = clock.run(lambda: reader.parse(raw, source))
        language = clock.run(lambda: reader.language(parsed))
    except (RecordError, RecordOutOfTimeError):
        return None
    if parsed.unexamined:
        pairs = leave_unexamined(parsed)
    else:
        pairs = tuple(too_slow(slot.pair, clock.seconds) for slot in parsed.slots)
    return RecordResult(raw.position, raw.line, parsed.key, language, Outcome.UNCHANGED, pairs, None)
