"""An event loop whose clock jumps: what waits for seconds takes none, and real sockets work all the same."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: Real seconds in which what was sent over this machine's own network is surely there, before the clock jumps.
_SETTLING = 0.002


class _Jumping(selectors.DefaultSelector):
    """Waits only for what comes; where nothing does, the clock goes on by as much as was to be waited."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if not (ready := super().select(_SETTLING)):
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own, which begins at 0."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds that would have passed."""
        return self._jumping.now


def run_virtually(work: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """What comes of some work, and the seconds that it would have taken."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work), runner.get_loop().time()
