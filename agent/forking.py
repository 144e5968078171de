"""Processes that begin with everything loaded: one process imports what all of them need, and forks when it is asked.

Python's own fork server would do the same, but imports before it knows where modules are to be found, keeps the
environment of its first use and leaves a socket behind when its program is killed. A nursery has no name that others
could find: it hangs on one socket, whose other end nobody has but its parent, and it ends when that is closed, however
that comes. What it has forked ends by itself, with the pipe to its parent.

A fork is safe only where no other thread may hold a lock. A nursery that finds itself with threads ends at once; where
there is none (that, or a system that is not Linux), each process is started by itself and loads everything anew.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import multiprocessing
import os
import pickle
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any, Protocol

from midb.agent.processes import hold_signals, ignore_signals

#: Whether processes are forked at all. What other systems load by themselves may not survive a fork.
FORKS = sys.platform == "linux"

#: What goes before a request: the length of what follows, in bytes.
_HEAD = struct.Struct("!Q")

#: What is told of a process: by itself, before all else, that it has begun, and its id; by its nursery that it has
#: ended, and its exit code.
_WORD = struct.Struct("!?q")

#: What a process is for: it gets its end of a pipe, and what else it was given.
Target = Callable[..., None]


class Child(Protocol):
    """A process that was started, as ``multiprocessing`` shows it."""

    @property
    def exitcode(self) -> int | None:
        """How it ended (negative: by a signal); ``None`` where it has not, or nobody can say."""
        ...

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, for so many seconds at most."""
        ...

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


class ForkedProcess:
    """A process that a nursery forks as soon as it has loaded."""

    def __init__(self, status: Connection) -> None:
        self.pid: int | None = None
        self._status = status
        self._ended = False
        self._exitcode: int | None = None

    @property
    def exitcode(self) -> int | None:
        """As of a ``Child``."""
        self.join(0)
        return self._exitcode

    def join(self, timeout: float | None = None) -> None:
        """As of a ``Child``."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._ended and self._status.poll(None if until is None else max(0.0, until - time.monotonic())):
            self._hear()

    def is_alive(self) -> bool:
        """As of a ``Child``; a process whose nursery has died counts as ended."""
        self.join(0)
        return not self._ended

    def kill(self) -> None:
        """As of a ``Child``. One that has not begun finds its pipe closed when it does, and ends."""
        self.join(0)
        if self._exitcode is None and self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._ended = self._ended or self.pid is None

    def _hear(self) -> None:
        try:
            ended, number = _WORD.unpack(self._status.recv_bytes())
        except (EOFError, OSError):  # the nursery is dead
            self._ended = True
            return
        if ended:
            self._exitcode, self._ended = number, True
        else:
            self.pid = number


class Nursery:
    """Starts processes that have everything loaded.

    ``load`` is called once, in the nursery: it imports, and fills what is computed at first use. It goes there by
    pickle, and may neither start a thread nor open what processes must not share.
    """

    def __init__(self, load: Callable[[], None]) -> None:
        self._process = None
        if not FORKS:
            return
        self._control, theirs = socket.socketpair()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_live, args=(theirs, load), name="midb-nursery", daemon=True)
        with hold_signals():
            self._process.start()
        theirs.close()
        atexit.register(self.close)  # before multiprocessing waits for the ends of its processes

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, target: Target, *arguments: Any) -> tuple[Child, Connection]:
        """Start a process that calls ``target`` with its end of a pipe and the arguments; returns our end as well.

        Both go there by pickle.
        """
        ours, theirs = multiprocessing.Pipe()
        try:
            return self._fork(theirs, target, arguments) or _spawn(theirs, target, arguments), ours
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()

    def _fork(self, pipe: Connection, target: Target, arguments: tuple[Any, ...]) -> ForkedProcess | None:
        """A process of the nursery; ``None`` where that is dead."""
        if self._process is None or not self._process.is_alive():
            return None
        status, told = multiprocessing.Pipe(duplex=False)
        request = bytes(ForkingPickler.dumps((target, arguments)))
        try:
            socket.send_fds(self._control, [_HEAD.pack(len(request))], [pipe.fileno(), told.fileno()])
            self._control.sendall(request)
        except OSError:
            status.close()
            return None
        finally:
            told.close()
        return ForkedProcess(status)

    def close(self) -> None:
        """End the nursery. Processes that it has forked go on."""
        if self._process is None:
            return
        atexit.unregister(self.close)
        self._control.close()
        self._process.kill()  # it may still be loading, and has nothing to put in order
        self._process.join()


def _spawn(pipe: Connection, target: Target, arguments: tuple[Any, ...]) -> Child:
    """A process that loads everything by itself."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=(pipe, *arguments), daemon=True)
    with hold_signals():
        process.start()
    return process


def _live(control: socket.socket, load: Callable[[], None]) -> None:
    """A nursery's life: load, then fork whenever it is asked, and tell how each process ended."""
    ignore_signals()
    gc.disable()
    with contextlib.suppress(Exception):  # what fails here fails in each process, which says so
        load()
    gc.freeze()  # what is loaded stays: a collection in a forked process would only copy the memory that both share
    if len(os.listdir("/proc/self/task")) > 1:
        return
    # A process holds one end of a pipe as long as it lives. By the other end: its id, and where its end is to be told.
    children: dict[Connection, tuple[int, Connection]] = {}
    while True:
        for ready in wait([control, *children]):
            if isinstance(ready, Connection):
                pid, told = children.pop(ready)
                ready.close()
                _, status = os.waitpid(pid, 0)
                _tell(told, True, os.waitstatus_to_exitcode(status))
                told.close()
            elif (request := _receive(control)) is None:
                return
            else:
                _fork_child(control, children, *request)


def _receive(control: socket.socket) -> tuple[bytes, Connection, Connection] | None:
    """The next request, the pipe of the process to come, and where to tell of it; ``None`` if there comes no more."""
    head, handles, *_ = socket.recv_fds(control, _HEAD.size, 2)
    head += _read(control, _HEAD.size - len(head))
    if len(head) < _HEAD.size:
        return None
    pipe, told = (Connection(handle) for handle in handles)
    (length,) = _HEAD.unpack(head)
    request = _read(control, length)
    return (request, pipe, told) if len(request) == length else None


def _read(control: socket.socket, length: int) -> bytes:
    """So many bytes, fewer where the other end is closed; never one more: it may come with handles."""
    found = b""
    while len(found) < length and (more := control.recv(length - len(found))):
        found += more
    return found


def _fork_child(
    control: socket.socket,
    children: dict[Connection, tuple[int, Connection]],
    request: bytes,
    pipe: Connection,
    told: Connection,
) -> None:
    """Fork a process, which never comes back from here."""
    lives, held = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid:
        for end in (held, pipe):
            end.close()
        children[lives] = pid, told
        return
    code = 1
    try:
        _tell(told, False, os.getpid())
        control.close()
        for end in (lives, told, *children, *(other for _, other in children.values())):
            end.close()
        gc.enable()
        target, arguments = pickle.loads(request)
        target(pipe, *arguments)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)


def _tell(told: Connection, ended: bool, number: int) -> None:
    with contextlib.suppress(OSError):  # nobody wants to know
        told.send_bytes(_WORD.pack(ended, number))
