"""Processes that this one starts: signals are its own business, they never see Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker

#: What a terminal or a cluster sends to a whole group of processes.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def ignore_signals() -> None:
    """Ignore what was held back since this process began, and all that comes."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


@contextlib.contextmanager
def hold_signals() -> Iterator[None]:
    """Hold signals back: a process that is started here holds them from its first moment on, while it imports.

    Windows has no such thing; there a process that is interrupted while it imports is one that died.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it lets signals through again when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def describe_exit(code: int | None) -> str:
    """Say how a process ended, by its exit code as ``multiprocessing`` gives it.

    >>> describe_exit(-9), describe_exit(1)
    ('was killed by SIGKILL', 'ended with code 1')
    """
    if code is None:
        return "closed its pipe"
    if code >= 0:
        return f"ended with code {code}"
    names = {number.value: number.name for number in signal.Signals}
    return f"was killed by {names.get(-code, f'signal {-code}')}"
