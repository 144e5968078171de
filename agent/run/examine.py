"""One record from bytes to result: parse, take each pair through the state machine, splice the edits back.

This is what a worker process does. It writes nothing and knows no other record.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from midb.agent.engines.protocol import EngineDown
from midb.agent.model.calls import Model
from midb.agent.record_clock import RecordClock, RecordOutOfTimeError, limit_process
from midb.agent.run.batches import reject
from midb.agent.state import PairContext
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
from midb.domain.errors import AuditError
from midb.domain.pairs import InstructionPair
from midb.domain.results import RecordResult, RejectedLine
from midb.locales import load
from midb.runs.config import RECORD_SECONDS
from midb.text.languages import LanguageIdentifier, is_supported, language_name


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


def pair_runner() -> Callable[[InstructionPair, PairContext], Awaitable[PairResult]]:
    """Takes one pair through the compiled state machine. LangGraph is imported here: it takes a second, and only who
    rewrites needs it."""
    from midb.agent.graph import build_graph, run_pair

    return functools.partial(run_pair, build_graph())


class Examiner:
    """Examines records one after another. Holds the compiled graph and the language models of its process.

    ``in_worker``: the process is there for nothing else, and may end where a record takes too long.
    """

    def __init__(self, settings: ExaminerSettings, model: Model | None = None, *, in_worker: bool = False) -> None:
        self._settings = settings
        self._model = model
        self._in_worker = in_worker
        self._reader = _make_reader(settings)
        self._run_pair = pair_runner() if settings.rewrite else None

    def examine_batch(self, batch: Sequence[tuple[RawRecord, bytes | None]]) -> list[RecordResult | RejectedLine]:
        """Examine records, each with its English source if it has one in another file."""

        async def all_of_them() -> list[RecordResult | RejectedLine]:
            return [await self.examine(raw, source) for raw, source in batch]

        return asyncio.run(all_of_them())

    async def examine(self, raw: RawRecord, source: bytes | None) -> RecordResult | RejectedLine:
        """Examine one record. What cannot be read is a rejected line; a fault of ours, or more time than a record may
        take, leaves the record as it is."""
        clock = RecordClock(self._settings.record_seconds, len(raw.body) + len(source or b""))
        if not self._in_worker:
            return await self._examine(raw, source, clock)
        limit_process(clock.seconds)
        try:
            return await self._examine(raw, source, clock)
        finally:
            limit_process(0)

    async def _examine(self, raw: RawRecord, source: bytes | None, clock: RecordClock) -> RecordResult | RejectedLine:
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
        try:
            pairs = [await self._examine_pair(parsed, index, language, clock) for index in range(len(parsed.slots))]
            body = clock.run(functools.partial(self._spliced, raw.body, parsed, pairs))
        except RecordOutOfTimeError:
            pairs = [too_slow(slot.pair, clock.seconds) for slot in parsed.slots]
            body = None
        except TooManyFindingsError as error:
            pairs = [_left_as_it_is(slot.pair, Reason.TOO_MANY_FINDINGS, str(error)) for slot in parsed.slots]
            body = None
        except (EngineDown, AuditError):  # nothing can be done for any record
            raise
        except Exception as error:  # a fault of ours must never cost the user a record, nor go unsaid
            pairs = [internal_error(slot.pair, error) for slot in parsed.slots]
            body = None
        outcome = record_outcome([pair.outcome for pair in pairs])
        return RecordResult(raw.position, raw.line, parsed.key, language, outcome, tuple(pairs), body)

    async def _examine_pair(self, parsed: ParsedRecord, index: int, language: str, clock: RecordClock) -> PairResult:
        pair, shared = parsed.slots[index].pair, parsed.slots[index].shared
        context = PairContext(
            locale=load(language),
            source=parsed.sources[index],
            selection=self._settings.selection,
            passes=self._settings.passes,
            identifier=self._reader.identifier,
            model=None if shared else self._model,  # a model may edit every text it is shown
            clock=clock,
            demands=parsed.demands,
            shared=shared,
        )
        if self._run_pair is None:
            findings = tuple(
                LoggedFinding(finding, FindingStatus.OPEN) for finding in clock.run(lambda: context.inspect(pair))
            )
            return PairResult(pair, pair, Outcome.UNCHANGED, (), findings)
        return await self._run_pair(pair, context)

    def _spliced(self, body: bytes, parsed: ParsedRecord, pairs: Sequence[PairResult]) -> bytes | None:
        """The record's new bytes, ``None`` where nothing changed. Raises where they would not say what was decided."""
        stages: Stages = {}
        for slot, result in zip(parsed.slots, pairs, strict=True):
            for _, decision in standing(result.decisions):
                add_stage(stages, slot.paths, decision.edits)
        if not stages:
            return None
        new = self._reader.splice(body, stages)
        reread = self._reader.parse(RawRecord.alone(new))
        if [slot.pair for slot in reread.slots] != [result.final for result in pairs]:
            raise RuntimeError("the spliced record does not read as decided")
        return new


def _make_reader(settings: ExaminerSettings) -> RecordReader:
    """Reads the records of a worker."""
    return RecordReader(settings.rules, LanguageIdentifier(trusting=settings.rules.languages.trusted))


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
