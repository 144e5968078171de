"""Listeners that print lines and never go back: for log files, CI jobs, dumb terminals, and who wants quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.text import Text

from midb.dashboard.console import Part, print_parts
from midb.dashboard.model import progress_words
from midb.dashboard.screen import done_text, speed_text
from midb.dashboard.state import Progress, outcome_sums
from midb.dashboard.summary import end_parts, plan_parts, quiet_parts
from midb.dashboard.text import count, shown
from midb.domain.events import BatchDone, Event, LineRejected, ModelUsed, RunEnded, RunPlanned, Warned

#: Seconds between the lines of a run that nobody watches.
EVERY_SECONDS = 10.0

#: Rejected lines, and warnings, that are told in full; the others are counted.
TOLD_IN_FULL = 10


class PlainLines:
    """The plan, a line every ``every`` seconds, the first rejected lines and warnings as they come, the last screen."""

    def __init__(self, console: Console, *, clock: Callable[[], float], every: float = EVERY_SECONDS) -> None:
        self.console = console
        self.progress = Progress(clock)
        self._every = every
        self._due = every
        self._untold = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def handle(self, event: Event) -> None:
        """Take it in and tell what there is to tell."""
        self.take(event)
        match event:
            case RunPlanned():
                self.tell(*plan_parts(event))
            case LineRejected():
                place = f"{shown(self.progress.plan.corpus)}, " if self.progress.plan else ""
                sentence = f"rejected: {place}line {count(event.line)}: {shown(event.message)}"
                self._notice(Text(sentence, "red"), self.progress.rejected.total(), "rejected lines")
            case Warned():
                self._notice(Text(f"warning: {shown(event.message)}", "yellow"), self.progress.warnings, "warnings")
            case BatchDone():
                self._untold = True
                self.advance()
            case ModelUsed():
                self.advance()
            case RunEnded():
                self.end(event)

    def take(self, event: Event) -> None:
        """Add the event to what is known."""
        self.progress.take(event)

    def tell(self, *parts: Part) -> None:
        """Print something that stays."""
        print_parts(self.console, parts)

    def advance(self) -> None:
        """There is progress."""
        if self.progress.seconds >= self._due:
            self._due = self.progress.seconds + self._every
            self._tell_progress()

    def end(self, ended: RunEnded) -> None:
        """The run is over."""
        if self._untold:
            self._tell_progress()
        self.tell(*end_parts(ended, self.progress, width=self.console.width))

    def _tell_progress(self) -> None:
        tally = self.progress.tally
        figures = [*(f"{o} {count(n)}" for o, n in outcome_sums(tally.outcomes).items())]
        figures += [f"rejected {count(tally.rejected)}", f"open findings {count(tally.open.total())}"]
        figures += progress_words(self.progress)
        self.tell(Text("   ".join([done_text(self.progress), speed_text(self.progress), *figures])))
        self._untold = False

    def _notice(self, sentence: Text, number: int, what: str) -> None:
        """The first ones in full; then a word that there are more, and silence."""
        if number <= TOLD_IN_FULL:
            self.tell(sentence)
        elif number == TOLD_IN_FULL + 1:
            self.tell(Text(f"more {what}: from here on they are only counted", sentence.style))


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
            print_parts(self.console, quiet_parts(event))
