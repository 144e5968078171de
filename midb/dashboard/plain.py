"""Listeners that print lines and never go back: for log files, CI jobs, dumb terminals, and who wants quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.text import Text

from midb.dashboard.cluster import describe_shards
from midb.dashboard.console import Part, print_parts
from midb.dashboard.model import describe_model
from midb.dashboard.screen import describe_done, describe_speed
from midb.dashboard.state import Progress, sum_outcomes
from midb.dashboard.summary import draw_end, draw_plan, draw_quiet_end
from midb.dashboard.text import fit, format_count
from midb.domain.events import (
    BatchDone,
    Event,
    LineRejected,
    ModelUsed,
    RunEnded,
    RunPlanned,
    ShardsSeen,
    Waiting,
    Warned,
)

#: Seconds between the lines of a run that nobody watches.
EVERY_SECONDS = 10.0

#: Rejected lines, and warnings, that are told in full; the others are counted.
SHOWN_IN_FULL = 10


class PlainLines:
    """The plan, a line every ``every`` seconds, the first rejected lines and warnings as they come, the last screen."""

    def __init__(self, console: Console, *, clock: Callable[[], float], every: float = EVERY_SECONDS) -> None:
        self.console = console
        self.progress = Progress(clock)
        self._every = every
        self._due = every
        self._unwritten = False
        self._rejected = self._warned = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def handle(self, event: Event) -> None:
        """Take it in and tell what there is to tell."""
        self.take(event)
        match event:
            case Waiting():
                self.wait(event)
            case RunPlanned():
                self.write(*draw_plan(event))
            case LineRejected():
                place = f"{fit(self.progress.plan.corpus)}, " if self.progress.plan else ""
                sentence = f"rejected: {place}line {format_count(event.line)}: {fit(event.message)}"
                self._rejected += 1
                self._write_notice(Text(sentence, "red"), self._rejected, "rejected lines")
            case Warned(logged=False):
                self.write(Text(fit(event.message), "yellow"))
            case Warned():
                self._warned += 1
                self._write_notice(Text(f"warning: {fit(event.message)}", "yellow"), self._warned, "warnings")
            case BatchDone():
                self._unwritten = True
                self.advance()
            case ModelUsed() | ShardsSeen():
                self.advance()
            case RunEnded():
                self.end(event)

    def take(self, event: Event) -> None:
        """Add the event to what is known."""
        self.progress.take(event)

    def write(self, *parts: Part) -> None:
        """Print something that stays."""
        print_parts(self.console, parts)

    def wait(self, waiting: Waiting) -> None:
        """Nothing moves in a file: only what may take long is told there, so that nobody takes the run for dead."""
        if waiting.slow:
            self.write(Text(fit(waiting.what), "dim"))

    def advance(self) -> None:
        """There is progress."""
        if self.progress.seconds >= self._due:
            self._due = self.progress.seconds + self._every
            self._write_progress()

    def end(self, ended: RunEnded) -> None:
        """The run is over."""
        if self._unwritten:
            self._write_progress()
        self.write(*draw_end(ended, self.progress, width=self.console.width))

    def _write_progress(self) -> None:
        tally = self.progress.tally
        figures = [*(f"{o} {format_count(n)}" for o, n in sum_outcomes(tally.outcomes).items())]
        figures += [f"rejected {format_count(tally.rejected)}", f"open findings {format_count(tally.open.total())}"]
        figures += describe_model(self.progress)
        figures += [f"shards {describe_shards(self.progress.shards)}"] if self.progress.shards else []
        self.write(Text("   ".join([describe_done(self.progress), describe_speed(self.progress), *figures])))
        self._unwritten = False

    def _write_notice(self, sentence: Text, number: int, what: str) -> None:
        """The first ones in full; then a word that there are more, and silence."""
        if number <= SHOWN_IN_FULL:
            self.write(sentence)
        elif number == SHOWN_IN_FULL + 1:
            self.write(Text(f"more {what}: from here on they are only counted", sentence.style))


class Quiet:
    """Nothing, unless there is something that a person must know: see `quiet_parts`."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def handle(self, event: Event) -> None:
        """Wait for the end."""
        if isinstance(event, RunEnded):
            print_parts(self.console, draw_quiet_end(event))
