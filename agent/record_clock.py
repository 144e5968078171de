"""How long one record may take: a budget of processor time, after which it is left alone.

All that is done to a text takes time in proportion to its length; what nobody foresaw, such as a pattern that tries
every way to fail, must not hold up a corpus. Processor time of the examining thread is counted, not time on a clock: a
busy or sleeping machine changes nothing, a slower one little, since the budget is many times what a record needs.

Two limits. `run` interrupts Python and the regex engines, which look for signals while they search; the record's other
pairs and its id are still known. `limit_process` has the system end a worker process that does not even look: the
parent sees why (`ended_by_limit`), and the record stays as it is. Where a system has no such timers (Windows), or the
program around a library call uses SIGALRM itself, or runs it in another thread than the main one, nothing is limited.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from functools import partial
from types import FrameType
from typing import Any, TypeVar

Result = TypeVar("Result")

#: Characters or bytes for which a record gets its budget once; a longer one gets as many times more.
PORTION = 1 << 20

#: Seconds between two attempts to interrupt: a library may take the first for an error of its own.
AGAIN = 0.5

#: Seconds of processor time beyond its budget, and shares of it, that a worker process gets before it is ended.
GRACE = 10.0
GRACE_SHARE = 0.5


class RecordOutOfTimeError(Exception):
    """A record has used up its processor time."""


class RecordClock:
    """The processor time that one record has left.

    ``seconds`` are for each ``PORTION`` of its ``size`` in bytes, begun ones included. ``ends_process``: the process is
    there for nothing else, and the system ends it where it does not even look for signals.
    """

    def __init__(self, seconds: float, size: int = 0, *, ends_process: bool = False) -> None:
        self.seconds = seconds * max(1, -(-size // PORTION))
        self._ends_process = ends_process
        self._left = self.seconds
        self._started = 0.0

    @contextlib.contextmanager
    def last_resort(self) -> Iterator[None]:
        """What the record is not interrupted in: only a process that may end has a limit then."""
        if not self._ends_process:
            yield
            return
        limit_process(self.seconds)
        try:
            yield
        finally:
            limit_process(0)

    def run(self, call: Callable[[], Result]) -> Result:
        """The result of a call; RecordOutOfTimeError once the record has used up its time."""
        if self._left <= 0:
            raise RecordOutOfTimeError
        if not self._ends_process:
            return self._run(call)
        limit_process(self.seconds)
        try:
            return self._run(call)
        finally:
            limit_process(0)

    def _run(self, call: Callable[[], Result]) -> Result:
        if _alarm.waits_here():
            return self._run_limited(call)
        with hold_alarm() as held:
            return self._run_limited(call) if held else call()

    def _run_limited(self, call: Callable[[], Result]) -> Result:
        try:
            self._start()
            return call()
        finally:
            self._stop()

    async def drive(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Await ``work``; what it computes is counted, what it waits for is not."""
        result: Result = await _Steps(self, work)
        return result

    def _start(self) -> None:
        self._started = time.thread_time()
        _alarm.clock = self
        signal.setitimer(signal.ITIMER_REAL, self._left, AGAIN)

    def _stop(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _alarm.clock = None
        self._left -= time.thread_time() - self._started

    def ring(self) -> None:
        """What the alarm does while this clock runs: RecordOutOfTimeError where nothing is left."""
        left = self._left - (time.thread_time() - self._started)
        if left > 0:  # others had the processor meanwhile
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001), AGAIN)
        else:
            raise RecordOutOfTimeError


class _Alarm:
    """The alarm of this process: in which thread it is held (0 in none), and the clock that it rings for."""

    thread: int = 0
    clock: RecordClock | None = None

    def waits_here(self) -> bool:
        """Whether this thread holds the alarm, and no clock runs yet."""
        return self.clock is None and self.thread == threading.get_ident()


_alarm = _Alarm()

#: Where no interruption may begin: the timer has to be switched off whatever happens.
_OWN_CODE = frozenset({RecordClock._start.__code__, RecordClock._stop.__code__})


def _ring(number: int, frame: FrameType | None) -> None:
    if _alarm.clock is None or (frame is not None and frame.f_code in _OWN_CODE):
        return  # the call has not begun, or is over
    _alarm.clock.ring()


@contextlib.contextmanager
def hold_alarm() -> Iterator[bool]:
    """Keep SIGALRM ready for every clock that runs within; says whether it could be had.

    A clock that finds it held has but to set the timer: to install a handler for each pair costs more than that.
    """
    if not _may_use_alarm():
        yield False
        return
    _alarm.thread = threading.get_ident()
    signal.signal(signal.SIGALRM, _ring)
    try:
        yield True
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        _alarm.thread = 0


class _Steps:
    """An awaitable that takes each step of a coroutine under a clock."""

    def __init__(self, clock: RecordClock, work: Coroutine[Any, Any, Any]) -> None:
        self._clock = clock
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[], Any] = partial(self._work.send, None)
        while True:
            try:
                awaited = self._clock.run(step)
            except StopIteration as end:
                return end.value
            except RecordOutOfTimeError:
                self._work.close()
                raise
            try:
                step = partial(self._work.send, (yield awaited))
            except BaseException as error:  # cancelled, among others: the work is to know
                step = partial(self._work.throw, error)


def _may_use_alarm() -> bool:
    return (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    )


def limit_process(seconds: float) -> None:
    """Have the system end this process when it has used the budget of a record and some more; 0 lifts the limit."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds * (1 + GRACE_SHARE) + GRACE if seconds else 0)


def ended_by_limit(exit_code: int | None) -> bool:
    """Whether a process with this exit code was ended by ``limit_process``."""
    return hasattr(signal, "SIGPROF") and exit_code == -signal.SIGPROF
