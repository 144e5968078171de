"""How an adapter is trained: the settings, what they may be, and presets. Knows no torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from midb.domain.errors import UsageError

#: Within a training's folder: states to resume from, and the loss of the base.
CHECKPOINTS, BEFORE = "checkpoints", "before.json"

#: How the learning rate goes on after the warm-up.
SCHEDULES = ("cosine", "linear", "constant")

#: All linear layers but the output layer: peft's own word for them.
ALL_LINEAR = "all-linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningSettings:
    """How an adapter is trained. Two trainings with the same settings, examples and base are the same.

    :param rank: of the updates; ``alpha / rank`` scales them.
    :param targets: names of the linear layers that get one, with commas, or ``all-linear``.
    :param lr: the highest learning rate; ``warmup``: share of the steps in which it is reached.
    :param epochs: how often each example is seen; may be a fraction.
    :param batch_tokens: most tokens of a batch, its padding included; ``accumulate``: batches for each step.
    :param max_tokens: most tokens of an example; longer ones are left out.
    :param max_steps: most steps; 0: as many as the epochs take.
    :param clip: largest norm of a gradient.
    :param recompute: compute activations again in the backward pass, which takes a third more time and far less memory.
    """

    rank: int = 16
    alpha: int = 32
    targets: str = ALL_LINEAR
    dropout: float = 0.0
    lr: float = 2e-4
    schedule: str = "cosine"
    warmup: float = 0.05
    epochs: float = 1.0
    batch_tokens: int = 8192
    accumulate: int = 1
    max_tokens: int = 4096
    max_steps: int = 0
    weight_decay: float = 0.0
    clip: float = 1.0
    seed: int = 0
    recompute: bool = False

    def __post_init__(self) -> None:
        for name in ("rank", "alpha", "batch_tokens", "accumulate", "max_tokens"):
            if getattr(self, name) < 1:
                raise UsageError(f"{_option(name)} is {getattr(self, name)}; it must be at least 1.")
        for name in ("lr", "epochs", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"{_option(name)} is {getattr(self, name)}; it must be above 0.")
        if self.max_steps < 0:
            raise UsageError(f"--max-steps is {self.max_steps}; it must be at least 0.")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed is {self.seed}; it must be at least 0 and below 2^32.")
        for name in ("warmup", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{_option(name)} is {getattr(self, name)}; it must be at least 0 and below 1.")
        if self.schedule not in SCHEDULES:
            raise UsageError(f'--schedule "{self.schedule}" is not known.', hint=f"Known are: {', '.join(SCHEDULES)}.")
        if not [name for name in self.targets.split(",") if name.strip()]:
            raise UsageError("--targets names no layer.", hint=f"Write --targets {ALL_LINEAR}, or q_proj,v_proj")

    def as_dict(self) -> dict[str, Any]:
        """All settings by their names."""
        return asdict(self)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


#: Named settings. ``midb-paper``: one joint model for all languages and passes, as the paper on MIDB (arXiv 2505.17671)
#: trains it; the paper and its code differ in the learning rate and in the number of epochs.
PRESETS = {
    "default": TuningSettings(),
    "midb-paper": TuningSettings(
        rank=64, alpha=32, lr=2e-4, schedule="cosine", warmup=0.1, epochs=1.0, max_tokens=4096
    ),
}


def choose_settings(preset: str, **given: Any) -> TuningSettings:
    """The settings of a preset, with what was given (not None) in place of its own; raises UsageError."""
    if preset not in PRESETS:
        raise UsageError(f'there is no preset "{preset}".', hint=f"Known are: {', '.join(PRESETS)}.")
    return replace(PRESETS[preset], **{name: value for name, value in given.items() if value is not None})


def find_difference(earlier: dict[str, Any], settings: TuningSettings) -> str:
    """Name the first setting that is not as it was, for people; empty where all are."""
    for one in fields(settings):
        now = getattr(settings, one.name)
        if one.name in earlier and earlier[one.name] != now:
            return f"{_option(one.name)} was {earlier[one.name]} and is {now}"
    return ""
