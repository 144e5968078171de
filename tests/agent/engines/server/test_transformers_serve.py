"""The engine for OpenAI-compatible servers against one that nobody here wrote, with a model that writes garbage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import httpx
import pytest
from tiny_model import SENTENCES
from transformers_serve import TransformersServer

from midb.agent.engines.protocol import EngineDown, FinishReason, Message, Sampling, TextReply, TextRequest
from midb.agent.engines.server.openai import OpenAIEngine
from midb.agent.engines.server.server_address import parse_spec

T = TypeVar("T")

REQUESTS = [
    TextRequest(messages=(Message("system", "Répondez."), Message("user", text)), reference=text)
    for text in (SENTENCES["th"], SENTENCES["ar"], SENTENCES["ja"], SENTENCES["el"])
]


def with_engine(
    server: TransformersServer, use: Callable[[OpenAIEngine], Coroutine[Any, Any, T]], **settings: Any
) -> T:
    async def go() -> T:
        engine = OpenAIEngine(*parse_spec(server.spec), environment={}, **settings)
        try:
            await engine.start()
            return await use(engine)
        finally:
            await engine.close()

    return asyncio.run(go())


def test_four_requests_at_once(transformers_server: TransformersServer) -> None:
    async def use(engine: OpenAIEngine) -> list[list[TextReply]]:
        return [await asyncio.gather(*map(engine.generate, REQUESTS)) for _ in range(2)]

    first, second = with_engine(transformers_server, use, concurrency=4)
    for reply in first:
        assert reply.text
        assert reply.finish_reason is FinishReason.STOP
        assert reply.prompt_tokens > 50
        assert 0 < reply.completion_tokens < 512
        assert (reply.retries, reply.seconds > 0.0) == (0, True)
    assert len({reply.text for reply in first}) == 4
    assert [reply.text for reply in second] == [reply.text for reply in first], "nothing is drawn at temperature 0"


def test_what_it_does_not_know_does_no_harm(transformers_server: TransformersServer) -> None:
    """A schema and stop strings, a temperature and a seed: what is ignored, and what is heeded."""
    request = TextRequest(
        messages=REQUESTS[0].messages,
        sampling=Sampling(temperature=0.7, seed=3),
        stop=("</reply>",),
        schema={"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    )
    reply = with_engine(transformers_server, lambda engine: engine.generate(request))
    assert reply.completion_tokens > 0


def test_it_is_the_model_that_was_asked_for(transformers_server: TransformersServer) -> None:
    async def named(engine: OpenAIEngine) -> tuple[str, str]:
        return engine.fingerprint(), engine.described

    fingerprint, described = with_engine(transformers_server, named)
    assert fingerprint.startswith(f"openai {transformers_server.model}@{transformers_server.url}")
    assert described == f"{transformers_server.model} at {transformers_server.url}"
    other = replace(transformers_server, model="another/model")
    with pytest.raises(EngineDown, match="another/model") as caught:
        with_engine(other, named)
    assert transformers_server.model[:100] in caught.value.hint


def test_whoever_gives_up_leaves_it_working(transformers_server: TransformersServer) -> None:
    before = transformers_server.received()
    # Seconds of work, since nothing ends it.
    endless = {"generation_config": '{"do_sample": false}', "max_tokens": 600}

    async def give_up(engine: OpenAIEngine) -> None:
        task = asyncio.create_task(engine.generate(REQUESTS[0]))
        async with asyncio.timeout(60):
            while transformers_server.received() == before:
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with_engine(transformers_server, give_up, concurrency=1, extra_body=endless)
    assert with_engine(transformers_server, lambda engine: engine.generate(REQUESTS[1])).text
    health = transformers_server.url.removesuffix("/v1") + "/health"
    assert httpx.get(health, trust_env=False).status_code == 200
