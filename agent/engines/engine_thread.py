"""The thread that owns a token engine: commands in, outcomes out. Knows no text."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from midb.agent.engines.protocol import CallFailed, EngineDown
from midb.agent.engines.tokens import RequestRefused, TokenEngine, TokenRequest, TokenResult

#: Steps that may fail in a row before the engine counts as lost.
_FAILED_STEPS = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request got no result; errors are made from it one by one, as each is raised in a task of its own."""

    message: str
    code: str | None = None  # None: the engine is down
    hint: str = ""

    def error(self) -> CallFailed | EngineDown:
        """A fresh error."""
        if self.code is None:
            return EngineDown(self.message, hint=self.hint)
        return CallFailed(self.code, self.message, hint=self.hint)


CLOSED = Failure("the engine is closed.")

Answer = asyncio.Future["TokenResult | Failure"]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A request, and where its outcome goes."""

    request: TokenRequest
    future: Answer


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody waits for a job any more."""

    job: Job


@dataclass(frozen=True, slots=True)
class Pin:
    """A beginning that comes back."""

    prefix_ids: list[int]


class Close:
    """End the thread."""


Command = Job | Cancel | Pin | Close


class Worker:
    """The engine thread: commands in, outcomes out. It waits on the queue when idle and drains it before each step."""

    def __init__(
        self,
        make: Callable[[], TokenEngine],
        commands: queue.SimpleQueue[Command],
        ready: Callable[[int], None],
        deliver: Callable[[list[tuple[Answer, TokenResult | Failure]]], None],
        over: Callable[[Failure], None],
    ) -> None:
        self._make, self._commands = make, commands
        self._ready, self._deliver, self._over = ready, deliver, over
        self._jobs: dict[int, Job] = {}
        self._indices: dict[Job, int] = {}
        self._outcomes: list[tuple[Answer, TokenResult | Failure]] = []
        self._failed_steps = 0

    def run(self) -> None:
        """Until closed, or until the engine is lost."""
        failure = CLOSED
        try:
            self._serve()
        except BaseException as error:  # whatever ended the thread, those who wait must hear of it
            failure = Failure(_sentence(error), hint=str(getattr(error, "hint", "")))
        self._flush()
        self._over(failure)

    def _serve(self) -> None:
        engine = self._make()
        self._ready(engine.max_length)
        while True:
            for command in self._drain(wait=not engine.busy):
                if isinstance(command, Close):
                    return
                self._obey(engine, command)
            if engine.busy:
                self._step(engine)
            self._collect(engine)
            self._flush()

    def _drain(self, *, wait: bool) -> Iterator[Command]:
        try:
            yield self._commands.get(block=wait)
            while True:
                yield self._commands.get_nowait()
        except queue.Empty:
            return

    def _obey(self, engine: TokenEngine, command: Job | Cancel | Pin) -> None:
        if isinstance(command, Cancel):
            index = self._indices.pop(command.job, None)
            if index is not None:
                del self._jobs[index]
                engine.cancel(index)
            return
        try:
            if isinstance(command, Pin):
                engine.pin(command.prefix_ids)
                return
            index = engine.add(command.request)
        except RequestRefused as refused:
            if isinstance(command, Job):
                self._outcomes.append((command.future, Failure(str(refused), refused.code, refused.hint)))
        except Exception as error:
            if not _goes_on(engine, error):
                raise
            if isinstance(command, Job):  # a beginning that is not pinned is computed again when it is needed
                self._outcomes.append((command.future, Failure(_sentence(error), "engine-error")))
        else:
            self._jobs[index] = command
            self._indices[command] = index

    def _step(self, engine: TokenEngine) -> None:
        try:
            if not engine.step() and self._jobs:
                raise RuntimeError("it has requests and does nothing")
            self._failed_steps = 0
        except Exception as error:
            self._failed_steps += 1
            if self._failed_steps >= _FAILED_STEPS or not _goes_on(engine, error):
                raise
            self._collect(engine)  # who finished before it broke off has a result
            failure = Failure(_sentence(error), "engine-error")
            for index, job in self._jobs.items():
                engine.cancel(index)
                self._outcomes.append((job.future, failure))
            self._jobs.clear()
            self._indices.clear()

    def _collect(self, engine: TokenEngine) -> None:
        for result in engine.results():
            job = self._jobs.pop(result.index, None)
            if job is not None:  # else it was cancelled
                del self._indices[job]
                self._outcomes.append((job.future, result))

    def _flush(self) -> None:
        if self._outcomes:
            self._deliver(self._outcomes)
            self._outcomes = []


def _goes_on(engine: TokenEngine, error: Exception) -> bool:
    return not isinstance(error, MemoryError) and engine.survives(error)


def _sentence(error: BaseException) -> str:
    """The error's first line; errors with a hint are sentences for people already."""
    first = (str(error.args[0]) if error.args else "").strip().partition("\n")[0]
    if getattr(error, "hint", None) is not None:
        return first
    return f"the engine failed: {type(error).__name__}{f': {first}' if first else ''}."
