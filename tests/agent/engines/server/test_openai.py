"""The engine for OpenAI-compatible servers, against a real server whose faults are chosen here; no wait is real."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from chat_desk import SCHEMA, Desk, Longest, Serve, ask, echo, reply_to, start, with_engine
from replay_server import Fault, Gate, ReplayServer, drip, not_json, refused
from tiny_model import SENTENCES
from virtual_time import run_virtually

from midb.agent.engines.protocol import Activity, CallFailed, EngineDown, FinishReason, Sampling, TextReply
from midb.agent.engines.server.chat_call import SLOWEST_TOKEN
from midb.agent.engines.server.openai import OpenAIEngine
from midb.agent.engines.server.pace import FIRST
from midb.domain.errors import UsageError
from midb.domain.generations import read_adapter_name


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
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert "authorization" not in sent.headers
    assert sent.headers["content-type"] == "application/json"
    assert [(r.method, r.path) for r in server.listings] == [("GET", "/v1/models")]


def test_what_is_not_asked_for_is_not_sent(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(echo)
    reply_to(desk.engine(server))
    assert set(server.requests[0].body) == {
        "model", "messages", "temperature", "seed", "max_tokens", "stream", "stream_options",
    }  # fmt: skip


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


def test_an_adapter_is_asked_for_by_its_own_name(replay_server: Serve, desk: Desk) -> None:
    listed = [{"id": "replay"}, {"id": "style", "root": "/srv/style(1)", "parent": "replay"}]
    server = replay_server(echo, models=listed)
    engine = desk.engine(server, adapters=["style"])

    async def both() -> None:
        await engine.start()
        for adapter in ("style", ""):
            await engine.generate(ask(adapter=adapter))
        await engine.close()

    asyncio.run(both())
    assert [request.body["model"] for request in server.requests] == ["style", "replay"]
    assert engine.fingerprint() == f"openai replay@{server.url}"
    assert engine.fingerprint("style") == f"openai replay@{server.url} + adapter style (root /srv/style1)"
    assert read_adapter_name(engine.fingerprint("style")) == "style"


def test_an_adapter_that_a_server_does_not_list_is_refused(replay_server: Serve, desk: Desk) -> None:
    """It might answer without it: not every server looks at the name."""
    server = replay_server(echo, models=[{"id": "replay"}])
    with pytest.raises(EngineDown, match="has no adapter style") as caught:
        start(desk.engine(server, adapters=["style"]))
    assert caught.value.hint.startswith("It has replay.")
    start(desk.engine(replay_server(echo, models=refused(404)), adapters=["style"]))  # who lists nothing is believed


def test_a_server_that_loses_an_adapter_names_it(replay_server: Serve, desk: Desk) -> None:
    def gone(messages: list[dict[str, Any]], body: dict[str, Any]) -> Fault:
        return refused(404, f"The model `{body['model']}` does not exist.", code="model_not_found")

    engine = desk.engine(replay_server(gone, models=refused(404)), adapters=["style"])
    with pytest.raises(EngineDown, match="has no model style"):
        reply_to(engine, ask(adapter="style"))


def test_what_a_person_calls_it(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(echo)
    engine = desk.engine(server, concurrency=3)
    assert engine.described == f"replay at {server.url}"
    assert engine.concurrency == 3
    assert engine.fingerprint() == f"openai replay@{server.url}"


async def seen(server: ReplayServer, condition: Callable[[ReplayServer], bool]) -> None:
    await asyncio.to_thread(server.wait_for, condition)


def test_more_and_more_are_in_flight_and_no_more_than_allowed(replay_server: Serve, desk: Desk) -> None:
    gate = Gate()

    async def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> str:
        await gate.wait()
        return echo(messages, body)

    server = replay_server(answer)

    async def use(engine: OpenAIEngine) -> list[TextReply]:
        tasks = [asyncio.create_task(engine.generate(ask(f"Frage {n}"))) for n in range(40)]
        await seen(server, lambda server: server.in_flight == FIRST)
        assert (engine.places, engine.activity().calls) == (FIRST, FIRST)
        assert len(begun) == FIRST, "who waits for a place has not begun"
        gate.open()
        replies = await asyncio.gather(*tasks)
        assert engine.places == 7
        return replies

    begun: list[float] = []

    def clock() -> float:
        begun.append(0.0)
        return 0.0

    replies = with_engine(desk.engine(server, concurrency=7, clock=clock), use)
    assert [reply.text for reply in replies] == [f"Frage {n}" for n in range(40)]
    assert FIRST <= server.in_flight_peak <= 7
    assert (server.in_flight, len(server.requests)) == (0, 40)


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


@pytest.mark.parametrize("kind", ["before the reply", "within the reply", "in the queue"])
def test_whoever_is_cancelled_makes_room(replay_server: Serve, desk: Desk, kind: str) -> None:
    gate = Gate()

    async def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> str | Fault:
        if body["seed"] == 0:
            return "gut"
        if kind == "within the reply":
            return drip("nie", gate)
        await gate.wait()
        return "nie"

    server = replay_server(answer)

    async def use(engine: OpenAIEngine) -> None:
        stuck = asyncio.create_task(engine.generate(ask(sampling=Sampling(seed=1))))
        await seen(server, lambda server: len(server.requests) == 1)
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

    with_engine(desk.engine(server, concurrency=1), use)
    assert [request.body["seed"] for request in server.requests] == [1, 0, 0, 0]


def test_whoever_pauses_before_a_retry_keeps_nobody_waiting(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(lambda messages, body: refused(500) if body["seed"] else "gut")
    pausing = asyncio.Event()

    async def for_ever(seconds: float) -> None:
        pausing.set()
        await asyncio.Event().wait()

    async def use(engine: OpenAIEngine) -> None:
        stuck = asyncio.create_task(engine.generate(ask(sampling=Sampling(seed=1))))
        await pausing.wait()
        assert (await engine.generate(ask())).text == "gut"
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck
        assert engine.activity() == Activity()

    with_engine(desk.engine(server, concurrency=1, sleep=for_ever), use)


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


# How many at once, and how long a server may be silent. The clock is the loop's own: nothing here takes long.


def ask_many(
    server: ReplayServer, count: int, **settings: Any
) -> tuple[list[TextReply | Exception], OpenAIEngine, float]:
    """What becomes of so many requests at once, and the seconds that it would have taken."""

    async def go() -> tuple[list[Any], OpenAIEngine]:
        async with server.serving():
            engine = OpenAIEngine(server.model, server.url, environment={}, **settings)
            await engine.start()
            asked = [engine.generate(ask(f"Frage {n}", sampling=Sampling(seed=n))) for n in range(count)]
            replies = await asyncio.gather(*asked, return_exceptions=True)
            assert engine.activity() == Activity()
            await engine.close()
        return replies, engine

    (replies, engine), seconds = run_virtually(go())
    return replies, engine, seconds


def slow(text: str = "a b c d", every: float = 5.0) -> Fault:
    """A text of three events, and three around it."""
    return Fault(content=text, every=every)


LLAMA = [{"id": "replay", "owned_by": "llamacpp"}]


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("says", [True, False])
def test_a_server_with_few_slots_serves_everybody(slots: int, streams: bool, says: bool) -> None:
    """A reply takes 30 s, and as many again for each that waits before it: all at once, most would be in vain."""
    server = ReplayServer(
        lambda messages, body: slow(),
        slots=slots,
        streams=streams,
        models=LLAMA if says else None,
        props={"total_slots": slots},
    )
    replies, engine, seconds = ask_many(server, 20, timeout=40.0)
    assert [reply.text for reply in replies if isinstance(reply, TextReply)] == ["a b c d"] * 20
    assert engine.places <= max(2 * slots, 3)
    # No slower than the slots allow, where they are known; else a little, for what was tried and was too much.
    assert seconds < 20 * 36 / slots * (1.1 if says else 2.0)
    if says:
        assert len(server.requests) == 20, "nothing was sent in vain"
        assert (engine.places, engine.concurrency) == (slots, slots)


def test_a_server_with_many_slots_gets_many() -> None:
    server = ReplayServer(lambda messages, body: slow(), slots=64)
    replies, engine, _ = ask_many(server, 600, timeout=40.0)
    assert all(isinstance(reply, TextReply) for reply in replies)
    assert engine.places == server.in_flight_peak == 64


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_server_that_says_that_it_is_busy_gets_fewer(status: int) -> None:
    async def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> Fault:
        return slow(every=0.1) if server.in_flight <= 3 else refused(status)

    server = ReplayServer(answer)
    replies, engine, _ = ask_many(server, 100)
    assert [reply for reply in replies if not isinstance(reply, TextReply)] == []
    assert engine.places <= 6
    assert len(server.requests) < 200


def test_a_reply_that_is_coming_takes_as_long_as_it_takes() -> None:
    server = ReplayServer(lambda messages, body: slow("ab " * 40, every=30.0))
    (reply,), _, seconds = ask_many(server, 1, timeout=40.0)
    assert isinstance(reply, TextReply)
    assert seconds > 1000


def test_but_not_for_ever() -> None:
    """A token now and then, for as long as the server likes."""
    server = ReplayServer(lambda messages, body: slow("ab " * 200, every=39.0))
    (reply,), _, seconds = ask_many(server, 1, timeout=40.0)
    assert isinstance(reply, CallFailed)
    assert reply.code == "timeout"
    assert seconds < 40 + 512 * SLOWEST_TOKEN + 10


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("silent", ["from the beginning", "in the middle", "pings", "empty events", "bytes"])
def test_a_reply_that_comes_no_further_is_given_up(streams: bool, silent: str) -> None:
    """What says nothing does not count: else a server could hold a run for good."""
    headers = {"Content-Type": "text/event-stream"} if streams else {}
    empty = b'data: {"choices": [{"delta": {"content": ""}}]}\n\n'
    fault = {
        "from the beginning": slow(every=1e6),
        "in the middle": Fault(content="ab", drip=3, gate=Gate()),
        "pings": Fault(raw=b": ping\n\n" * 999, headers=headers, drip=8, every=0.0, gate=Gate()),
        "empty events": Fault(raw=empty * 999, headers=headers, drip=len(empty), gate=Gate()),
        "bytes": Fault(raw=b" " * 999, headers=headers, drip=1, gate=Gate()),
    }[silent]
    server = ReplayServer(lambda messages, body: fault, streams=streams)
    (reply,), engine, seconds = ask_many(server, 1, timeout=40.0)
    assert isinstance(reply, CallFailed)
    assert (reply.code, reply.retries) == ("timeout", 0)
    assert "came no further for 40 s" in str(reply)
    assert "--timeout" in reply.hint
    assert 41 <= seconds <= 83, "it is said after a pause: who asks again at once does not ask at once"
    assert engine.places < FIRST


def test_a_call_that_waits_in_vain_while_others_are_served_is_tried_again_after_a_pause() -> None:
    server = ReplayServer(lambda messages, body: slow(every=1e6) if server.in_flight > 1 else slow(every=1.0))
    replies, _, _ = ask_many(server, 4, timeout=10.0)
    assert [reply.text for reply in replies if isinstance(reply, TextReply)] == ["a b c d"] * 4
    assert max(reply.retries for reply in replies if isinstance(reply, TextReply)) >= 1


def test_a_call_is_tried_again_where_others_are_served_only_in_its_pause() -> None:
    """With one place nobody else can be served while it waits in vain."""
    asked: list[str] = []

    def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> Fault:
        asked.append(messages[-1]["content"])
        return slow(every=1e6 if len(asked) == 1 else 0.1)

    server = ReplayServer(answer, models=LLAMA, props={"total_slots": 1})
    replies, _, _ = ask_many(server, 4, timeout=10.0)
    assert [reply.text for reply in replies if isinstance(reply, TextReply)] == ["a b c d"] * 4
    assert sorted(reply.retries for reply in replies if isinstance(reply, TextReply)) == [0, 0, 0, 1]
    assert asked.count(asked[0]) == 2


def test_tries_that_failed_otherwise_are_none_that_waited_in_vain() -> None:
    left = [refused(500), refused(500), slow(every=1e6), slow(every=1e6)]

    def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> Fault:
        return left.pop(0) if messages[-1]["content"] == "Frage 1" and left else slow(every=1.0)

    replies, _, _ = ask_many(ReplayServer(answer), 12, timeout=10.0, concurrency=2)
    assert [reply.text for reply in replies if isinstance(reply, TextReply)] == ["a b c d"] * 12
    assert max(reply.retries for reply in replies if isinstance(reply, TextReply)) == 4


@pytest.mark.parametrize("down", [True, False])
def test_a_failure_says_whether_the_server_served_nobody_while_it_was_tried(down: bool) -> None:
    """Who was served before the server broke down says nothing of a request that was under way then."""

    def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> Fault:
        broken = asyncio.get_running_loop().time() > 0.5 if down else messages[-1]["content"] == "Frage 3"
        return refused(500) if broken else slow(every=0.05 if down else 2.0)

    # The last pause is over after 15.5 s, and begins after 7.5: the others are served after 12 s, where it is not down.
    replies, _, _ = ask_many(ReplayServer(answer), 20 if down else 8, concurrency=8, rng=Longest())
    failed = [reply for reply in replies if isinstance(reply, CallFailed)]
    assert 1 <= len(failed) < len(replies)
    assert {(reply.code, reply.nobody_served) for reply in failed} == {("http-500", down)}


@pytest.mark.parametrize("props", [None, refused(403), refused(500), {"total_slots": -1}, {"total_slots": "4"}, []])
def test_slots_that_are_not_said_are_learnt(replay_server: Serve, desk: Desk, props: Any) -> None:
    server = replay_server(echo, models=LLAMA, props=props)
    engine = desk.engine(server)
    assert reply_to(engine).text == "Frage"
    assert engine.places == FIRST
    assert [request.path for request in server.listings] == ["/v1/models", "/props"]
    assert server.requests[0].body["return_progress"] is True


@pytest.mark.parametrize(
    ("refusing", "sent"),
    [
        ("return_progress", [True, True, True]),
        ("stream_options", [True, True, False]),
        ("stream", [True, True, False]),
    ],
)
def test_what_a_server_does_not_know_of_streams_is_left_out(
    replay_server: Serve, desk: Desk, refusing: str, sent: list[bool]
) -> None:
    """Once, and remembered; without a stream the reply comes in one body."""

    def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> str | Fault:
        return refused(400, f"Unknown field: {refusing}") if refusing in body else "gut"

    server = replay_server(answer, models=LLAMA)

    async def twice(engine: OpenAIEngine) -> list[str]:
        return [(await engine.generate(ask())).text for _ in range(2)]

    assert with_engine(desk.engine(server), twice) == ["gut", "gut"]
    tried, last = server.requests[:-2], server.requests[-2:]
    assert 1 <= len(tried) <= 3
    assert last[0].body.keys() == last[1].body.keys()
    assert not any(refusing in request.body for request in last)
    assert desk.waits == []


@pytest.mark.parametrize("value", [False, None])
def test_who_wants_no_stream_gets_none(replay_server: Serve, desk: Desk, value: bool | None) -> None:
    server = replay_server(echo)
    assert reply_to(desk.engine(server, extra_body={"stream": value})).text == "Frage"
    assert "stream_options" not in server.requests[0].body
    assert not server.requests[0].body.get("stream")


def test_tokens_that_are_coming_are_told(replay_server: Serve, desk: Desk) -> None:
    gate = Gate()
    server = replay_server(lambda messages, body: drip("abcdef" * 5, gate, size=64))

    async def use(engine: OpenAIEngine) -> None:
        asked = asyncio.create_task(engine.generate(ask()))
        for _ in range(2000):
            if engine.activity() == Activity(calls=1, tokens=10):
                break
            await asyncio.sleep(0.001)
        assert engine.activity() == Activity(calls=1, tokens=10)
        gate.open()
        await asked
        assert engine.activity() == Activity()

    with_engine(desk.engine(server), use)
