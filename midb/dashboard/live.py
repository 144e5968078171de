"""The live dashboard: one screen, redrawn in place, for a run that somebody watches."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rich.console import Console, RenderableType
from rich.live import Live

from midb.dashboard.console import Part
from midb.dashboard.plain import PlainLines
from midb.dashboard.screen import draw_line, draw_screen
from midb.domain.events import Event, RunEnded, Waiting

#: Seconds a run lasts before it takes over the screen: a short one shows its plan and its end, without a flash between.
LIVE_AFTER = 1.0

#: Tells the terminal to cut long lines instead of wrapping them: a character that it draws wider than rich thinks must
#: not push the rest of the screen down a line.
_STOP_WRAPPING = "\x1b[?7l"

#: Tells it to wrap again, as it does everywhere else.
_WRAP_AGAIN = "\x1b[?7h"

#: How often the screen is drawn: its clock shows seconds, and a resized terminal should not stay torn.
PER_SECOND = 2

#: How often the line is drawn: something in it moves, so that it is seen to be alive.
LINE_PER_SECOND = 8


class LiveDashboard(PlainLines):
    """A line that says what the run waits for; the plan above it; a screen that neither scrolls nor flickers; then the
    last screen below the plan.

    The screen is the terminal's alternate one: drawn from the top without erasing, at any size, and gone without a
    trace. What came meanwhile and must stay (rejected lines, warnings) is printed on the way out. ``ticking`` redraws
    by a thread of its own, also while nothing happens; without it the screen is drawn at each batch.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float], ticking: bool = True) -> None:
        super().__init__(console, clock=clock)
        self._ticking = ticking
        self._lock = threading.Lock()
        self._line: Live | None = None
        self._live: Live | None = None
        self._kept: list[Part] = []

    def __exit__(self, *_: object) -> None:
        self._leave()

    def take(self, event: Event) -> None:
        """Add the event to what is known; the drawing thread must not see it half done."""
        with self._lock:
            super().take(event)

    def write(self, *parts: Part) -> None:
        """Print something that stays: at once, or after the screen."""
        if self._live is None:
            super().write(*parts)
        else:
            self._kept += parts

    def wait(self, waiting: Waiting) -> None:
        """Say what the run waits for: in a line below all that was printed, until the screen is there."""
        if self._line is None and self._live is None:
            self._line = self._open(self._draw_line, LINE_PER_SECOND, screen=False)
        self._refresh()

    def advance(self) -> None:
        """Show the batch; the first one that comes late enough opens the screen."""
        if self._live is None and self.progress.seconds >= LIVE_AFTER:
            self._close_line()
            self.console.file.write(_STOP_WRAPPING)
            self._live = self._open(self._draw_screen, PER_SECOND, screen=True)
        else:
            self._refresh()

    def end(self, ended: RunEnded) -> None:
        """Leave the screen, and print the last one."""
        self._leave()
        super().end(ended)

    def _open(self, draw: Callable[[], RenderableType], per_second: int, *, screen: bool) -> Live:
        # Neither stream is redirected: what others print to stdout is data, and belongs where they send it.
        live = Live(
            get_renderable=draw, console=self.console, screen=screen, transient=True, auto_refresh=self._ticking,
            refresh_per_second=per_second, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        live.start(refresh=True)
        return live

    def _refresh(self) -> None:
        live = self._live or self._line
        if live is not None and not self._ticking:
            live.refresh()

    def _close_line(self) -> None:
        if self._line is not None:
            self._line.stop()
            self._line = None

    def _leave(self) -> None:
        self._close_line()
        if self._live is None:
            return
        self._live.stop()
        self.console.file.write(_WRAP_AGAIN)
        self._live = None
        kept, self._kept = self._kept, []
        self.write(*kept)

    def _draw_screen(self) -> RenderableType:
        """Called with the lock of `Live` held, so this lock is always the second one."""
        with self._lock:
            width, height = self.console.size
            return draw_screen(self.progress, width=width, height=height)

    def _draw_line(self) -> RenderableType:
        with self._lock:
            return draw_line(self.progress, width=self.console.width)
