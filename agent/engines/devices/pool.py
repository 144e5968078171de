"""One queue of requests for several devices, each with an engine in a process of its own.

A request goes to the device that has the fewest. Where a process dies, its requests go to the others, once: one that
was in two processes that died is given up, for it may be what kills them. When the last process is gone, so is the
engine: the run stops and can be resumed. Replies do not depend on the device.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler

from midb.agent.engines.devices.process import (
    Answer,
    Ask,
    Drop,
    End,
    HowFar,
    Lost,
    Served,
    Started,
    Unserved,
    engine_main,
)
from midb.agent.engines.protocol import Activity, EngineDown, TextEngine, TextReply, TextRequest
from midb.agent.processes import describe_exit, hold_signals

#: Processes that may die of a request before it is given up.
_DEATHS = 2

#: Seconds that a process gets to end: a step that is being computed is finished first.
_PATIENCE = 10.0

#: Seconds that a process takes to end once it has closed what it had open.
_AT_ONCE = 1.0

#: Makes the engine of one device, in that device's process: it goes there by pickle.
MakeEngine = Callable[[], TextEngine]


@dataclass(slots=True, eq=False)
class _Waiting:
    """A request that waits for its reply."""

    number: int
    request: TextRequest
    future: asyncio.Future[Served | Unserved | Lost]
    deaths: int = 0


class _Device:
    """One process. What it answers comes on a thread of its own, and what it is asked goes there on another one."""

    def __init__(self, name: str, make: MakeEngine, note: Callable[[_Device, Answer | None], None]) -> None:
        self.name = name
        self.waiting: dict[int, _Waiting] = {}
        self.alive = True
        self.tokens = 0  # so far, of the replies that are under way
        self.lost: Lost | None = None  # what the process said of its end
        context = multiprocessing.get_context("spawn")
        self._pipe: Connection
        self._pipe, theirs = context.Pipe()
        # A daemon: if a run is killed, nothing waits for it.
        self.process: BaseProcess = context.Process(
            target=engine_main, args=(theirs, make), name=f"midb-{name}", daemon=True
        )
        with hold_signals():
            self.process.start()
        theirs.close()
        self._note = note
        self._reaping = threading.Lock()
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        for run in (self._read, self._write):
            threading.Thread(target=run, name=f"midb-{name}", daemon=True).start()

    def send(self, command: Ask | Drop | End) -> None:
        """Send a command; where the process is dead, reading from it shows that."""
        self._outbox.put(bytes(ForkingPickler.dumps(command)))

    def describe_end(self) -> str:
        """How it came to its end, as the end of a sentence that names it."""
        if self.lost is not None:
            return f"said: {self.lost.message.rstrip('.')}"
        return describe_exit(self.process.exitcode)

    def end(self) -> None:
        """Wait for the end of the process, for a bounded time."""
        if not self._join(_PATIENCE):
            self.process.kill()
            self._join(_PATIENCE)
        self._outbox.put(None)

    def _join(self, seconds: float) -> bool:
        """Wait for the end of the process; False if it goes on. Only one thread at a time may ask for its exit code."""
        ended = bool(wait([self.process.sentinel], seconds))
        with self._reaping:
            self.process.join(_AT_ONCE if ended else 0)
        return ended

    def _read(self) -> None:
        while True:
            try:
                answer: Answer = self._pipe.recv()
            except (EOFError, OSError):
                self._join(_AT_ONCE)  # so that its exit code is there
                self._note(self, None)
                return
            self._note(self, answer)

    def _write(self) -> None:
        with contextlib.suppress(OSError):
            while (command := self._outbox.get()) is not None:
                self._pipe.send_bytes(command)


class DevicePool:
    """Serves TextRequests from several devices.

    :param like: an engine as each device has one, not started; what it says of itself holds for all.
    :param makes: makes the engine of each device, by the name of the device.
    :param warn: is called with a sentence when a device is lost and others go on.
    """

    def __init__(
        self, like: TextEngine, makes: Sequence[tuple[str, MakeEngine]], *, described: str, warn: Callable[[str], None]
    ) -> None:
        self.described = described
        self.concurrency = like.concurrency * len(makes)
        self._like = like
        self._makes = makes
        self._warn = warn
        self._devices: list[_Device] = []
        self._down: Lost | None = None
        self._next = 0

    def fingerprint(self, adapter: str = "") -> str:
        """As of an engine on one device."""
        return self._like.fingerprint(adapter)

    @property
    def places(self) -> int:
        """As many as the devices that are left serve at once."""
        left = sum(device.alive for device in self._devices) if self._devices else len(self._makes)
        return max(self._like.concurrency * left, 1)

    def activity(self) -> Activity:
        """What is under way on all devices."""
        alive = [device for device in self._devices if device.alive]
        return Activity(calls=sum(len(one.waiting) for one in alive), tokens=sum(one.tokens for one in alive))

    async def start(self) -> None:
        """Start a process for each device; raises EngineDown, which names the device, if one of them cannot serve."""
        if self._devices:
            raise RuntimeError("an engine is started once")
        self._loop = asyncio.get_running_loop()
        self._ready: dict[str, asyncio.Future[None]] = {}
        for name, make in self._makes:
            self._ready[name] = self._loop.create_future()
            self._devices.append(_Device(name, make, self._note))
        await asyncio.gather(*self._ready.values())
        if lost := [device for device in self._devices if not device.alive]:
            await self.close()
            hint = lost[0].lost.hint if lost[0].lost is not None else ""
            raise EngineDown(f"the engine on {lost[0].name} {lost[0].describe_end()}.", hint=hint)

    async def generate(self, request: TextRequest) -> TextReply:
        """Serve one request; raises CallFailed or EngineDown. Cancelling the awaiting task cancels the request."""
        if not self._devices:
            raise RuntimeError("the engine is not started")
        if self._down is not None:
            raise EngineDown(self._down.message, hint=self._down.hint)
        waiting = _Waiting(self._next, request, self._loop.create_future())
        self._next += 1
        self._give(waiting)
        try:
            outcome = await waiting.future
        except asyncio.CancelledError:
            for device in self._devices:
                if device.waiting.pop(waiting.number, None) is not None:
                    device.send(Drop(waiting.number))
            raise
        if isinstance(outcome, Served):
            return outcome.reply
        raise outcome.make_error() if isinstance(outcome, Unserved) else EngineDown(outcome.message, hint=outcome.hint)

    def stop_retrying(self) -> None:
        """Nothing is tried twice here."""

    async def close(self) -> None:
        """Fail what is in flight, and end the processes."""
        self._stop_serving(self._down or Lost("the engine is closed."))
        for device in self._devices:
            device.send(End())
        await asyncio.gather(*(asyncio.to_thread(device.end) for device in self._devices))

    def _give(self, waiting: _Waiting) -> None:
        """Give a request to the device that has the fewest."""
        device = min((one for one in self._devices if one.alive), key=lambda one: len(one.waiting))
        device.waiting[waiting.number] = waiting
        device.send(Ask(waiting.number, waiting.request))

    def _stop_serving(self, lost: Lost) -> None:
        self._down = lost
        for device in self._devices:
            for waiting in device.waiting.values():
                _settle(waiting, lost)
            device.waiting.clear()

    # A device calls this on a thread of its own; what follows runs on the event loop's.

    def _note(self, device: _Device, answer: Answer | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._take, device, answer)

    def _take(self, device: _Device, answer: Answer | None) -> None:
        if isinstance(answer, Started):
            self._ready[device.name].set_result(None)
        elif isinstance(answer, HowFar):
            device.tokens = answer.tokens
        elif isinstance(answer, Lost):
            device.lost = answer
            self._bury(device)
        elif answer is not None:
            if (waiting := device.waiting.pop(answer.number, None)) is not None:
                _settle(waiting, answer)
        elif device.alive:
            self._bury(device)

    def _bury(self, device: _Device) -> None:
        """A process serves no more: others take what it had."""
        device.alive = False
        if not self._ready[device.name].done():
            self._ready[device.name].set_result(None)
            return  # it never served: ``start`` says so
        if self._down is not None:
            return
        sentence = f"the engine on {device.name} {device.describe_end()}"
        left, device.waiting = list(device.waiting.values()), {}
        alive = sum(one.alive for one in self._devices)
        if not alive:
            down = Lost(f"{sentence}; it was the last one.", "The same command goes on from here: no reply is lost.")
            for waiting in left:
                _settle(waiting, down)
            self._stop_serving(down)
            return
        self._warn(f"{sentence}; {alive} of {len(self._devices)} go on, and take over what it had.")
        for waiting in left:
            waiting.deaths += 1
            if waiting.deaths >= _DEATHS:
                message = f"{waiting.deaths} engines ended while they served this request."
                _settle(waiting, Unserved(waiting.number, "engine-lost", message, ""))
            elif not waiting.future.done():
                self._give(waiting)


def _settle(waiting: _Waiting, outcome: Served | Unserved | Lost) -> None:
    if not waiting.future.done():
        waiting.future.set_result(outcome)
