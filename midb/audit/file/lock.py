"""The lock beside a log: one process at a time may write it. Knows the two kinds of file locks there are."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from midb.domain.errors import AuditError, UsageError


class WriterLock:
    """An advisory lock on ``<log>.lock``, taken when it is made; a process that dies lets go of it.

    Raises AuditError where another process has it, UsageError where the file cannot be made or the system has no locks.
    """

    def __init__(self, log: Path) -> None:
        self._path = log.with_name(log.name + ".lock")
        lock = _find_lock()
        try:
            self._descriptor: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UsageError(
                f"the audit log {log} cannot be written: {error.strerror}.", hint="Choose another --db."
            ) from error
        try:
            lock(self._descriptor)
        except OSError as error:
            os.close(self._descriptor)
            raise AuditError(
                f"{log} is in use by another run.",
                hint="Wait for it to end, or give this run another -o and --db.",
                retryable=True,
            ) from error

    def release(self) -> None:
        """Let go of the lock and remove its file; once is enough.

        Where the system allows it the file is removed while it is still locked: whoever opened the old file meanwhile
        fails to lock it or locks a dead name, and SQLite's own locks still keep two writers apart. Windows removes no
        open file; there it goes after it is closed, unless somebody else has it by then.
        """
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)
        self._descriptor = None
        if os.name == "nt":
            with contextlib.suppress(OSError):
                self._path.unlink()


def _find_lock() -> Callable[[int], None]:
    """What locks an open file at once or raises OSError: by ``fcntl`` (POSIX), else by ``msvcrt`` (Windows)."""
    if fcntl := _module("fcntl"):
        return lambda descriptor: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if msvcrt := _module("msvcrt"):
        return lambda descriptor: msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    raise UsageError(
        "this system locks no files (Python has neither fcntl nor msvcrt here), so that nothing would keep two runs "
        "from writing to one audit log.",
        hint="Run midb-agent on Linux, macOS or Windows.",
    )


def _module(name: str) -> ModuleType | None:
    """A module of the standard library that only some systems have."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
