"""Text engines for processes of their own: they answer in capitals, and do what a request tells them to."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from midb.agent.engines.devices.pool import DevicePool
from midb.agent.engines.protocol import Activity, CallFailed, EngineDown, FinishReason, Message, TextReply, TextRequest
from midb.agent.processes import ignore_signals
from midb.domain.errors import UsageError
from midb.domain.generations import add_adapter

T = TypeVar("T")

#: A hang shows as a failure.
BOUND = 60.0


class Capitals:
    """Answers in capitals; ``prompt_tokens`` is the process that did.

    "die" kills the process, "die once FILE" does so unless the file is there, "down" is an error of the engine, "break"
    a fault in it, "refuse" one of the request, "wait" never ends.
    """

    described, concurrency = "capitals", 3

    def __init__(self, trouble: str = "") -> None:
        self._trouble = trouble
        self._waiting = 0

    @property
    def places(self) -> int:
        """As many as ever."""
        return self.concurrency

    def activity(self) -> Activity:
        """Seven tokens of each reply that is waited for."""
        return Activity(calls=self._waiting, tokens=7 * self._waiting)

    def fingerprint(self, adapter: str = "") -> str:
        """The same on each device."""
        return add_adapter("capitals 1", adapter) if adapter else "capitals 1"

    async def start(self) -> None:
        """Fail as it was made to."""
        if self._trouble == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._trouble:
            raise EngineDown(self._trouble, hint="Look at it.")

    async def generate(self, request: TextRequest) -> TextReply:
        """Answer, or do what the text says."""
        text = request.messages[-1].content
        if text == "die" or (text.startswith("die once ") and not Path(text[9:]).exists()):
            if text != "die":
                Path(text[9:]).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if text == "down":
            raise EngineDown("the memory of the device is full.", hint="Ask for less.")
        if text == "break":
            raise KeyError("a fault")
        if text == "refuse":
            raise CallFailed("context-exceeded", "it is too long.", hint="Shorten it.")
        if text == "wait":
            self._waiting += 1
            await asyncio.Event().wait()
        return TextReply(text=text.upper(), finish_reason=FinishReason.STOP, prompt_tokens=os.getpid())

    def stop_retrying(self) -> None:
        """Nothing is."""

    async def close(self) -> None:
        """There is nothing to let go of."""


def make_capitals() -> Capitals:
    """An engine that serves."""
    return Capitals()


def make_dead() -> Capitals:
    """An engine whose process dies as it starts."""
    return Capitals("die")


def make_poor() -> Capitals:
    """An engine that finds no memory."""
    return Capitals("the device has too little memory.")


def make_none() -> Capitals:
    """There is no such engine."""
    raise UsageError("there is no such folder.")


def interrupt_itself() -> None:
    """The life of a process that is interrupted, ignores it, and ends with code 7."""
    ignore_signals()
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(7)


def ask(text: str) -> TextRequest:
    """A request."""
    return TextRequest(messages=(Message("user", text),))


def with_pool(
    use: Callable[[DevicePool], Awaitable[T]],
    makes: tuple[Callable[[], Capitals], ...] = (make_capitals, make_capitals),
    warn: Callable[[str], None] = lambda message: None,
) -> T:
    """What comes of a pool of some devices, which is closed afterwards."""

    async def whole() -> T:
        named = [(f"device {number}", make) for number, make in enumerate(makes)]
        pool = DevicePool(Capitals(), named, described="capitals twice", warn=warn)
        try:
            await pool.start()
            return await use(pool)
        finally:
            await pool.close()
            assert not any(device.process.is_alive() for device in pool._devices)

    return asyncio.run(asyncio.wait_for(whole(), BOUND))
