"""A whole measurement: replies of both sides, each judged, the figures, and what they say."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from midb import __version__
from midb.agent.engines.adapters import Adapter
from midb.agent.model.calls import Model
from midb.agent.model.settings import ModelSettings
from midb.agent.run.session import RunEngine
from midb.domain.decisions import Pass
from midb.domain.errors import MidbError, UsageError
from midb.domain.generations import Generation
from midb.domain.intervals import CONFIDENCE, RESAMPLES
from midb.prompts import load_prompts
from midb.training.examples.example import TrainingExample
from midb.training.measuring.closeness import EXTRA, find_chrf
from midb.training.measuring.collecting import Failed, ReplyFile, collect
from midb.training.measuring.conclusions import conclude
from midb.training.measuring.judging import ReplyJudge
from midb.training.measuring.metrics import (
    METRICS,
    SIDES,
    GroupFigures,
    MeasuredCase,
    count_defects,
    count_reasons,
    measure_groups,
)
from midb.training.measuring.reading import HeldOut
from midb.training.writing import HELD_OUT

#: The summed loss of the tokens of an example's right reply, and how many they are; None for one that is too long.
LossPart = tuple[float, int] | None

#: ``losses(examples, adapter) -> parts``: of each example, by the model with an adapter (None: as it is).
MeasureLosses = Callable[[Sequence[TrainingExample], Adapter | None], list[LossPart]]

#: Is told what goes on: what, how many are done, of how many.
Tell = Callable[[str, int, int], None]


def _say_nothing(what: str, done: int, of: int) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What was measured.

    :param groups: the first is of all examples together.
    :param conclusions: what the figures say, in sentences.
    :param notes: what was left out, and why.
    :param failed: examples without a reply, by side and the code of what went wrong.
    """

    held_out: HeldOut
    model: str
    adapters: Mapping[str, str]
    groups: Sequence[GroupFigures]
    defects: Sequence[Mapping[str, Any]]
    reasons: Mapping[str, Any]
    conclusions: Sequence[str]
    notes: Sequence[str]
    failed: Mapping[str, Mapping[str, int]]
    seed: int
    resamples: int

    def as_json(self) -> dict[str, Any]:
        """For a file: every figure with its bounds and of how many examples it is."""
        return {
            "midb_agent": __version__,
            "python": platform.python_version(),
            "examples": {
                "file": self.held_out.path.name, "sha256": self.held_out.sha256,
                "prompts": self.held_out.manifest.get("prompt_style"),
            },
            "model": self.model,
            "adapters": dict(self.adapters),
            "intervals": {
                "confidence": CONFIDENCE, "clusters": "row", "resamples": self.resamples, "seed": self.seed,
            },
            "metrics": {metric.name: {"label": metric.label, "better": metric.better} for metric in METRICS},
            "conclusions": list(self.conclusions),
            "notes": list(self.notes),
            "groups": [
                {
                    "language": group.language, "pass": group.pass_, "examples": group.examples, "rows": group.rows,
                    "kinds": group.kinds,
                    "figures": {
                        name: {of: asdict(interval) for of, interval in found.items()}
                        for name, found in group.figures.items()
                    },
                }
                for group in self.groups
            ],
            "defects": [dict(row) for row in self.defects],
            "reasons": dict(self.reasons),
            "failed": {side: dict(codes) for side, codes in self.failed.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The replies of both sides to some held-out examples.

    :param replies: by side, in the order of the examples.
    :param model: fingerprint of the model as it is; ``fingerprints`` those of its adapters by pass.
    """

    held_out: HeldOut
    examples: Sequence[TrainingExample]
    replies: Mapping[str, Sequence[Generation | Failed]]
    model: str
    adapters: Mapping[Pass, Adapter]
    fingerprints: Mapping[str, str]
    notes: Sequence[str]


def collect_replies(
    engine: RunEngine, held_out: HeldOut, examples: Sequence[TrainingExample], kept: Path, tell: Tell = _say_nothing
) -> Collected:
    """Ask the model as it is about each example, and then its adapters, where it has some.

    :param engine: started.
    :param kept: file of the replies; those that it holds are not asked for again.
    :raises UsageError: where no adapter answers a pass of any example.
    :raises EngineDown: where the engine serves no more; the same call goes on behind the replies that came.
    """
    adapters = engine.adapters
    chosen = [example for example in examples if not adapters or example.pass_ in adapters]
    if not chosen:
        passes = ", ".join(sorted({example.pass_.value for example in examples})) or "none"
        raise UsageError(
            "there is no example of a pass that the adapter answers.", hint=f"The examples are of: {passes}."
        )
    notes = [*_compare_prompts(held_out, adapters), *_compare_examples(held_out, adapters)]
    if left := len(examples) - len(chosen):
        notes.append(f"{left:,} examples of passes that no adapter answers are left out.")
    store = ReplyFile(kept)
    replies: dict[str, Sequence[Generation | Failed]] = {}
    for side, names in zip(SIDES, ({}, {pass_: adapter.name for pass_, adapter in adapters.items()}), strict=True):
        if side == SIDES[0] or names:
            model = Model(engine.text, store, ModelSettings(prompts=load_prompts()), warn=engine.warn)
            tell(f"replies {side}", 0, len(chosen))
            done = partial(_tell_done, tell, f"replies {side}", len(chosen))
            replies[side] = engine.loop.run(collect(model, chosen, _by_pass(names), done=done))
    text = engine.text
    return Collected(
        held_out=held_out,
        examples=chosen,
        replies=replies,
        model=text.fingerprint(),
        adapters=adapters,
        fingerprints={pass_.value: text.fingerprint(adapter.name) for pass_, adapter in adapters.items()},
        notes=notes,
    )


def _by_pass(names: Mapping[Pass, str]) -> Callable[[TrainingExample], str]:
    return lambda example: names.get(example.pass_, "")


def _tell_done(tell: Tell, what: str, of: int, done: int) -> None:
    tell(what, done, of)


def _compare_prompts(held_out: HeldOut, adapters: Mapping[Pass, Adapter]) -> list[str]:
    """What there is to say where the examples ask with other prompts than an adapter was trained with."""
    asked, notes = held_out.prompt_hashes, []
    for pass_, adapter in adapters.items():
        known = adapter.manifest.prompt_hashes if adapter.manifest else {}
        names = (f"{pass_.value}.system", "rewrite.user")
        if other := [name for name in names if name in known and known[name] != asked.get(name, known[name])]:
            notes.append(
                f"The examples of {pass_.value} ask with other prompts than {adapter.label} was trained with "
                f"({', '.join(other)})."
            )
    return notes


def _compare_examples(held_out: HeldOut, adapters: Mapping[Pass, Adapter]) -> list[str]:
    """What there is to say where other examples were held out of a training: rows of these may have been trained on."""
    notes = []
    for adapter in {adapter.name: adapter for adapter in adapters.values()}.values():
        trained = adapter.manifest.whole.get("examples") if adapter.manifest else None
        hashes = trained.get("sha256") if isinstance(trained, dict) else None
        known = hashes.get(HELD_OUT) if isinstance(hashes, dict) else None
        if known and known != held_out.sha256:
            notes.append(
                f"These are not the examples that were held out of the training of {adapter.label}: it may have seen "
                "some of their rows, and then they flatter it."
            )
    return notes


def measure(
    collected: Collected,
    *,
    losses: MeasureLosses | None = None,
    no_losses: str = "",
    seed: int = 0,
    resamples: int = RESAMPLES,
    tell: Tell = _say_nothing,
) -> Measurement:
    """Judge the replies, and say what comes of it.

    :param losses: None where no loss can be measured; ``no_losses`` says why.
    :raises MidbError: where not one example got a reply.
    """
    notes = list(collected.notes)
    if losses is None and no_losses:
        notes.append(f"The loss is left out: {no_losses}.")
    found = _measure_losses(collected, losses) if losses else {}
    cases = _judge(collected, found, tell)
    groups = measure_groups(cases, seed=seed, resamples=resamples)
    if find_chrf() is None:
        notes.append(f"chrF is left out: sacrebleu is not installed (pip install '.[{EXTRA}]').")
    failed = {
        side: dict(codes)
        for side, replies in collected.replies.items()
        if (codes := Counter(reply.code for reply in replies if isinstance(reply, Failed)))
    }
    return Measurement(
        held_out=collected.held_out,
        model=collected.model,
        adapters=collected.fingerprints,
        groups=groups,
        defects=count_defects(cases),
        reasons=count_reasons(cases),
        conclusions=conclude(groups[0]),
        notes=notes,
        failed=failed,
        seed=seed,
        resamples=resamples,
    )


def _measure_losses(collected: Collected, losses: MeasureLosses) -> dict[str, list[LossPart]]:
    examples, adapters = collected.examples, collected.adapters
    found = {SIDES[0]: losses(examples, None)}
    if adapters:
        after: list[LossPart] = [None] * len(examples)
        for adapter in {adapter.name: adapter for adapter in adapters.values()}.values():
            own = [number for number, example in enumerate(examples) if adapters[example.pass_].name == adapter.name]
            for number, part in zip(own, losses([examples[n] for n in own], adapter), strict=True):
                after[number] = part
        found[SIDES[1]] = after
    return found


def _judge(collected: Collected, losses: Mapping[str, Sequence[LossPart]], tell: Tell) -> list[MeasuredCase]:
    judge = ReplyJudge()
    cases = []
    for number, example in enumerate(collected.examples):
        replies = {side: found[number] for side, found in collected.replies.items()}
        observed = {
            side: judge.judge(example, reply) for side, reply in replies.items() if not isinstance(reply, Failed)
        }
        own = {side: part for side, parts in losses.items() if (part := parts[number]) is not None}
        cases.append(MeasuredCase(example=example, observed=observed, reference=judge.refer(example), losses=own))
        tell("judged", number + 1, len(collected.examples))
    if not any(case.observed for case in cases):
        raise MidbError("not one example got a reply.", hint="Is the model's context long enough for them?")
    return cases
