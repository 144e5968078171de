"""Listeners to a run: a live view on a terminal, plain lines elsewhere, next to nothing, or JSON for programs.

A listener only tells, it decides nothing. Whatever comes from a corpus is written so that it cannot steer the
terminal (see `midb.dashboard.text`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TextIO

from midb.dashboard.console import has_cursor, open_terminal
from midb.dashboard.json_events import JsonEvents
from midb.dashboard.live import LiveDashboard
from midb.dashboard.plain import PlainLines, Quiet
from midb.domain.events import Event

__all__ = ["JsonEvents", "Listener", "LiveDashboard", "PlainLines", "Quiet", "listener"]


class Listener(Protocol):
    """Somebody who is told what a run does. Used as a context manager: leaving it gives the terminal back."""

    def handle(self, event: Event) -> None:
        """Take in one event, in the order they happen, always from the same thread."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def choose_listener(
    *, quiet: bool, json: bool, stderr: TextIO, stdout: TextIO, clock: Callable[[], float] = time.monotonic
) -> Listener:
    """The listener that fits the options and the terminal; ``json`` goes before ``quiet``."""
    if json:
        return JsonEvents(stdout)
    console = open_terminal(stderr)
    if quiet:
        return Quiet(console)
    if has_cursor(console):
        return LiveDashboard(console, clock=clock)
    return PlainLines(console, clock=clock)
