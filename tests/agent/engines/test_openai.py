"""The engine for OpenAI-compatible servers, against a real server whose faults are chosen here; no wait is real."""

from __future__ import annotations

import asyncio
import doctest
import logging
import random
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
import pytest
from replay_server import (
    Fault,
    Gate,
    ReplayServer,
    ReplayServers,
    drip,
    hang_up,
    hang_up_in_body,
    not_json,
    null_content,
    refused,
    truncated,
    without_usage,
)
from tiny_model import SENTENCES

from midb.agent.engines import chat_api
from midb.agent.engines.openai import OpenAIEngine, parse_spec
from midb.agent.engines.protocol import (
    CallFailed,
    EngineDown,
    FinishReason,
    Message,
    Sampling,
    TextReply,
    TextRequest,
)
from midb.domain.errors import UsageError

T = TypeVar("T")

KEY = "sk-geheim-0123456789"
SCHEMA = {"title": "A verdict!", "type": "object", "properties": {"ok": {"type": "boolean"}}}


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
        self.waits.append(seconds)

    def engine(self, server: ReplayServer, **settings: Any) -> OpenAIEngine:
        usual = {"environment": {}, "rng": Longest(), "sleep": self.sleep, "warn": self.warnings.append}
        return OpenAIEngine(server.model, server.url, **dict[str, Any](usual | settings))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def ask(text: str = "Frage", **settings: Any) -> TextRequest:
    return TextRequest(messages=(Message("system", "Antworte."), Message("user", text)), **settings)


def with_engine(engine: OpenAIEngine, use: Callable[[OpenAIEngine], Coroutine[Any, Any, T]]) -> T:
    async def go() -> T:
        try:
            await engine.start()
            return await use(engine)
        finally:
            await engine.close()

    return asyncio.run(go())


def reply_to(engine: OpenAIEngine, request: TextRequest | None = None) -> TextReply:
    return with_engine(engine, lambda engine: engine.generate(request or ask()))


def start(engine: OpenAIEngine) -> None:
    async def nothing(engine: OpenAIEngine) -> None:
        pass

    with_engine(engine, nothing)


def echo(messages: list[dict[str, Any]], body: dict[str, Any]) -> str:
    text: str = messages[-1]["content"]
    return text


def script(*answers: str | Fault) -> Callable[..., str | Fault]:
    """The answers one after the other; one more request is an error of the test."""
    left = iter(answers)
    return lambda messages, body: next(left)


# names and addresses


@pytest.mark.parametrize(
    ("spec", "name", "url"),
    [
        ("openai:m@http://localhost:8000/v1", "m", "http://localhost:8000/v1"),
        ("openai:m@http://localhost:8000/v1/", "m", "http://localhost:8000/v1"),
        ("openai:m@http://localhost:8000", "m", "http://localhost:8000/v1"),
        ("openai:m@https://localhost/", "m", "https://localhost/v1"),
        ("openai:m@HTTPS://Example.ORG/openai", "m", "https://example.org/openai"),
        ("openai:Qwen/Qwen3-8B@http://[::1]:8000", "Qwen/Qwen3-8B", "http://[::1]:8000/v1"),
        ("openai:team@home:latest@http://h/v1", "team@home:latest", "http://h/v1"),
        ("openai:m@https-proxy@http://h", "m@https-proxy", "http://h/v1"),
        ("openai:/srv/my model@http://h", "/srv/my model", "http://h/v1"),
    ],
)
def test_a_spec_is_a_name_and_an_address(spec: str, name: str, url: str) -> None:
    assert parse_spec(spec) == (name, url)
    assert OpenAIEngine(name, url, environment={}).url == url, "what was normalised once stays as it is"


@pytest.mark.parametrize(
    "spec",
    [
        "", "openai:", "openai:m", "m@http://h", "openai:m@h:8000", "openai:@http://h", "openai:m@http://",
        "openai:m@ftp://h", "openai:m@http:h", "openai:m@http://h:0", "openai:m@http://h:99999",
        "openai:m@http://h/v1?x=1", "openai:m@http://h/v1#x", "openai:m@http://a b/", "openai:m@http://h\n/v1",
        "openai: m@http://h", "openai:m\x1b[31m@http://h",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_hint(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_spec(spec)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        "openai:m@http://user:geheim@h/v1", "openai:m@http://geheim@h", "openai:m@http://u:geheim@http://h",
        "openai:m@h:geheim", "openai:m@http://h/v1?key=geheim", "geheim@http://h",
    ],
)  # fmt: skip
def test_a_refusal_does_not_repeat_what_may_be_a_password(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_spec(spec)
    assert "geheim" not in f"{caught.value} {caught.value.hint}"


def test_a_key_within_the_address_is_refused_in_so_many_words() -> None:
    with pytest.raises(UsageError, match="key or password must not stand in the address"):
        OpenAIEngine("m", "https://user:geheim@example.org/v1")


@pytest.mark.parametrize("settings", [{"concurrency": 0}, {"timeout": 0}, {"retries": -1}, {"extra_body": {"a": {1}}}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        OpenAIEngine("m", "http://h", **settings)


def test_the_examples_in_the_source_are_true() -> None:
    result = doctest.testmod(chat_api)
    assert result.attempted >= 5
    assert result.failed == 0


# what is sent


def test_a_request_and_its_reply(replay_server: ReplayServers, desk: Desk) -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8}}
    server = replay_server(lambda messages, body: Fault(content="  Antwort\n", usage=usage))
    ticks = iter((10.0, 12.5))
    engine = desk.engine(server, clock=lambda: next(ticks))
    request = ask(reference="x" * 100, growth=3.0, sampling=Sampling(temperature=0.5, seed=7), stop=("</r>", "\n\n"))
    reply = reply_to(engine, request)
    assert reply == TextReply(
        text="  Antwort\n",
        finish_reason=FinishReason.STOP,
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


def test_what_is_not_asked_for_is_not_sent(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(echo)
    reply_to(desk.engine(server))
    assert set(server.requests[0].body) == {"model", "messages", "temperature", "seed", "max_tokens"}


def test_a_schema_is_sent_as_response_format(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(echo)
    reply_to(desk.engine(server), ask(schema=SCHEMA))
    assert server.requests[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "A_verdict_", "schema": SCHEMA, "strict": True},
    }


def test_extra_fields_are_laid_over_the_body_and_part_of_the_fingerprint(
    replay_server: ReplayServers, desk: Desk
) -> None:
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
def test_text_comes_back_as_it_went(replay_server: ReplayServers, desk: Desk, language: str) -> None:
    odd = '\x00\t"\\\N{ZERO WIDTH JOINER}\N{RIGHT-TO-LEFT OVERRIDE}\N{GRINNING FACE}e\N{COMBINING ACUTE ACCENT}\r\n'
    text = SENTENCES.get(language, odd)
    server = replay_server(echo)
    assert reply_to(desk.engine(server), ask(text)).text == text
    assert server.requests[0].body["messages"][1]["content"] == text


def test_text_that_is_no_unicode_is_not_sent(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(echo)
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server), ask("\ud800"))
    assert caught.value.code == "bad-request"
    assert server.requests == []


# the bound on tokens


@pytest.mark.parametrize(
    ("reference", "growth", "bound"),
    [("", 2.0, 512), ("a" * 100, 2.0, 712), ("я" * 100, 2.0, 712), ("ก" * 100, 2.0, 812), ("😀" * 100, 1.5, 812)],
)
def test_the_bound_grows_with_the_reference(reference: str, growth: float, bound: int) -> None:
    assert chat_api.max_new_tokens(ask(reference=reference, growth=growth)) == bound


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
def test_the_bound_leaves_room_for_the_prompt(replay_server: ReplayServers, desk: Desk, listed: dict[str, Any]) -> None:
    server = replay_server(echo, models=[listed])
    reply_to(desk.engine(server), ask("x" * 1800, reference="x" * 1800))
    assert server.requests[0].body["max_tokens"] == 1000 - 9 // 3 - 16 - 600 - 16


def test_a_prompt_that_seems_too_long_is_for_the_server_to_judge(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(echo, models=[{"id": "replay", "max_model_len": 1000}])
    reply_to(desk.engine(server), ask("x" * 9000))
    assert server.requests[0].body["max_tokens"] == 250


@pytest.mark.parametrize("told", [None, 0, -5, True, "4096", 1.5])
def test_a_context_that_is_no_number_is_none(replay_server: ReplayServers, desk: Desk, told: object) -> None:
    server = replay_server(echo, models=[{"id": "replay", "max_model_len": told}])
    reply_to(desk.engine(server))
    assert server.requests[0].body["max_tokens"] == 512


# replies


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
def test_what_a_reply_may_look_like(
    replay_server: ReplayServers,
    desk: Desk,
    answer: str | Fault,
    text: str,
    finish: FinishReason,
    tokens: tuple[int, int],
) -> None:
    reply = reply_to(desk.engine(replay_server(script(answer))))
    assert (reply.text, reply.finish_reason) == (text, finish)
    assert (reply.prompt_tokens, reply.completion_tokens) == tokens
    assert (reply.retries, desk.waits) == (0, [])


# retries

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
    "body that is not gzip": (Fault(raw=b"{}", headers={"Content-Encoding": "gzip"}), "connection"),
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


@pytest.mark.parametrize(("fault", "code"), BROKEN.values(), ids=BROKEN)
def test_what_may_pass_is_asked_again(replay_server: ReplayServers, desk: Desk, fault: Fault, code: str) -> None:
    server = replay_server(script(fault, fault, "gut"))
    reply = reply_to(desk.engine(server))
    assert (reply.text, reply.retries) == ("gut", 2)
    assert desk.waits == [0.5, 1.0]
    assert len(server.requests) == 3
    assert server.requests[0].body == server.requests[2].body


@pytest.mark.parametrize(("fault", "code"), BROKEN.values(), ids=BROKEN)
def test_what_does_not_pass_fails_with_a_code(
    replay_server: ReplayServers, desk: Desk, fault: Fault, code: str
) -> None:
    server = replay_server(lambda messages, body: fault)
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server))
    assert (caught.value.code, caught.value.retries, caught.value.retryable) == (code, 5, True)
    assert len(server.requests) == 6
    assert desk.waits == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert server.url in str(caught.value)


def test_waits_are_drawn_between_nothing_and_the_longest(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(lambda messages, body: refused(503))
    with pytest.raises(CallFailed):
        reply_to(desk.engine(server, rng=random.Random(5), retries=12))
    drawn = random.Random(5)
    assert desk.waits == [drawn.uniform(0.0, min(0.5 * 2**n, 30.0)) for n in range(12)]
    assert max(desk.waits) < 30.0


def test_no_retries_are_no_retries(replay_server: ReplayServers, desk: Desk) -> None:
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
def test_retry_after_is_heeded(replay_server: ReplayServers, desk: Desk, status: int, header: str, wait: float) -> None:
    server = replay_server(script(refused(status, retry_after=header), "gut"))
    assert reply_to(desk.engine(server, now=lambda: 1000.0)).text == "gut"
    assert desk.waits == [wait]


@pytest.mark.parametrize("status", [400, 404, 413, 418, 422, 501])
def test_a_request_that_is_refused_is_not_asked_again(replay_server: ReplayServers, desk: Desk, status: int) -> None:
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
def test_what_a_server_says_is_found_in_any_shape(
    replay_server: ReplayServers, desk: Desk, raw: bytes, shown: str
) -> None:
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
def test_a_text_that_is_too_long_is_told_apart(replay_server: ReplayServers, desk: Desk, fault: Fault) -> None:
    server = replay_server(script(fault))
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server), ask(schema=SCHEMA))
    assert caught.value.code == "context-exceeded"
    assert (desk.waits, desk.warnings) == ([], [])


def test_a_reply_about_context_length_is_a_reply(replay_server: ReplayServers, desk: Desk) -> None:
    assert reply_to(desk.engine(replay_server(echo)), ask('"error": context length')).finish_reason is FinishReason.STOP


# what a server lacks


@pytest.mark.parametrize(
    "fault",
    [
        refused(400, "response_format is not supported"),
        refused(422, "Extra inputs are not permitted", param="response_format"),
        refused(400, "The provided JSON schema contains features not supported by xgrammar."),
        refused(501, "This server does not support that."),
    ],
)
def test_a_refused_schema_is_left_out_from_then_on(replay_server: ReplayServers, desk: Desk, fault: Fault) -> None:
    server = replay_server(lambda messages, body: fault if "response_format" in body else "gut")

    async def thrice(engine: OpenAIEngine) -> list[TextReply]:
        return [await engine.generate(ask(schema=SCHEMA)) for _ in range(3)]

    replies = with_engine(desk.engine(server), thrice)
    assert [(reply.text, reply.retries) for reply in replies] == [("gut", 0)] * 3
    assert ["response_format" in request.body for request in server.requests] == [True, False, False, False]
    assert len(desk.warnings) == 1
    assert "form" in desk.warnings[0]
    assert desk.waits == []


def test_many_that_learn_of_it_at_once_warn_once(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(lambda messages, body: refused(501) if "response_format" in body else "gut")

    async def many(engine: OpenAIEngine) -> list[TextReply]:
        return await asyncio.gather(*(engine.generate(ask(schema=SCHEMA)) for _ in range(8)))

    assert {reply.text for reply in with_engine(desk.engine(server), many)} == {"gut"}
    assert len(desk.warnings) == 1


def test_a_refusal_that_does_not_end_with_the_schema_is_final(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(lambda messages, body: refused(400, "response_format, or something else"))
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server), ask(schema=SCHEMA))
    assert caught.value.code == "http-400"
    assert len(server.requests) == 2


def test_another_name_for_the_bound_on_tokens_is_learnt(replay_server: ReplayServers, desk: Desk) -> None:
    sentence = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    server = replay_server(lambda messages, body: refused(400, sentence) if "max_tokens" in body else "gut")

    async def twice(engine: OpenAIEngine) -> list[TextReply]:
        return [await engine.generate(ask()) for _ in range(2)]

    assert [reply.text for reply in with_engine(desk.engine(server), twice)] == ["gut", "gut"]
    assert [request.body.get("max_completion_tokens") for request in server.requests] == [None, 512, 512]


# the list of models


@pytest.mark.parametrize(
    "models",
    [
        refused(404), refused(405), refused(400), not_json(), not_json(b"[]"), not_json(b'{"data": 3}'), [],
        [3, {"object": "model"}, {"id": 7}], [{"id": "replay:latest"}], [{"id": "other"}, {"id": "replay"}],
    ],
)  # fmt: skip
def test_a_server_that_lists_nothing_else_is_taken_at_its_word(
    replay_server: ReplayServers, desk: Desk, models: list[Any] | Fault
) -> None:
    assert reply_to(desk.engine(replay_server(echo, models=models))).text == "Frage"


def test_a_model_that_is_not_there_is_said_at_once(replay_server: ReplayServers, desk: Desk) -> None:
    listed = [{"id": f"model-{n}"} for n in range(7)]
    server = replay_server(echo, models=listed)
    with pytest.raises(EngineDown, match="has no model replay") as caught:
        start(desk.engine(server))
    assert caught.value.hint == "It has model-0, model-1, model-2, model-3, model-4 and 2 more."


def test_a_server_that_is_still_loading_is_waited_for(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(echo, models=refused(503, "Loading model"))

    async def loaded_after_two(seconds: float) -> None:
        desk.waits.append(seconds)
        if len(desk.waits) == 2:
            server.models = [{"id": "replay"}]

    start(desk.engine(server, sleep=loaded_after_two))
    assert desk.waits == [0.5, 1.0]


def test_a_server_that_never_gets_ready_is_down(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(echo, models=refused(503, "Loading model"))
    with pytest.raises(EngineDown, match="Loading model"):
        start(desk.engine(server))
    assert len(server.listings) == 6


def test_the_fingerprint_tells_what_the_server_tells(replay_server: ReplayServers, desk: Desk) -> None:
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


def test_what_a_person_calls_it(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(echo)
    engine = desk.engine(server, concurrency=3)
    assert engine.described == f"replay at {server.url}"
    assert engine.concurrency == 3
    assert engine.fingerprint() == f"openai replay@{server.url}"


# nobody can be served


@pytest.fixture
def deserted() -> str:
    """An address where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def test_nobody_at_the_address(deserted: str, desk: Desk) -> None:
    with pytest.raises(EngineDown, match=deserted) as caught:
        start(OpenAIEngine("m", deserted, environment={}, sleep=desk.sleep))
    assert caught.value.hint
    assert desk.waits == []


def test_a_host_that_has_no_address(desk: Desk) -> None:
    with pytest.raises(EngineDown, match=r"nowhere\.invalid"):
        start(OpenAIEngine("m", "http://nowhere.invalid:1", environment={}, sleep=desk.sleep))


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


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("when", ["start", "later"])
def test_a_key_that_is_refused_stops_the_run(replay_server: ReplayServers, desk: Desk, status: int, when: str) -> None:
    fault = refused(status, f"Incorrect API key provided: {KEY}")
    server = replay_server(lambda messages, body: fault, models=fault if when == "start" else None)
    engine = desk.engine(server, environment={"MY_KEY": KEY}, key_variable="MY_KEY")
    with pytest.raises(EngineDown, match="refuses the key") as caught:
        reply_to(engine)
    assert "MY_KEY" in caught.value.hint
    assert "***" in str(caught.value)
    assert KEY not in f"{caught.value} {caught.value.hint}"
    assert (len(server.requests), desk.waits) == (int(when == "later"), [])


@pytest.mark.parametrize(
    "fault",
    [
        refused(404, "The model `replay` does not exist.", type="NotFoundError", code=404),
        refused(404, "model 'replay' not found, try pulling it first"),
        refused(404, "no", code="model_not_found"),
        refused(429, "You exceeded your current quota", code="insufficient_quota"),
    ],
)
def test_what_holds_for_every_request_stops_the_run(replay_server: ReplayServers, desk: Desk, fault: Fault) -> None:
    server = replay_server(script(fault), models=refused(404))
    with pytest.raises(EngineDown):
        reply_to(desk.engine(server))
    assert desk.waits == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("when", ["start", "later"])
def test_neither_key_nor_corpus_goes_where_a_server_sends_them(
    replay_server: ReplayServers, desk: Desk, status: int, when: str
) -> None:
    other = replay_server(echo)
    fault = Fault(status=status, raw=b"", headers={"Location": f"http://u:p@127.0.0.1:{other.port}/v1/x?key=geheim"})
    server = replay_server(lambda messages, body: fault, models=fault if when == "start" else None)
    with pytest.raises(EngineDown, match="sends elsewhere") as caught:
        reply_to(desk.engine(server, environment={"OPENAI_API_KEY": KEY}))
    assert f"http://127.0.0.1:{other.port}/v1/x;" in caught.value.hint
    assert (other.requests, other.listings) == ([], [])


# the key


def test_the_key_goes_to_the_server_and_nowhere_else(
    replay_server: ReplayServers, desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    said: list[str] = []
    faults: list[str | Fault] = [
        refused(500, f"failed for Bearer {KEY}"),
        hang_up(),
        not_json(),
        refused(400, f"x{KEY}x"),
        "gut",
    ]
    entry = {"id": "replay", "owned_by": f"holder of {KEY}", "root": KEY}
    server = replay_server(script(*faults), models=[entry])
    engine = desk.engine(server, environment=None, retries=3, extra_body={"user": KEY}, warn=None)

    async def use(engine: OpenAIEngine) -> None:
        with pytest.raises(CallFailed) as caught:
            await engine.generate(ask(schema=SCHEMA))
        error: BaseException | None = caught.value
        while error is not None:
            said.extend([str(error), repr(error), getattr(error, "hint", "")])
            error = error.__cause__ or error.__context__
        assert (await engine.generate(ask())).text == "gut"

    with_engine(engine, use)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.requests + server.listings)
    said += [repr(engine), str(engine), engine.fingerprint(), engine.described, caplog.text]
    assert "***" in engine.fingerprint()
    assert "POST" in caplog.text
    assert [text for text in said if KEY in text] == []


def test_a_debugger_that_shows_the_engine_shows_no_key() -> None:
    engine = OpenAIEngine("m", "http://h", environment={"OPENAI_API_KEY": KEY})
    assert KEY not in repr(vars(engine))


@pytest.mark.parametrize("environment", [{}, {"OPENAI_API_KEY": ""}, {"OPENAI_API_KEY": " \n"}, {"OTHER": KEY}])
def test_without_a_key_none_is_sent(replay_server: ReplayServers, desk: Desk, environment: dict[str, str]) -> None:
    server = replay_server(echo)
    reply_to(desk.engine(server, environment=environment))
    assert "authorization" not in server.requests[0].headers


def test_a_key_may_end_with_a_line_break(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(echo)
    reply_to(desk.engine(server, environment={"OPENAI_API_KEY": f"{KEY}\n"}))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("key", ["sk geheim", "sk-geheim\nX-Other: 1", "sk-geheím"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(UsageError, match="MY_KEY") as caught:
        OpenAIEngine("m", "http://h", environment={"MY_KEY": key}, key_variable="MY_KEY")
    assert "geh" not in f"{caught.value} {caught.value.hint}"


def test_a_key_on_an_open_line_is_warned_of(desk: Desk) -> None:
    engine = OpenAIEngine(
        "m", "http://nowhere.invalid", environment={"OPENAI_API_KEY": KEY}, sleep=desk.sleep, warn=desk.warnings.append
    )
    with pytest.raises(EngineDown):
        start(engine)
    (warning,) = desk.warnings
    assert "unencrypted" in warning
    assert KEY not in warning


# side by side


async def seen(server: ReplayServer, condition: Callable[[ReplayServer], bool]) -> None:
    await asyncio.to_thread(server.wait_for, condition)


def test_as_many_as_allowed_are_in_flight_and_no_more(replay_server: ReplayServers, desk: Desk) -> None:
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


def test_a_slow_reply_holds_up_nobody_else(replay_server: ReplayServers, desk: Desk) -> None:
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
def test_whoever_is_cancelled_makes_room(replay_server: ReplayServers, desk: Desk, kind: str) -> None:
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


def test_a_reply_that_never_ends_is_given_up(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(lambda messages, body: drip("nie", Gate()) if body["seed"] else "gut")

    async def use(engine: OpenAIEngine) -> None:
        engine._timeout = 0.05
        with pytest.raises(CallFailed) as caught:
            await engine.generate(ask(sampling=Sampling(seed=1)))
        assert caught.value.code == "timeout"
        engine._timeout = 60.0
        assert (await engine.generate(ask())).text == "gut"

    with_engine(desk.engine(server, concurrency=1), use)


def test_waits_count_towards_the_timeout(replay_server: ReplayServers, desk: Desk) -> None:
    server = replay_server(lambda messages, body: refused(503))

    async def for_ever(seconds: float) -> None:
        await asyncio.Event().wait()

    async def use(engine: OpenAIEngine) -> None:
        engine._timeout = 0.05
        with pytest.raises(CallFailed) as caught:
            await engine.generate(ask())
        assert caught.value.code == "timeout"

    with_engine(desk.engine(server, sleep=for_ever), use)


def test_a_reply_without_end_is_not_kept(
    replay_server: ReplayServers, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midb.agent.engines.openai._LARGEST_BODY", 1 << 10)
    server = replay_server(lambda messages, body: "x" * 2000)
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server, retries=1))
    assert caught.value.code == "bad-reply"


def test_closing_fails_what_is_in_flight(replay_server: ReplayServers, desk: Desk) -> None:
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
