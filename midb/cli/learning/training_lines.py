"""What a training says while it goes on, in plain lines; only the first of several processes talks."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from midb.training.tuning.watching import TuningProgress

#: Seconds between two lines of progress.
_EVERY = 10.0

#: First steps after which the time for all of them is told: the very first one takes longer than the others.
_ESTIMATED = 3


class ProgressLines:
    """Tells how a training goes: one line at its beginning, after its first steps, and every some seconds."""

    def __init__(self, described: str, examples: int) -> None:
        self._described, self._examples = described, examples
        self._first, self._last = 0, 0.0

    def begin(self, model: Any, step: int, steps: int) -> None:
        """Say what is trained."""
        self._first = step
        learnt = sum(p.numel() for p in model.parameters() if p.requires_grad)
        of = sum(p.numel() for p in model.parameters())
        going_on = f", going on from step {step:,}" if step else ""
        say(f"training {self._described}: {learnt:,} of {of:,} parameters, {steps:,} steps{going_on}")

    def tell(self, progress: TuningProgress) -> None:
        """Say how far it is."""
        if progress.skipped:
            say(f"  warning: a gradient of step {progress.step:,} was not a number: the step is left out")
        done = progress.step - self._first
        now = time.monotonic()
        if done == _ESTIMATED:
            say(f"  about {describe_span(progress.left)} to go, by the first {_ESTIMATED} steps")
        if done not in (1, _ESTIMATED) and progress.step != progress.steps and now - self._last < _EVERY:
            return
        self._last = now
        say(
            f"  step {progress.step:,}/{progress.steps:,}  loss {progress.loss:.4f}  lr {progress.lr:.2e}  "
            f"{progress.rate:,.0f} tokens/s  {describe_span(progress.left)} left"
        )


def describe_span(seconds: float) -> str:
    """A time for people.

    >>> describe_span(8), describe_span(200), describe_span(7300)
    ('8 s', '3:20 min', '2:01 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def is_first() -> bool:
    """Whether this is the process that talks and writes, where several train together."""
    return os.environ.get("RANK", "0") == "0"


def say(*lines: str) -> None:
    if is_first():
        print("\n".join(lines), file=sys.stderr, flush=True)
