"""The engine for OpenAI-compatible servers, against a real server whose faults are chosen here; no wait is real."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from chat_desk import SCHEMA, Desk, Serve, ask, echo, reply_to, start, with_engine
from replay_server import Fault, Gate, ReplayServer, drip, not_json, refused
from tiny_model import SENTENCES

from midb.agent.engines.openai import OpenAIEngine
from midb.agent.engines.protocol import CallFailed, EngineDown, FinishReason, Sampling, TextReply
from midb.domain.errors import UsageError


@pytest.mark.parametrize("settings", [{"concurrency": 0}, {"timeout": 0}, {"retries": -1}, {"extra_body": {"a": {1}}}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        OpenAIEngine("m", "http://h", **settings)


def test_a_request_and_its_reply(replay_server: Serve, desk: Desk) -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8}}
    server = replay_server(lambda messages, body: Fault(content="  Antwort\n", usage=usage))
    ticks = iter((10.0, 12.5))
    engine = desk.engine(server, clock=lambda: next(ticks))
    request = ask(reference="x" * 100, growth=3.0, sampling=Sampling(temperature=0.5, seed=7), stop=("</r>", "\n\n"))
    reply = reply_to(engine, request)
    assert reply == TextReply(
        text="  Antwort\n",
        finish_reason=FinishReason.STOP_STRING,
        prompt_tokens=11,
        completion_tokens=5,
        cached_tokens=8,
        seconds=2.5,
    )
    (sent,) = server.requests
    assert sent.body == {
        "model": "replay",
        "messages": [{"role": "system", "content": "Antworte."}, {"role": "user", "content": "Frage"}],
        "temperature": 0.5,
        "seed": 7,
        "max_tokens": 812,
        "stop": ["</r>", "\n\n"],
    }
    assert "authorization" not in sent.headers
    assert sent.headers["content-type"] == "application/json"
    assert [(r.method, r.path) for r in server.listings] == [("GET", "/v1/models")]


def test_what_is_not_asked_for_is_not_sent(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(echo)
    reply_to(desk.engine(server))
    assert set(server.requests[0].body) == {"model", "messages", "temperature", "seed", "max_tokens"}


def test_a_schema_is_sent_as_response_format(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(echo)
    reply_to(desk.engine(server), ask(schema=SCHEMA))
    assert server.requests[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "A_verdict_", "schema": SCHEMA, "strict": True},
    }


def test_extra_fields_are_laid_over_the_body_and_part_of_the_fingerprint(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(echo)
    extra = {"chat_template_kwargs": {"enable_thinking": False}, "temperature": 0.3, "seed": None}
    engine = desk.engine(server, extra_body=extra)
    reply_to(engine)
    body = server.requests[0].body
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["temperature"] == 0.3
    assert "seed" not in body
    assert "enable_thinking" in engine.fingerprint()
    assert engine.fingerprint() != desk.engine(server).fingerprint()


@pytest.mark.parametrize("language", [*SENTENCES, "odd"])
def test_text_comes_back_as_it_went(replay_server: Serve, desk: Desk, language: str) -> None:
    odd = '\x00\t"\\\N{ZERO WIDTH JOINER}\N{RIGHT-TO-LEFT OVERRIDE}\N{GRINNING FACE}e\N{COMBINING ACUTE ACCENT}\r\n'
    text = SENTENCES.get(language, odd)
    server = replay_server(echo)
    assert reply_to(desk.engine(server), ask(text)).text == text
    assert server.requests[0].body["messages"][1]["content"] == text


@pytest.mark.parametrize(
    "models",
    [
        refused(404), refused(405), refused(400), not_json(), not_json(b"[]"), not_json(b'{"data": 3}'), [],
        [3, {"object": "model"}, {"id": 7}], [{"id": "replay:latest"}], [{"id": "other"}, {"id": "replay"}],
    ],
)  # fmt: skip
def test_a_server_that_lists_nothing_else_is_taken_at_its_word(
    replay_server: Serve, desk: Desk, models: list[Any] | Fault
) -> None:
    assert reply_to(desk.engine(replay_server(echo, models=models))).text == "Frage"


def test_a_model_that_is_not_there_is_said_at_once(replay_server: Serve, desk: Desk) -> None:
    listed = [{"id": f"model-{n}"} for n in range(7)]
    server = replay_server(echo, models=listed)
    with pytest.raises(EngineDown, match="has no model replay") as caught:
        start(desk.engine(server))
    assert caught.value.hint == "It has model-0, model-1, model-2, model-3, model-4 and 2 more."


def test_a_server_that_is_still_loading_is_waited_for(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(echo, models=refused(503, "Loading model"))

    async def loaded_after_two(seconds: float) -> None:
        desk.waits.append(seconds)
        if len(desk.waits) == 2:
            server.models = [{"id": "replay"}]

    start(desk.engine(server, sleep=loaded_after_two))
    assert desk.waits == [0.5, 1.0]


def test_a_server_that_never_gets_ready_is_down(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(echo, models=refused(503, "Loading model"))
    with pytest.raises(EngineDown, match="Loading model"):
        start(desk.engine(server))
    assert len(server.listings) == 6


def test_the_fingerprint_tells_what_the_server_tells(replay_server: Serve, desk: Desk) -> None:
    entry = {"id": "replay", "created": 1, "owned_by": "vllm", "root": "/srv/qwen\n3", "meta": {"n_params": 7}}
    server = replay_server(echo, models=[entry])
    prints = set()
    for created in (1, 2):
        server.models = [entry | {"created": created, "permission": [{"id": created}]}]
        engine = desk.engine(server)
        start(engine)
        prints |= {engine.fingerprint(), engine.fingerprint()}
    assert prints == {f"openai replay@{server.url} root /srv/qwen 3, owned_by vllm, n_params 7"}
    server.models = [entry | {"root": "/srv/other"}]
    start(engine := desk.engine(server))
    assert engine.fingerprint() not in prints


def test_what_a_person_calls_it(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(echo)
    engine = desk.engine(server, concurrency=3)
    assert engine.described == f"replay at {server.url}"
    assert engine.concurrency == 3
    assert engine.fingerprint() == f"openai replay@{server.url}"


async def seen(server: ReplayServer, condition: Callable[[ReplayServer], bool]) -> None:
    await asyncio.to_thread(server.wait_for, condition)


def test_as_many_as_allowed_are_in_flight_and_no_more(replay_server: Serve, desk: Desk) -> None:
    gate = Gate()

    async def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> str:
        await gate.wait()
        return echo(messages, body)

    server = replay_server(answer)

    async def use(engine: OpenAIEngine) -> list[TextReply]:
        tasks = [asyncio.create_task(engine.generate(ask(f"Frage {n}"))) for n in range(40)]
        await seen(server, lambda server: server.in_flight == 7)
        assert len(begun) == 7, "who waits for a place has not begun: its timeout has not either"
        gate.open()
        return await asyncio.gather(*tasks)

    begun: list[float] = []

    def clock() -> float:
        begun.append(0.0)
        return 0.0

    replies = with_engine(desk.engine(server, concurrency=7, clock=clock), use)
    assert [reply.text for reply in replies] == [f"Frage {n}" for n in range(40)]
    assert (server.in_flight_peak, server.in_flight) == (7, 0)
    assert len(server.requests) == 40


def test_a_slow_reply_holds_up_nobody_else(replay_server: Serve, desk: Desk) -> None:
    gate = Gate()
    server = replay_server(lambda messages, body: drip("spät", gate) if body["seed"] == 1 else "früh")

    async def use(engine: OpenAIEngine) -> None:
        slow = asyncio.create_task(engine.generate(ask(sampling=Sampling(seed=1))))
        await seen(server, lambda server: server.in_flight == 1)
        for _ in range(20):
            assert (await engine.generate(ask())).text == "früh"
        assert not slow.done()
        gate.open()
        assert (await slow).text == "spät"

    with_engine(desk.engine(server, concurrency=2), use)


@pytest.mark.parametrize("kind", ["before the reply", "within the reply", "while waiting", "in the queue"])
def test_whoever_is_cancelled_makes_room(replay_server: Serve, desk: Desk, kind: str) -> None:
    gate = Gate()

    async def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> str | Fault:
        if body["seed"] == 0:
            return "gut"
        if kind == "while waiting":
            return refused(503)
        if kind == "within the reply":
            return drip("nie", gate)
        await gate.wait()
        return "nie"

    server = replay_server(answer)
    waiting = asyncio.Event()

    async def for_ever(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async def use(engine: OpenAIEngine) -> None:
        stuck = asyncio.create_task(engine.generate(ask(sampling=Sampling(seed=1))))
        await seen(server, lambda server: len(server.requests) == 1)
        if kind == "while waiting":
            await waiting.wait()
        queued = asyncio.create_task(engine.generate(ask(sampling=Sampling(seed=2))))
        await asyncio.sleep(0)
        queued.cancel()
        stuck.cancel()
        for task in (queued, stuck):
            with pytest.raises(asyncio.CancelledError):
                await task
        await seen(server, lambda server: server.in_flight == 0)  # it hung up: the server works for nobody
        for _ in range(3):
            assert (await engine.generate(ask())).text == "gut"

    with_engine(desk.engine(server, concurrency=1, sleep=for_ever), use)
    assert [request.body["seed"] for request in server.requests] == [1, 0, 0, 0]


def test_a_reply_that_never_ends_is_given_up(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(lambda messages, body: drip("nie", Gate()) if body["seed"] else "gut")

    async def use(engine: OpenAIEngine) -> None:
        engine._timeout = 0.05
        with pytest.raises(CallFailed) as caught:
            await engine.generate(ask(sampling=Sampling(seed=1)))
        assert caught.value.code == "timeout"
        engine._timeout = 60.0
        assert (await engine.generate(ask())).text == "gut"

    with_engine(desk.engine(server, concurrency=1), use)


def test_waits_count_towards_the_timeout(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(lambda messages, body: refused(503))

    async def for_ever(seconds: float) -> None:
        await asyncio.Event().wait()

    async def use(engine: OpenAIEngine) -> None:
        engine._timeout = 0.05
        with pytest.raises(CallFailed) as caught:
            await engine.generate(ask())
        assert caught.value.code == "timeout"

    with_engine(desk.engine(server, sleep=for_ever), use)


def test_closing_fails_what_is_in_flight(replay_server: Serve, desk: Desk) -> None:
    gate = Gate()
    server = replay_server(lambda messages, body: drip("nie", gate))

    async def use(engine: OpenAIEngine) -> None:
        stuck = asyncio.create_task(engine.generate(ask()))
        await seen(server, lambda server: server.in_flight == 1)
        await engine.close()
        with pytest.raises(CallFailed) as caught:
            await stuck
        assert caught.value.code == "connection"
        with pytest.raises(CallFailed):
            await engine.generate(ask())

    with_engine(desk.engine(server), use)


def test_it_must_be_started() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        asyncio.run(OpenAIEngine("m", "http://h", environment={}).generate(ask()))
