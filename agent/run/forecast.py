"""`--dry-run N`: what a run with a model would take, from a sample of its records. Writes no output.

The sample goes through the same passes as a run. Its replies are in the log, so that the run itself does not pay for
them again.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from midb.agent.run.batches import Batch, Item, batches_of
from midb.agent.run.model_pool import ModelPool
from midb.agent.run.runner import Emit
from midb.agent.run.session import Session
from midb.corpus.layouts import RecordError
from midb.domain.decisions import Outcome, Pass
from midb.domain.errors import MidbError
from midb.domain.results import RecordResult

#: Records that are kept while the corpus is read, for one of the sample: enough to spread it over all lengths.
KEPT = 20


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Means over the sample, times the records of the corpus; (low, expected, high) with the bounds of 95 %.

    ``verdicts_per_record`` and ``verdict_tokens`` (in and out) are the part of the verdicts in calls and tokens; with
    ``judge_orders`` 2 each rewrite is judged twice. ``seconds`` is the time that a sampled record took in calls, times
    the records, over those that go at once.
    """

    sampled: int
    records: int
    at_once: int
    prompt_tokens: tuple[int, int, int]
    completion_tokens: tuple[int, int, int]
    seconds: tuple[int, int, int]
    calls_per_record: float
    judge_orders: int
    verdicts_per_record: float
    verdict_tokens: tuple[int, int, int]
    improved: int
    reverted: int


def forecast(session: Session, sample: int, emit: Emit) -> Forecast:
    """Take a sample through the passes and reckon what all would take; MidbError where there is nothing to sample."""
    assert session.model is not None
    assert session.loop is not None
    reader = session.corpus.reader()

    def language(item: Item) -> str:
        with suppress(RecordError):
            parsed = reader.parse(item[0])
            if not parsed.unexamined:
                return reader.language(parsed)
        return ""  # what cannot be read, or holds no pair, is a stratum of its own

    items, records = stratified(
        (item for batch in batches_of(session.corpus) for item in batch.items), sample, language
    )
    if not items:
        raise MidbError("there is no record to sample.")
    # Batches of one: no more are in flight than in a run, so that no call's time is time in a queue.
    singles = [Batch([raw], [(raw, source)], {}) for raw, source in items]
    results: list[RecordResult] = []
    with ModelPool(session.settings, session.model, session.workers, session.loop, report=emit) as pool:
        for _, done in pool.examine(iter(singles)):
            results += [result for result in done if isinstance(result, RecordResult)]
    session.log.set_status(session.attached.run, "finished", finished=True)
    if not results:
        raise MidbError("none of the sampled records can be read.")
    spent = [session.log.spent_on(_generations(result)) for result in results]
    judged = [session.log.spent_on(_generations(result, frozenset({Pass.VERIFICATION}))) for result in results]
    # As many as the server turned out to serve at once, where that is fewer.
    workers = min(session.workers, session.model.engine.places)
    at_once = min(workers, len(results))
    return Forecast(
        sampled=len(results),
        records=records,
        at_once=workers,
        prompt_tokens=_total([one.prompt_tokens for one in spent], records),
        completion_tokens=_total([one.completion_tokens for one in spent], records),
        seconds=_total([one.seconds / at_once for one in spent], records),
        calls_per_record=statistics.fmean(one.calls for one in spent),
        judge_orders=session.model.settings.judge_orders,
        verdicts_per_record=statistics.fmean(one.calls for one in judged),
        verdict_tokens=_total([one.prompt_tokens + one.completion_tokens for one in judged], records),
        improved=sum(result.outcome is Outcome.IMPROVED for result in results),
        reverted=sum(result.outcome is Outcome.REVERTED for result in results),
    )


def stratified(
    items: Iterable[Item], count: int, language: Callable[[Item], str], seed: int = 0
) -> tuple[list[Item], int]:
    """A sample spread evenly over languages and lengths, and how many records there are; memory is bounded.

    A reservoir of the corpus is sorted by language, then length, and every n-th of it taken: languages, and short and
    long records of each, come in the shares they have.
    """
    chance = random.Random(seed)
    reservoir: list[Item] = []
    seen = 0
    for item in items:
        seen += 1
        if len(reservoir) < KEPT * count:
            reservoir.append(item)
        elif (place := chance.randrange(seen)) < len(reservoir):
            reservoir[place] = item
    reservoir.sort(key=lambda item: (language(item), len(item[0].body), item[0].position))
    taken = min(count, len(reservoir))
    return [reservoir[(2 * n + 1) * len(reservoir) // (2 * taken)] for n in range(taken)], seen


def _generations(result: RecordResult, passes: frozenset[Pass] = frozenset(Pass)) -> list[int]:
    decisions = (decision for pair in result.pairs for decision in pair.decisions)
    found = (decision.generation for decision in decisions if decision.pass_ in passes)
    return sorted({generation for generation in found if generation is not None})


def _total(values: list[float] | list[int], records: int) -> tuple[int, int, int]:
    mean = statistics.fmean(values)
    error = 1.96 * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else mean
    return tuple(round(records * max(value, 0.0)) for value in (mean - error, mean, mean + error))  # type: ignore[return-value]
