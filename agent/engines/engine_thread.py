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
    """Why a request got no result. An error is made from it for each request, as each is raised in a task of its own.

    :param code: as in CallFailed; None if the engine is down.
    """

    message: str
    code: str | None = None
    hint: str = ""

    def make_error(self) -> CallFailed | EngineDown:
        """Make a fresh error."""
        if self.code is None:
            return EngineDown(self.message, hint=self.hint)
        return CallFailed(self.code, self.message, hint=self.hint)


#: What happens to requests once the engine was told to close.
CLOSED = Failure("the engine is closed.")

#: Where the outcome of a request goes.
Answer = asyncio.Future["TokenResult | Failure"]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A request, and where its outcome goes."""

    request: TokenRequest
    future: Answer


@dataclass(frozen=True, slots=True)
class Cancel:
    """The command to stop a job, because nobody waits for it any more."""

    job: Job


@dataclass(frozen=True, slots=True)
class Pin:
    """The command to pin a beginning that comes back, for those whom the same adapter answers."""

    prefix_ids: list[int]
    adapter: str | None = None


class Close:
    """The command to end the thread."""


Command = Job | Cancel | Pin | Close


class Worker:
    """What the engine's thread runs. It waits for a command when it is idle, and takes all commands before each step.

    :param make: makes the engine.
    :param on_ready: is called with the engine's ``max_model_len`` once it is made.
    :param on_outcomes: is called with the outcomes of a turn.
    :param on_end: is called last, with the reason.
    :ivar tokens: new ones of all requests that are under way, as of the last step; read from any thread.
    """

    def __init__(
        self,
        make: Callable[[], TokenEngine],
        commands: queue.SimpleQueue[Command],
        on_ready: Callable[[int], None],
        on_outcomes: Callable[[list[tuple[Answer, TokenResult | Failure]]], None],
        on_end: Callable[[Failure], None],
    ) -> None:
        self._make, self._commands = make, commands
        self._on_ready, self._on_outcomes, self._on_end = on_ready, on_outcomes, on_end
        self._jobs: dict[int, Job] = {}
        self._indices: dict[Job, int] = {}
        self._outcomes: list[tuple[Answer, TokenResult | Failure]] = []
        self._failed_steps = 0
        self.tokens = 0

    def run(self) -> None:
        """Serve until it is told to close, or until the engine is lost."""
        failure = CLOSED
        try:
            self._serve()
        except BaseException as error:  # this is the thread's end, and whoever waits must learn why
            failure = Failure(_describe(error), hint=str(getattr(error, "hint", "")))
        self._deliver()
        self._on_end(failure)

    def _serve(self) -> None:
        engine = self._make()
        self._on_ready(engine.max_model_len)
        while True:
            for command in self._take_commands(wait=not engine.busy):
                if isinstance(command, Close):
                    return
                self._execute(engine, command)
            if engine.busy:
                self._step(engine)
            self._collect(engine)
            self.tokens = engine.tokens_under_way
            self._deliver()

    def _take_commands(self, *, wait: bool) -> Iterator[Command]:
        try:
            yield self._commands.get(block=wait)
            while True:
                yield self._commands.get_nowait()
        except queue.Empty:
            return

    def _execute(self, engine: TokenEngine, command: Job | Cancel | Pin) -> None:
        if isinstance(command, Cancel):
            index = self._indices.pop(command.job, None)
            if index is not None:
                del self._jobs[index]
                engine.cancel(index)
            return
        try:
            if isinstance(command, Pin):
                engine.pin(command.prefix_ids, command.adapter)
                return
            index = engine.add(command.request)
        except RequestRefused as refused:
            if isinstance(command, Job):
                self._outcomes.append((command.future, Failure(str(refused), refused.code, refused.hint)))
        except Exception as error:
            if not _can_continue(engine, error):
                raise
            if isinstance(command, Job):  # a pin that failed needs no outcome: its tokens are computed when needed
                self._outcomes.append((command.future, Failure(_describe(error), "engine-error")))
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
            if self._failed_steps >= _FAILED_STEPS or not _can_continue(engine, error):
                raise
            self._collect(engine)  # requests that finished before the step broke off have a result
            failure = Failure(_describe(error), "engine-error")
            for index, job in self._jobs.items():
                engine.cancel(index)
                self._outcomes.append((job.future, failure))
            self._jobs.clear()
            self._indices.clear()

    def _collect(self, engine: TokenEngine) -> None:
        for result in engine.take_results():
            job = self._jobs.pop(result.index, None)
            if job is not None:  # else it was cancelled
                del self._indices[job]
                self._outcomes.append((job.future, result))

    def _deliver(self) -> None:
        if self._outcomes:
            self._on_outcomes(self._outcomes)
            self._outcomes = []


def _can_continue(engine: TokenEngine, error: Exception) -> bool:
    return not isinstance(error, MemoryError) and engine.survives(error)


def _describe(error: BaseException) -> str:
    """Describe an error by its first line. Errors with a hint are sentences for people already."""
    first = (str(error.args[0]) if error.args else "").strip().partition("\n")[0]
    if getattr(error, "hint", None) is not None:
        return first
    return f"the engine failed: {type(error).__name__}{f': {first}' if first else ''}."
