"""The process of one device: requests come through a pipe, replies go back. It ends when its parent does, however."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from midb.agent.engines.protocol import CallFailed, TextEngine, TextReply, TextRequest
from midb.agent.processes import ignore_signals
from midb.domain.errors import MidbError
from midb.runs.privacy import turn_off_telemetry


@dataclass(frozen=True, slots=True)
class Ask:
    """The command to serve a request; its answer carries the same number."""

    number: int
    request: TextRequest


@dataclass(frozen=True, slots=True)
class Drop:
    """The command to give a request up."""

    number: int


@dataclass(frozen=True, slots=True)
class End:
    """The command to end."""


@dataclass(frozen=True, slots=True)
class Started:
    """The engine serves."""


@dataclass(frozen=True, slots=True)
class Served:
    """A request's reply."""

    number: int
    reply: TextReply


@dataclass(frozen=True, slots=True)
class Unserved:
    """Why a request got none: what CallFailed holds, which does not go through a pipe by itself."""

    number: int
    code: str
    message: str
    hint: str

    def make_error(self) -> CallFailed:
        """Make a fresh error."""
        return CallFailed(self.code, self.message, hint=self.hint)


@dataclass(frozen=True, slots=True)
class HowFar:
    """Tokens so far of the replies that are under way."""

    tokens: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Why the engine serves no more; the process ends."""

    message: str
    hint: str = ""


Command = Ask | Drop | End
Answer = Started | Served | Unserved | HowFar | Lost

#: Seconds between two tellings of how far the engine is, which only a screen waits for.
_TELLING = 1.0


def engine_main(pipe: Connection, make: Callable[[], TextEngine]) -> None:
    """The life of a process: make the engine, serve what comes through the pipe until it closes or says so."""
    ignore_signals()
    turn_off_telemetry()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the parent is gone: nobody waits for an answer
        asyncio.run(_Server(pipe).serve(make))


class _Server:
    """Serves from one engine on this process's event loop."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._commands: asyncio.Queue[Command] = asyncio.Queue()

    async def serve(self, make: Callable[[], TextEngine]) -> None:
        """Until the end. Whatever is wrong with the engine is answered, not raised."""
        loop = asyncio.get_running_loop()
        try:
            engine = make()
            await engine.start()
        except Exception as error:
            self._pipe.send(_describe(error))
            return
        self._pipe.send(Started())
        threading.Thread(target=self._listen, args=(loop,), name="midb-pipe", daemon=True).start()
        telling = loop.create_task(self._tell(engine))
        try:
            while not isinstance(command := await self._commands.get(), End):
                if isinstance(command, Ask):
                    self._tasks[command.number] = loop.create_task(self._answer(engine, command))
                elif (task := self._tasks.get(command.number)) is not None:
                    task.cancel()
        finally:
            telling.cancel()
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await engine.close()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand commands to the event loop, on a thread of its own."""
        command: Command = Drop(-1)
        while not isinstance(command, End):
            try:
                command = self._pipe.recv()
            except (EOFError, OSError):
                command = End()
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                loop.call_soon_threadsafe(self._commands.put_nowait, command)

    async def _tell(self, engine: TextEngine) -> None:
        """Tell how far the engine is, as long as that changes."""
        told = 0
        while True:
            await asyncio.sleep(_TELLING)
            if (tokens := engine.activity().tokens) != told:
                told = tokens
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self._pipe.send(HowFar(tokens))

    async def _answer(self, engine: TextEngine, asked: Ask) -> None:
        try:
            answer: Answer = Served(asked.number, await engine.generate(asked.request))
        except CallFailed as error:
            answer = Unserved(asked.number, error.code, str(error.args[0]), error.hint)
        except Exception as error:
            answer = _describe(error)
        finally:
            del self._tasks[asked.number]
        try:
            self._pipe.send(answer)
        except (BrokenPipeError, ConnectionResetError):
            answer = Lost("nobody listens")
        if isinstance(answer, Lost):
            self._commands.put_nowait(End())


def _describe(error: Exception) -> Lost:
    if isinstance(error, MidbError):
        return Lost(str(error.args[0]), error.hint)
    return Lost(f"the engine failed: {type(error).__name__}: {error}.")
