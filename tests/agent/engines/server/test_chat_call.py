"""One request to a server until its reply, against a real server whose faults are chosen here; no wait is real."""

from __future__ import annotations

import asyncio
import gzip
import random
from typing import Any

import orjson
import pytest
from chat_desk import SCHEMA, Desk, Serve, ask, echo, reply_to, script, with_engine
from replay_server import (
    Fault,
    Gate,
    ReplayServer,
    drip,
    hang_up,
    hang_up_in_body,
    no_http,
    not_json,
    null_content,
    refused,
    truncated,
    without_usage,
)

from midb.agent.engines.protocol import CallFailed, EngineDown, FinishReason, TextReply
from midb.agent.engines.server.chat_call import Pauses
from midb.agent.engines.server.openai import OpenAIEngine

#: A small response that would be a large one.
BOMB = gzip.compress(b"a" * (1 << 20))


def test_text_that_is_no_unicode_is_not_sent(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(echo)
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server), ask("\ud800"))
    assert caught.value.code == "bad-request"
    assert server.requests == []


@pytest.mark.parametrize(
    "listed",
    [
        {"id": "replay", "max_model_len": 1000},
        {"id": "replay", "context_length": 1000},
        {"id": "replay", "meta": {"n_ctx_train": 1000}},
        {"id": "replay", "meta": {"n_ctx_train": 9000, "n_ctx": 1000}},
        {"id": "other", "aliases": ["replay"], "max_model_len": 1000},
    ],
)
def test_the_bound_leaves_room_for_the_prompt(replay_server: Serve, desk: Desk, listed: dict[str, Any]) -> None:
    server = replay_server(echo, models=[listed])
    reply_to(desk.engine(server), ask("x" * 1800, reference="x" * 1800))
    assert server.requests[0].body["max_tokens"] == 1000 - 9 // 3 - 16 - 600 - 16


def test_a_prompt_that_seems_too_long_is_for_the_server_to_judge(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(echo, models=[{"id": "replay", "max_model_len": 1000}])
    reply_to(desk.engine(server), ask("x" * 9000))
    assert server.requests[0].body["max_tokens"] == 250


@pytest.mark.parametrize("stated", [None, 0, -5, True, "4096", 1.5])
def test_a_context_that_is_no_number_is_none(replay_server: Serve, desk: Desk, stated: object) -> None:
    server = replay_server(echo, models=[{"id": "replay", "max_model_len": stated}])
    reply_to(desk.engine(server))
    assert server.requests[0].body["max_tokens"] == 512


@pytest.mark.parametrize(
    ("answer", "text", "finish", "tokens"),
    [
        ("gut so", "gut so", FinishReason.STOP, (7, 2)),
        ("", "", FinishReason.STOP, (7, 0)),
        (truncated("halb"), "halb", FinishReason.LENGTH, (7, 1)),
        (without_usage("gut"), "gut", FinishReason.STOP, (0, 0)),
        (Fault(content="x", usage={"prompt_tokens": "7", "completion_tokens": None}), "x", FinishReason.STOP, (0, 0)),
        (Fault(content="x", finish_reason="eos"), "x", FinishReason.STOP, (7, 1)),
        (Fault(content="x", finish_reason="content_filter"), "x", FinishReason.FILTERED, (7, 1)),
        (Fault(content="x", finish_reason="tool_calls"), "x", FinishReason.OTHER, (7, 1)),
        (Fault(content="x", finish_reason="abort"), "x", FinishReason.OTHER, (7, 1)),
        (Fault(content="x", finish_reason=None), "x", FinishReason.OTHER, (7, 1)),
        (Fault(content="x", message={"reasoning_content": "hm"}), "x", FinishReason.STOP, (7, 1)),
        (Fault(content="<think>hm</think>x"), "<think>hm</think>x", FinishReason.STOP, (7, 1)),
        (null_content("content_filter"), "", FinishReason.FILTERED, (7, 0)),
        (null_content("stop", refusal="no"), "", FinishReason.FILTERED, (7, 0)),
        (null_content("length", reasoning_content="hm"), "", FinishReason.LENGTH, (7, 0)),
        (drip("tröpfelt"), "tröpfelt", FinishReason.STOP, (7, 1)),
    ],
)
@pytest.mark.parametrize("streams", [True, False])
def test_what_a_reply_may_look_like(
    replay_server: Serve,
    desk: Desk,
    answer: str | Fault,
    text: str,
    finish: FinishReason,
    tokens: tuple[int, int],
    streams: bool,
) -> None:
    reply = reply_to(desk.engine(replay_server(script(answer), streams=streams)))
    assert (reply.text, reply.finish_reason) == (text, finish)
    assert (reply.prompt_tokens, reply.completion_tokens) == tokens
    assert (reply.retries, desk.waits) == (0, [])


BROKEN: dict[str, tuple[Fault, str]] = {
    "408": (refused(408), "http-408"),
    "409": (refused(409), "http-409"),
    "425": (refused(425), "http-425"),
    "429": (refused(429), "http-429"),
    "500": (refused(500), "http-500"),
    "502 in HTML": (not_json(status=502), "http-502"),
    "503 with nothing": (Fault(status=503, raw=b""), "http-503"),
    "504": (refused(504), "http-504"),
    "529": (refused(529), "http-529"),
    "hang-up": (hang_up(), "connection"),
    "hang-up in the body": (hang_up_in_body("Antwort"), "connection"),
    "compressed, unasked": (Fault(raw=BOMB, headers={"Content-Encoding": "gzip"}), "bad-reply"),
    "more text than was asked for": (Fault(content="ab " * 20_000), "bad-reply"),
    "no HTTP": (no_http(), "connection"),
    "headers without end": (no_http(b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * (1 << 17)), "connection"),
    "one header without end": (no_http(b"HTTP/1.1 200 OK\r\nX: " + b"a" * (1 << 20)), "connection"),
    "a length that is none": (no_http(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"), "connection"),
    "pieces that are none": (
        no_http(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}"),
        "connection",
    ),
    "HTML": (not_json(), "bad-reply"),
    "half JSON": (not_json(b'{"choices": [{"mess'), "bad-reply"),
    "nothing": (not_json(b""), "bad-reply"),
    "JSON of another kind": (not_json(b"[1, 2]"), "bad-reply"),
    "no choices": (not_json(b'{"choices": []}'), "bad-reply"),
    "choices of another kind": (not_json(b'{"choices": {"0": 1}}'), "bad-reply"),
    "an odd choice": (not_json(b'{"choices": ["text"]}'), "bad-reply"),
    "no message": (not_json(b'{"choices": [{"finish_reason": "stop"}]}'), "bad-reply"),
    "no content": (not_json(b'{"choices": [{"message": {}}]}'), "bad-reply"),
    "null": (null_content(), "bad-reply"),
    "a tool call": (null_content("tool_calls", tool_calls=[{"id": "1"}]), "bad-reply"),
    "a list": (Fault(message={"content": [{"type": "text", "text": "x"}]}), "bad-reply"),
    "a lone surrogate": (not_json(b'{"choices": [{"message": {"content": "\\ud800"}}]}'), "bad-reply"),
    "no UTF-8": (not_json(b'{"choices": [{"message": {"content": "\xff"}}]}'), "bad-reply"),
    "an error with status 200": (not_json(b'{"error": {"message": "overloaded", "code": 503}}'), "bad-reply"),
}


#: Whether the server streams or not; a stream without text is an empty reply, whatever its one body would hold.
EVERY_WAY = {
    f"{name}{', streamed' if streams else ''}": (fault, code, streams)
    for name, (fault, code) in BROKEN.items()
    for streams in (True, False)
    if not (streams and name == "null")
}


@pytest.mark.parametrize(("fault", "code", "streams"), EVERY_WAY.values(), ids=EVERY_WAY)
def test_what_may_pass_is_asked_again(replay_server: Serve, desk: Desk, fault: Fault, code: str, streams: bool) -> None:
    server = replay_server(script(fault, fault, "gut"), streams=streams)
    reply = reply_to(desk.engine(server))
    assert (reply.text, reply.retries) == ("gut", 2)
    assert desk.waits == [0.5, 1.0]
    assert len(server.requests) == 3
    assert server.requests[0].body == server.requests[2].body


@pytest.mark.parametrize(("fault", "code", "streams"), EVERY_WAY.values(), ids=EVERY_WAY)
def test_what_does_not_pass_fails_with_a_code(
    replay_server: Serve, desk: Desk, fault: Fault, code: str, streams: bool
) -> None:
    server = replay_server(lambda messages, body: fault, streams=streams)
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server))
    assert (caught.value.code, caught.value.retries, caught.value.retryable) == (code, 5, True)
    assert len(server.requests) == 6
    assert desk.waits == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert server.url in str(caught.value)


def test_waits_are_drawn_between_nothing_and_the_longest(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(lambda messages, body: refused(503))
    with pytest.raises(CallFailed):
        reply_to(desk.engine(server, rng=random.Random(5), retries=12))
    drawn = random.Random(5)
    assert desk.waits == [drawn.uniform(0.0, min(0.5 * 2**n, 30.0)) for n in range(12)]
    assert max(desk.waits) < 30.0


def test_no_retries_are_no_retries(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(script(refused(500)))
    with pytest.raises(CallFailed):
        reply_to(desk.engine(server, retries=0))
    assert desk.waits == []


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("3", 3.5), ("0.25", 0.75), ("86400", 60.5), ("Thu, 01 Jan 1970 00:16:45 GMT", 5.5),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.5), ("-1", 0.5), ("nan", 0.5), ("inf", 60.5), ("soon", 0.5), ("", 0.5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_heeded(replay_server: Serve, desk: Desk, status: int, header: str, wait: float) -> None:
    server = replay_server(script("schon", refused(status, retry_after=header), "gut"))

    async def twice(engine: OpenAIEngine) -> list[str]:
        return [(await engine.generate(ask())).text for _ in range(2)]

    assert with_engine(desk.engine(server, now=lambda: 1000.0), twice) == ["schon", "gut"]
    assert desk.waits == [wait]


@pytest.mark.parametrize("header", ["601", "86400", "inf", "Thu, 01 Jan 2026 00:16:45 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_never_served_and_wants_to_be_left_alone_for_hours_is(
    replay_server: Serve, desk: Desk, status: int, header: str
) -> None:
    """Waiting cannot help: no call may take so long."""
    server = replay_server(script(refused(status, "later", retry_after=header)))
    with pytest.raises(EngineDown, match=r"wants to be left alone for [\d,]+ s: HTTP \d+: later") as down:
        reply_to(desk.engine(server, now=lambda: 1000.0))
    assert down.value.retryable
    assert "again" in down.value.hint
    assert desk.waits == []


async def for_ever() -> None:
    """A pause that does not end by itself."""
    await asyncio.Event().wait()


@pytest.mark.parametrize("header", [None, "50"])
def test_where_the_run_stops_pauses_end_and_nothing_is_tried_twice(
    replay_server: Serve, desk: Desk, header: str | None
) -> None:
    server = replay_server(lambda messages, body: refused(503, retry_after=header))
    pausing = asyncio.Event()

    async def pause(seconds: float) -> None:
        pausing.set()
        await for_ever()

    async def use(engine: OpenAIEngine) -> None:
        waiting = [asyncio.create_task(engine.generate(ask())) for _ in range(3)]
        await pausing.wait()
        engine.stop_retrying()
        engine.stop_retrying()
        for task in waiting:
            with pytest.raises(CallFailed, match="gave no reply in 1 try: HTTP 503") as caught:
                await task
            assert (caught.value.code, caught.value.retries) == ("http-503", 0)
        with pytest.raises(CallFailed):
            await engine.generate(ask())

    with_engine(desk.engine(server, sleep=pause), use)
    assert len(server.requests) == 4


def test_where_the_run_stops_a_call_that_is_under_way_may_still_be_answered(replay_server: Serve, desk: Desk) -> None:
    gate, begun, loops = Gate(), asyncio.Event(), list[asyncio.AbstractEventLoop]()

    async def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> str:
        loops[0].call_soon_threadsafe(begun.set)
        await gate.wait()
        return "gut"

    async def use(engine: OpenAIEngine) -> str:
        loops.append(asyncio.get_running_loop())
        asked = asyncio.create_task(engine.generate(ask()))
        await begun.wait()
        engine.stop_retrying()
        gate.open()
        return (await asked).text

    assert with_engine(desk.engine(replay_server(answer)), use) == "gut"


@pytest.mark.parametrize("cancelled", [False, True])
def test_pauses_end_by_themselves_too_and_are_forgotten(cancelled: bool) -> None:
    async def go() -> None:
        pauses = Pauses()
        await pauses.take(asyncio.sleep(0))
        waiting = asyncio.create_task(pauses.take(for_ever()))
        await asyncio.sleep(0)
        if cancelled:
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        pauses.end()
        if not cancelled:
            await waiting
        assert pauses.over
        assert pauses._under_way == set()

    asyncio.run(go())


@pytest.mark.parametrize("status", [400, 404, 413, 418, 422, 501])
def test_a_request_that_is_refused_is_not_asked_again(replay_server: Serve, desk: Desk, status: int) -> None:
    server = replay_server(script(refused(status, "  das\ngeht \x1b[31mnicht " + "x" * 300)))
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server))
    assert caught.value.code == f"http-{status}"
    assert "das geht [31mnicht xxx" in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)
    assert desk.waits == []


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b'{"error": {"message": "Satz"}}', "Satz"),
        (b'{"error": "Satz"}', "Satz"),
        (b'{"object": "error", "message": "Satz", "code": 400}', "Satz"),
        (b'{"detail": "Satz"}', "Satz"),
        (b'{"detail": [{"loc": ["body"], "msg": "Satz"}]}', '[{"loc":["body"],"msg":"Satz"}]'),
        (b'"Satz"', "Satz"),
        (b"[1]", "[1]"),
        (b"{}", "{}"),
        (b"\xff Satz", "\N{REPLACEMENT CHARACTER} Satz"),
        (b"", "no reason given"),
    ],
)
def test_what_a_server_says_is_found_in_any_shape(replay_server: Serve, desk: Desk, raw: bytes, shown: str) -> None:
    server = replay_server(script(Fault(status=400, raw=raw)))
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server))
    assert str(caught.value).endswith(f": {shown}")


CONTEXT: dict[str, Fault] = {
    "vLLM": refused(400, "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens."),
    "vLLM, prompt": refused(400, "The decoder prompt (length 9000) is longer than the maximum model length of 4096."),
    "SGLang": refused(400, "The input (61709 tokens) is longer than the model's context length (40960 tokens)."),
    "llama.cpp": refused(400, "the request exceeds the available context size.", type="exceed_context_size_error"),
    "llama.cpp, older": refused(500, "the request exceeds the available context size."),
    "OpenAI": refused(400, "Please reduce the length of the messages.", code="context_length_exceeded"),
    "status 200": not_json(orjson.dumps({"error": {"message": "exceeds the context size", "code": 400}})),
}


@pytest.mark.parametrize("fault", CONTEXT.values(), ids=CONTEXT)
def test_a_text_that_is_too_long_is_told_apart(replay_server: Serve, desk: Desk, fault: Fault) -> None:
    server = replay_server(script(fault))
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server), ask(schema=SCHEMA))
    assert caught.value.code == "context-exceeded"
    assert (desk.waits, desk.warnings) == ([], [])


def test_a_reply_about_context_length_is_a_reply(replay_server: Serve, desk: Desk) -> None:
    assert reply_to(desk.engine(replay_server(echo)), ask('"error": context length')).finish_reason is FinishReason.STOP


@pytest.mark.parametrize(
    "fault",
    [
        refused(400, "response_format is not supported"),
        refused(422, "Extra inputs are not permitted", param="response_format"),
        refused(400, "The provided JSON schema contains features not supported by xgrammar."),
        refused(501, "This server does not support that."),
    ],
)
def test_a_refused_schema_is_left_out_from_then_on(replay_server: Serve, desk: Desk, fault: Fault) -> None:
    server = replay_server(lambda messages, body: fault if "response_format" in body else "gut")

    async def thrice(engine: OpenAIEngine) -> list[TextReply]:
        return [await engine.generate(ask(schema=SCHEMA)) for _ in range(3)]

    replies = with_engine(desk.engine(server), thrice)
    assert [(reply.text, reply.retries) for reply in replies] == [("gut", 0)] * 3
    assert ["response_format" in request.body for request in server.requests] == [True, False, False, False]
    assert len(desk.warnings) == 1
    assert "form" in desk.warnings[0]
    assert desk.waits == []


def test_many_that_learn_of_it_at_once_warn_once(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(lambda messages, body: refused(501) if "response_format" in body else "gut")

    async def many(engine: OpenAIEngine) -> list[TextReply]:
        return await asyncio.gather(*(engine.generate(ask(schema=SCHEMA)) for _ in range(8)))

    assert {reply.text for reply in with_engine(desk.engine(server), many)} == {"gut"}
    assert len(desk.warnings) == 1


def test_a_refusal_that_does_not_end_with_the_schema_is_final(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(lambda messages, body: refused(400, "response_format, or something else"))
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server), ask(schema=SCHEMA))
    assert caught.value.code == "http-400"
    assert len(server.requests) == 2


def test_another_name_for_the_bound_on_tokens_is_learnt(replay_server: Serve, desk: Desk) -> None:
    sentence = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    server = replay_server(lambda messages, body: refused(400, sentence) if "max_tokens" in body else "gut")

    async def twice(engine: OpenAIEngine) -> list[TextReply]:
        return [await engine.generate(ask()) for _ in range(2)]

    assert [reply.text for reply in with_engine(desk.engine(server), twice)] == ["gut", "gut"]
    assert [request.body.get("max_completion_tokens") for request in server.requests] == [None, 512, 512]


def test_a_server_that_goes_away_is_asked_for_a_while(desk: Desk) -> None:
    async def go() -> None:
        with ReplayServer(echo) as server:
            engine = desk.engine(server)
            await engine.start()
            assert (await engine.generate(ask())).text == "Frage"
        try:
            with pytest.raises(CallFailed) as caught:
                await engine.generate(ask())
        finally:
            await engine.close()
        assert (caught.value.code, caught.value.retries) == ("connection", 5)

    asyncio.run(go())
    assert len(desk.waits) == 5
