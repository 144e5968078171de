"""A whole comparison: pairs chosen, judged in both orders, logged, and what the verdicts come to."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from midb import __version__
from midb.agent.model.calls import Model
from midb.agent.model.settings import Budget, ModelSettings
from midb.agent.run.session import LoggedGenerations, RunEngine
from midb.audit.evaluating.log import EvaluationLog
from midb.audit.evaluating.rows import LoggedJudgement
from midb.audit.generation_rows import ReplyCosts
from midb.audit.run_rows import Run
from midb.domain.errors import MidbError
from midb.domain.intervals import CONFIDENCE
from midb.evaluation.intervals import LEAST_ROWS
from midb.evaluation.pairwise.aligning import Alignment
from midb.evaluation.pairwise.figures import describe_groups, write_notes
from midb.evaluation.pairwise.harm import LEVEL, MARGIN
from midb.evaluation.pairwise.judging import JudgedPair, JudgedTwice, judge_pairs
from midb.evaluation.pairwise.lengths import LIKE
from midb.evaluation.pairwise.sampling import choose_pairs
from midb.prompts import PromptSet

#: Says how the JSON is laid out; names are added to it, never renamed or removed.
FORM = 1


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings:
    """How a comparison is made.

    :param sample: pairs that are judged; 0: all that differ.
    :param margin: net win that a language may lack before it counts as worse.
    """

    prompts: PromptSet
    sample: int = 0
    seed: int = 0
    resamples: int = 1000
    margin: float = MARGIN
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, kw_only=True)
class CorpusComparison:
    """What came of one.

    :param judged: a pair each, None where the budget was too short for it.
    """

    chosen: Sequence[JudgedPair]
    judged: Sequence[JudgedTwice | None]
    figures: Mapping[str, Any]

    @property
    def whole(self) -> bool:
        """Whether all that were chosen were judged."""
        return None not in self.judged

    def judgements(self) -> list[LoggedJudgement]:
        """What was said, as the log has it."""
        return list_judgements([one for one in self.judged if one])


def list_judgements(judged: Sequence[JudgedTwice]) -> list[LoggedJudgement]:
    """What a judge said of pairs, in both orders, as the log has it."""
    return [
        LoggedJudgement(
            item=one.pair.item, language=one.pair.language, first=opinion.first, preferred=opinion.preferred,
            detail=opinion.detail, generation=opinion.generations[-1] if opinion.generations else None,
        )
        for one in judged
        for opinion in one.opinions
    ]  # fmt: skip


def make_model(engine: RunEngine, log: EvaluationLog, run: Run, settings: ComparisonSettings) -> Model:
    """The judge, whose replies are logged as they come."""
    return Model(
        engine.text,
        LoggedGenerations(log, run),
        ModelSettings(prompts=settings.prompts, budget=settings.budget),
        warn=engine.warn,
    )


def compare(
    alignment: Alignment,
    settings: ComparisonSettings,
    ask: Callable[[Sequence[JudgedPair]], Sequence[JudgedTwice | None]],
) -> CorpusComparison:
    """Judge what differs, or a sample of it.

    :param ask: has pairs judged; it is not called where no pair differs.
    """
    chosen = choose_pairs(alignment.differing, settings.sample, settings.seed)
    judged = list(ask(chosen)) if chosen else []
    done = [one for one in judged if one is not None]
    differing = Counter(pair.language for pair in alignment.differing)
    groups = describe_groups(
        done, alignment.same, differing, seed=settings.seed, resamples=settings.resamples, margin=settings.margin
    )
    notes = [*alignment.notes]
    if not alignment.differing:
        notes.append("The corpora are the same, pair by pair: every pair is a tie, and no judge was asked.")
    else:
        notes += write_notes(groups, settings.margin)
    if len(chosen) < len(alignment.differing):
        notes.append(f"{len(chosen):,} of {len(alignment.differing):,} pairs that differ were to be judged (a sample).")
    if len(done) < len(chosen):
        notes.append(f"Only {len(done):,} of these were judged: the figures are of what there is so far.")
    figures = {
        "form": FORM,
        "evaluates": "pairwise",
        "midb_agent": __version__,
        "pairs": alignment.pairs,
        "differing": len(alignment.differing),
        "chosen": len(chosen),
        "judged": len(done),
        "sample": settings.sample,
        "intervals": {
            "confidence": CONFIDENCE, "clusters": "source row", "resamples": settings.resamples, "seed": settings.seed,
            "least_rows": LEAST_ROWS,
        },
        "tests": {"level": LEVEL, "correction": "Holm", "margin": settings.margin},
        "lengths": {"alike_up_to": LIKE},
        "groups": groups,
        "notes": notes,
    }  # fmt: skip
    return CorpusComparison(chosen=chosen, judged=judged, figures=figures)


def judge_all(
    engine: RunEngine, model: Model, pairs: Sequence[JudgedPair], tell: Callable[[int], None] = lambda count: None
) -> list[JudgedTwice | None]:
    """Have pairs judged, on the loop that the engine was started on.

    :raises EngineDown: where nobody is served; the same call goes on behind the replies that came.
    """
    return engine.loop.run(judge_pairs(model, pairs, done=tell))


def forecast(
    engine: RunEngine,
    log: EvaluationLog,
    run: Run,
    pairs: Sequence[JudgedPair],
    count: int,
    settings: ComparisonSettings,
) -> dict[str, Any]:
    """What judging some pairs would take, from a sample of them; its replies are kept.

    :raises MidbError: where there is nothing to sample.
    """
    if not pairs:
        raise MidbError("no pair differs: there is nothing to judge.")
    sampled = choose_pairs(pairs, count, settings.seed)
    model = make_model(engine, log, run, settings)
    judged = [one for one in judge_all(engine, model, sampled) if one is not None]
    if not judged:
        raise MidbError("none of the sampled pairs was judged.", hint="A larger --budget, or none.")
    spent = [log.spent_on([number for opinion in one.opinions for number in opinion.generations]) for one in judged]
    return {
        "event": "forecast",
        "sampled": len(judged),
        "pairs": len(pairs),
        "calls_per_pair": round(statistics.fmean(one.calls for one in spent), 2),
        **extrapolate_costs(spent, len(pairs), count_at_once(model, len(judged), calls=2), calls=2),
    }


def count_at_once(model: Model, items: int, calls: int = 1) -> int:
    """How many of some items a model is asked about at the same time, ``calls`` for each."""
    return max(1, min(model.engine.places // calls, items))


def extrapolate_costs(spent: Sequence[ReplyCosts], items: int, at_once: int, calls: int = 1) -> dict[str, list[int]]:
    """What all items would take, by what some of them took: tokens in and out, seconds; each low, expected, high.

    :param calls: of an item that are answered at the same time.
    """
    return {
        "prompt_tokens": extrapolate([one.prompt_tokens for one in spent], items),
        "completion_tokens": extrapolate([one.completion_tokens for one in spent], items),
        "seconds": extrapolate([one.seconds / calls / at_once for one in spent], items),
    }


def extrapolate(values: Sequence[float], items: int) -> list[int]:
    """The sum over so many items, by the values of some: low, expected, high, with the bounds of 95 %.

    >>> extrapolate([2, 2, 2], 10), extrapolate([4], 10)
    ([20, 20, 20], [0, 40, 80])
    """
    mean = statistics.fmean(values)
    error = 1.96 * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else mean
    return [round(items * max(value, 0.0)) for value in (mean - error, mean, mean + error)]
