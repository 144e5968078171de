"""A whole measurement: replies of both sides, each judged, the figures, and what they say."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from midb import __version__
from midb.agent.engines.adapters import Adapter
from midb.agent.model.calls import Model
from midb.agent.model.settings import ModelSettings
from midb.agent.run.session import RunEngine
from midb.domain.decisions import Pass
from midb.domain.errors import MidbError, UsageError
from midb.domain.intervals import CONFIDENCE, RESAMPLES
from midb.prompts import load_prompts
from midb.training.examples.example import TrainingExample
from midb.training.measuring.closeness import EXTRA, find_chrf
from midb.training.measuring.collecting import Failed, ReplyFile, collect
from midb.training.measuring.conclusions import conclude
from midb.training.measuring.judging import ReplyJudge
from midb.training.measuring.metrics import (
    SIDES,
    GroupFigures,
    MeasuredCase,
    count_defects,
    count_reasons,
    measure_groups,
)
from midb.training.measuring.reading import HeldOut

#: ``losses(examples, adapter) -> parts``: of each example the summed loss of its right reply and its tokens, by the
#: model with an adapter (None: as it is); None for an example that is too long.
MeasureLosses = Callable[[Sequence[TrainingExample], Adapter | None], list[tuple[float, int] | None]]


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


@dataclass(slots=True)
class Measurer:
    """Measures one engine, with the adapters that it has.

    :param tell: is told what goes on: what, how many are done, of how many.
    :param losses: None where no loss can be measured; ``no_losses`` says why.
    """

    engine: RunEngine
    replies: Path
    seed: int = 0
    resamples: int = RESAMPLES
    tell: Callable[[str, int, int], None] = lambda what, done, of: None
    losses: MeasureLosses | None = None
    no_losses: str = ""
    _notes: list[str] = field(default_factory=list)

    def measure(self, held_out: HeldOut, examples: Sequence[TrainingExample]) -> Measurement:
        """Measure on some of the held-out examples.

        :raises UsageError: where no adapter answers a pass of any of them.
        :raises EngineDown: where the engine serves no more; the same call goes on behind the replies that came.
        """
        adapters = dict(self.engine.adapters)
        self._notes = []
        chosen = self._choose(examples, adapters)
        self._compare_prompts(held_out, adapters)
        store = ReplyFile(self.replies)
        observed: dict[str, list[Any]] = {"before": self._ask(chosen, {}, store, "the model as it is")}
        if adapters:
            observed["after"] = self._ask(chosen, adapters, store, "with its adapter")
        losses = self._measure_losses(chosen, adapters)
        cases = self._judge(chosen, observed, losses)
        groups = measure_groups(cases, seed=self.seed, resamples=self.resamples)
        if find_chrf() is None:
            self._notes.append(f"chrF is left out: sacrebleu is not installed (pip install '.[{EXTRA}]').")
        failed = {
            side: codes
            for side, replies in observed.items()
            if (codes := _count_codes([reply for reply in replies if isinstance(reply, Failed)]))
        }
        text = self.engine.text
        return Measurement(
            held_out=held_out,
            model=text.fingerprint(),
            adapters={pass_.value: text.fingerprint(adapter.name) for pass_, adapter in adapters.items()},
            groups=groups,
            defects=count_defects(cases),
            reasons=count_reasons(cases),
            conclusions=conclude(groups[0]),
            notes=list(self._notes),
            failed=failed,
            seed=self.seed,
            resamples=self.resamples,
        )

    def _choose(
        self, examples: Sequence[TrainingExample], adapters: Mapping[Pass, Adapter]
    ) -> list[TrainingExample]:
        """The examples of passes that an adapter answers; all where there is none."""
        chosen = [example for example in examples if not adapters or example.pass_ in adapters]
        if not chosen:
            passes = ", ".join(sorted({example.pass_.value for example in examples})) or "none"
            raise UsageError(
                "there is no example of a pass that the adapter answers.", hint=f"The examples are of: {passes}."
            )
        if left := len(examples) - len(chosen):
            self._notes.append(f"{left:,} examples of passes that no adapter answers are left out.")
        return chosen

    def _compare_prompts(self, held_out: HeldOut, adapters: Mapping[Pass, Adapter]) -> None:
        """Note where the examples ask with other prompts than an adapter was trained with."""
        asked = held_out.prompt_hashes
        for pass_, adapter in adapters.items():
            known = adapter.manifest.prompt_hashes if adapter.manifest else {}
            names = (f"{pass_.value}.system", "rewrite.user")
            if other := [name for name in names if name in known and known[name] != asked.get(name, known[name])]:
                self._notes.append(
                    f"The examples of {pass_.value} ask with other prompts than {adapter.label} was trained with "
                    f"({', '.join(other)})."
                )

    def _ask(
        self, examples: Sequence[TrainingExample], adapters: Mapping[Pass, Adapter], store: ReplyFile, what: str
    ) -> list[Any]:
        names = {pass_: adapter.name for pass_, adapter in adapters.items()}
        model = Model(self.engine.text, store, ModelSettings(prompts=load_prompts()), warn=self.engine.warn)
        self.tell(f"replies, {what}", 0, len(examples))
        return self.engine.loop.run(
            collect(
                model,
                examples,
                lambda example: names.get(example.pass_, ""),
                done=lambda count: self.tell(f"replies, {what}", count, len(examples)),
            )
        )

    def _measure_losses(
        self, examples: Sequence[TrainingExample], adapters: Mapping[Pass, Adapter]
    ) -> dict[str, list[tuple[float, int] | None]]:
        if self.losses is None:
            if self.no_losses:
                self._notes.append(f"The loss is left out: {self.no_losses}.")
            return {}
        found = {"before": self.losses(examples, None)}
        if adapters:
            after: list[tuple[float, int] | None] = [None] * len(examples)
            for adapter in {adapter.name: adapter for adapter in adapters.values()}.values():
                own = [
                    number for number, example in enumerate(examples) if adapters[example.pass_].name == adapter.name
                ]
                for number, part in zip(own, self.losses([examples[n] for n in own], adapter), strict=True):
                    after[number] = part
            found["after"] = after
        return found

    def _judge(
        self,
        examples: Sequence[TrainingExample],
        observed: Mapping[str, list[Any]],
        losses: Mapping[str, list[tuple[float, int] | None]],
    ) -> list[MeasuredCase]:
        judge = ReplyJudge()
        cases = []
        for number, example in enumerate(examples):
            seen = {
                side: judge.judge(example, observed[side][number])
                for side in SIDES
                if side in observed and not isinstance(observed[side][number], Failed)
            }
            own = {side: part for side, parts in losses.items() if (part := parts[number]) is not None}
            cases.append(
                MeasuredCase(example=example, observed=seen, reference=judge.refer(example), losses=own)
            )
            self.tell("judged", number + 1, len(examples))
        if not any(case.observed for case in cases):
            raise MidbError("not one example got a reply.", hint="Is the model's context long enough for them?")
        return cases


def _count_codes(failures: Sequence[Failed]) -> dict[str, int]:
    codes: dict[str, int] = {}
    for failure in failures:
        codes[failure.code] = codes.get(failure.code, 0) + 1
    return codes
