"""What the tests of the engine for servers share: requests, an engine whose waits take no time, scripted servers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from replay_server import Answer, Answerer, ReplayServer

from midb.agent.engines.protocol import Message, TextReply, TextRequest
from midb.agent.engines.server.openai import OpenAIEngine

T = TypeVar("T")

#: A key that must not be seen anywhere.
KEY = "sk-geheim-0123456789"

SCHEMA = {"title": "A verdict!", "type": "object", "properties": {"ok": {"type": "boolean"}}}


class Serve(Protocol):
    """Starts a server, which ends with the test."""

    def __call__(self, answer: Answerer, **settings: Any) -> ReplayServer: ...


class Longest(random.Random):
    """Chance always chooses the most."""

    def uniform(self, a: float, b: float) -> float:
        return b


@dataclass
class Desk:
    """What an engine is given and what it says: waits that take no time, and warnings."""

    waits: list[float] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Note a wait."""
        self.waits.append(seconds)

    def engine(self, server: ReplayServer, **settings: Any) -> OpenAIEngine:
        """An engine for the server, without a key, whose chance chooses the longest waits."""
        usual: dict[str, Any] = {
            "environment": {}, "rng": Longest(), "sleep": self.sleep, "warn": self.warnings.append,
        }  # fmt: skip
        return OpenAIEngine(server.model, server.url, **(usual | settings))


def ask(text: str = "Frage", **settings: Any) -> TextRequest:
    """A request with a system message and a text."""
    return TextRequest(messages=(Message("system", "Antworte."), Message("user", text)), **settings)


def with_engine(engine: OpenAIEngine, use: Callable[[OpenAIEngine], Coroutine[Any, Any, T]]) -> T:
    """Start an engine, use it, and close it whatever happens."""

    async def go() -> T:
        try:
            await engine.start()
            return await use(engine)
        finally:
            await engine.close()

    return asyncio.run(go())


def reply_to(engine: OpenAIEngine, request: TextRequest | None = None) -> TextReply:
    """The reply to one request."""
    return with_engine(engine, lambda engine: engine.generate(request or ask()))


def start(engine: OpenAIEngine) -> None:
    """Start an engine, and close it."""

    async def nothing(engine: OpenAIEngine) -> None:
        pass

    with_engine(engine, nothing)


def echo(messages: list[dict[str, Any]], body: dict[str, Any]) -> str:
    """Answer with the user's text."""
    text: str = messages[-1]["content"]
    return text


def script(*answers: Answer) -> Answerer:
    """The answers one after the other; one more request is an error of the test."""
    left = iter(answers)

    def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> Answer | Awaitable[Answer]:
        return next(left)

    return answer
