"""What a training says while it goes on: a bar on a terminal, else plain lines; only the first of several processes
talks.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

if TYPE_CHECKING:
    from midb.training.tuning.watching import TuningProgress

#: Seconds between two lines of progress.
_EVERY = 10.0

#: First steps after which the time for all of them is told: the very first one takes longer than the others.
_ESTIMATED = 3


class ProgressLines:
    """Tells how a training goes: one line at its beginning, and after its first steps; then a bar until ``with`` ends,
    or a line every some seconds.
    """

    def __init__(self, described: str) -> None:
        self._described = described
        self._first, self._last = 0, 0.0
        columns = ("  step {task.completed:,}/{task.total:,}", "{task.fields[figures]}")
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn(columns[0]), BarColumn(24), TextColumn(columns[1]), console=console, transient=True,
            disable=not (console.is_terminal and is_first()),
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.stop()

    def begin(self, model: Any, step: int, steps: int) -> None:
        """Say what is trained."""
        self._first = step
        learnt = sum(p.numel() for p in model.parameters() if p.requires_grad)
        of = sum(p.numel() for p in model.parameters())
        going_on = f", going on from step {step:,}" if step else ""
        say(f"training {self._described}: {learnt:,} of {of:,} parameters, {steps:,} steps{going_on}")
        self._bar.add_task("", total=steps, completed=step, figures="")
        self._bar.start()

    def tell(self, progress: TuningProgress) -> None:
        """Say how far it is."""
        if progress.skipped:
            say(f"  warning: a gradient of step {progress.step:,} was not a number: the step is left out")
        done = progress.step - self._first
        now = time.monotonic()
        if done == _ESTIMATED:
            say(f"  about {describe_span(progress.left)} to go, by the first {_ESTIMATED} steps")
        figures = (
            f"loss {progress.loss:.4f}  lr {progress.lr:.2e}  {progress.rate:,.0f} tokens/s  "
            f"{describe_span(progress.left)} left"
        )
        if not self._bar.disable:
            self._bar.update(self._bar.task_ids[0], completed=progress.step, figures=figures)
            return
        if done not in (1, _ESTIMATED) and progress.step != progress.steps and now - self._last < _EVERY:
            return
        self._last = now
        say(f"  step {progress.step:,}/{progress.steps:,}  {figures}")


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
