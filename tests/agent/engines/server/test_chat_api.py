"""The chat completions API as plain data: what goes into a body, and what any server may answer."""

from __future__ import annotations

import doctest
from typing import Any

import orjson
import pytest
from chat_desk import SCHEMA, ask

from midb.agent.engines.protocol import FinishReason, Message, Sampling, TextReply, TextRequest
from midb.agent.engines.server import chat_api
from midb.agent.engines.server.chat_api import (
    Complaint,
    Malformed,
    ServedModel,
    bound_new_tokens,
    make_request_body,
    parse_json,
    read_complaint,
    read_models,
    read_reply,
    read_retry_after,
    shorten,
)


def test_the_examples_in_the_source_are_true() -> None:
    result = doctest.testmod(chat_api)
    assert result.attempted >= 2
    assert result.failed == 0


# what is sent


@pytest.mark.parametrize(
    ("reference", "growth", "bound"),
    [("", 2.0, 512), ("a" * 100, 2.0, 712), ("я" * 100, 2.0, 712), ("ก" * 100, 2.0, 812), ("😀" * 100, 1.5, 812)],
)
def test_the_bound_grows_with_the_reference(reference: str, growth: float, bound: int) -> None:
    assert bound_new_tokens(ask(reference=reference, growth=growth)) == bound
    with_room = bound + 100 if reference else 100  # what copies nothing gets what was asked for
    assert bound_new_tokens(ask(reference=reference, growth=growth, room=100)) == with_room


@pytest.mark.parametrize(
    ("text", "context", "bound"),
    [
        ("", 0, 512),
        ("", 4096, 512),
        ("x" * 3000, 1500, 1500 - 1000 - 3 - 32),  # a third of the prompt's letters, and the template of two messages
        ("я" * 1000, 1500, 1500 - 1000 - 3 - 32),  # half of its bytes
        ("x" * 9000, 1500, 256),  # the server shall judge
        ("x" * 9000, 400, 100),
        ("x" * 9000, 3, 1),
    ],
)
def test_the_bound_is_lowered_to_what_the_context_leaves(text: str, context: int, bound: int) -> None:
    assert bound_new_tokens(ask(text), context) == bound


def make_body(request: TextRequest, **options: Any) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(make_request_body("m", request, max_tokens=9, **options))
    return body


def test_a_body_holds_what_is_asked_for_and_no_more() -> None:
    plain = {
        "model": "m",
        "messages": [{"role": "system", "content": "Antworte."}, {"role": "user", "content": "Frage"}],
        "temperature": 0.5,
        "seed": 3,
        "max_tokens": 9,
    }
    sampling = Sampling(temperature=0.5, seed=3)
    assert make_body(ask(sampling=sampling)) == plain
    assert make_body(ask(sampling=sampling, stop=("a", "b"))) == plain | {"stop": ["a", "b"]}
    renamed = make_body(ask(sampling=sampling), length_field="max_completion_tokens")
    assert renamed == {k: v for k, v in plain.items() if k != "max_tokens"} | {"max_completion_tokens": 9}
    with_schema = make_body(ask(sampling=sampling, schema=SCHEMA))
    assert with_schema["response_format"]["json_schema"] == {"name": "A_verdict_", "schema": SCHEMA, "strict": True}
    assert make_body(ask(sampling=sampling, schema=SCHEMA), with_schema=False) == plain


@pytest.mark.parametrize(("title", "name"), [(None, "reply"), ("", "reply"), ("ü" * 3, "_"), ("n" * 99, "n" * 64)])
def test_a_schema_has_a_name_that_every_server_takes(title: str | None, name: str) -> None:
    body = make_body(ask(schema={"title": title}))
    assert body["response_format"]["json_schema"]["name"] == name


def test_extra_fields_are_added_replaced_and_taken_out() -> None:
    body = make_body(ask(stop=("a",)), extra={"seed": None, "temperature": 1.0, "top_p": 0.9, "stop": None})
    assert set(body) == {"model", "messages", "temperature", "max_tokens", "top_p"}
    assert (body["temperature"], body["top_p"]) == (1.0, 0.9)


def test_half_a_character_cannot_be_sent() -> None:
    with pytest.raises(TypeError):
        make_request_body("m", TextRequest(messages=(Message("user", "\ud800"),)), max_tokens=1)


# replies


def read(value: object) -> TextReply:
    return read_reply(parse_json(orjson.dumps(value)), retries=2, seconds=1.5)


def reply_with(message: dict[str, Any], finish: object = "stop", **more: object) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": finish}], **more}


@pytest.mark.parametrize(
    ("text", "told", "cut", "reason"),
    [
        ("a", {}, "a", FinishReason.STOP_STRING),  # most servers do not say what ended it
        ("a", {"stop_reason": "</x>"}, "a", FinishReason.STOP_STRING),  # vLLM
        ("a", {"matched_stop": "</x>"}, "a", FinishReason.STOP_STRING),  # SGLang
        ("a", {"stop_reason": None}, "a", FinishReason.STOP),
        ("a", {"matched_stop": 151645}, "a", FinishReason.STOP),
        ("a</x>b</x>", {"stop_reason": None}, "a", FinishReason.STOP_STRING),  # it knows no stop strings
    ],
)
def test_what_ended_a_reply(text: str, told: dict[str, Any], cut: str, reason: FinishReason) -> None:
    value = reply_with({"content": text})
    value["choices"][0] |= told
    reply = read_reply(parse_json(orjson.dumps(value)), retries=0, seconds=0.0, stop=("</x>",))
    assert (reply.text, reply.finish_reason) == (cut, reason)
    assert read(value).text == text  # nothing is cut that was not asked for


def test_a_reply_with_all_its_counts() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}}
    assert read(reply_with({"content": " x\n"}, usage=usage)) == TextReply(
        text=" x\n", finish_reason=FinishReason.STOP, prompt_tokens=7, completion_tokens=3, cached_tokens=5,
        retries=2, seconds=1.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("stop", FinishReason.STOP), ("eos", FinishReason.STOP), ("length", FinishReason.LENGTH),
        ("content_filter", FinishReason.FILTERED), ("tool_calls", FinishReason.OTHER), (None, FinishReason.OTHER),
        (3, FinishReason.OTHER), ([], FinishReason.OTHER),
    ],
)  # fmt: skip
def test_finish_reasons_of_servers(finish: object, expected: FinishReason) -> None:
    assert read(reply_with({"content": "x"}, finish)).finish_reason is expected


@pytest.mark.parametrize(
    ("message", "finish", "expected"),
    [
        ({"content": None}, "content_filter", FinishReason.FILTERED),
        ({"content": None}, "length", FinishReason.LENGTH),
        ({"refusal": "no"}, "stop", FinishReason.FILTERED),
    ],
)
def test_a_reply_may_rightly_have_no_text(message: dict[str, Any], finish: str, expected: FinishReason) -> None:
    reply = read(reply_with(message, finish))
    assert (reply.text, reply.finish_reason) == ("", expected)


def test_a_count_beyond_what_the_log_can_hold_is_none() -> None:
    """JSON of a server may hold any number; 2^63 and more would end the run when it is logged."""
    body = b'{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": %s}}'
    for number in (b"9223372036854775808", b"18446744073709551616", b"99999999999999999999999", b"1e999"):
        try:
            assert chat_api.read_reply(parse_json(body % number), retries=0, seconds=0.0).prompt_tokens == 0
        except Malformed:
            assert number == b"1e999", "which is no number of JSON to everybody"
    assert chat_api.read_reply(orjson.loads(body % b"7"), retries=0, seconds=0.0).prompt_tokens == 7


def test_a_text_longer_than_its_bound_is_no_reply() -> None:
    body = orjson.dumps(reply_with({"content": "é" * 100}))
    assert chat_api.read_reply(orjson.loads(body), retries=0, seconds=0.0, longest=200).text == "é" * 100
    with pytest.raises(Malformed, match="longer than what was asked for"):
        chat_api.read_reply(orjson.loads(body), retries=0, seconds=0.0, longest=199)
    assert chat_api.bound_body(100) > 2 * chat_api.bound_text(100) > 2 * 100 * 30


@pytest.mark.parametrize("count", [None, "7", -1, True, 1.5, {}, 1 << 40, 2**64 - 1, 1e308])
def test_counts_that_are_no_numbers_are_0(count: object) -> None:
    reply = read(reply_with({"content": "x"}, usage={"prompt_tokens": count, "prompt_tokens_details": count}))
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) == (0, 0, 0)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([], "no message"), ({}, "no message"), ({"choices": []}, "no message"), ({"choices": [3]}, "no message"),
        ({"choices": [{"message": "x"}]}, "no message"), (reply_with({}), "no text"),
        (reply_with({"content": None}), "no text"), (reply_with({"content": ["x"]}), "no text"),
        (reply_with({"content": None, "tool_calls": [{}]}), "calls a tool"),
    ],
)  # fmt: skip
def test_what_is_no_reply_is_said(value: object, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence) as caught:
        read(value)
    assert caught.value.complaint is None


def test_a_complaint_with_status_200_is_heard() -> None:
    with pytest.raises(Malformed) as caught:
        read({"error": {"message": "overloaded", "code": 503}})
    assert caught.value.complaint == Complaint(200, "overloaded", ("503",))


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'"\\ud800"', b'"\xff"'])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(Malformed, match="not JSON"):
        parse_json(body)


# complaints


@pytest.mark.parametrize(
    ("body", "sentence", "codes"),
    [
        (b'{"error": {"message": "Satz", "type": "t", "param": "p", "code": 4}}', "Satz", ("4", "t", "p")),
        (b'{"error": {"message": "Satz", "code": null}}', "Satz", ()),
        (b'{"error": "Satz"}', "Satz", ()),
        (b'{"object": "error", "message": "Satz", "code": 400}', "Satz", ("400",)),
        (b'{"detail": "Satz"}', "Satz", ()),
        (b'{"detail": [{"msg": "Satz"}]}', '[{"msg":"Satz"}]', ()),
        (b'"Satz"', "Satz", ()),
        (b"[1]", "[1]", ()),
        (b"{}", "{}", ()),
        (b"\xff Satz", "\N{REPLACEMENT CHARACTER} Satz", ()),
        (b"x" * 5_000, "x" * 1_600, ()),
    ],
)
def test_complaints_in_any_form(body: bytes, sentence: str, codes: tuple[str, ...]) -> None:
    assert read_complaint(418, body) == Complaint(418, sentence, codes)


@pytest.mark.parametrize(
    ("complaint", "meaning"),
    [
        (Complaint(400, "maximum context length is 4096 tokens"), "context_exceeded"),
        (Complaint(400, "longer than the maximum model length of 4096"), "context_exceeded"),
        (Complaint(413, "", ("exceed_context_size_error",)), "context_exceeded"),
        (Complaint(200, "the context window"), "context_exceeded"),
        (Complaint(400, "response_format is not supported"), "schema_refused"),
        (Complaint(422, "", ("response_format",)), "schema_refused"),
        (Complaint(400, "guided decoding"), "schema_refused"),
        (Complaint(501, "anything"), "schema_refused"),
        (Complaint(400, "Use 'max_completion_tokens' instead"), "wants_completion_tokens"),
        (Complaint(404, "The model `m` does not exist."), "unknown_model"),
        (Complaint(404, "no such model"), "unknown_model"),
        (Complaint(404, "", ("model_not_found",)), "unknown_model"),
        (Complaint(429, "", ("insufficient_quota",)), "quota_used_up"),
        (Complaint(404, "Not Found"), ""),
        (Complaint(429, "slow down"), ""),
        (Complaint(401, "the context length"), ""),
        (Complaint(500, "response_format"), ""),
        (Complaint(400, "The model `m` does not exist."), ""),
    ],
)
def test_what_a_complaint_means(complaint: Complaint, meaning: str) -> None:
    known = ("context_exceeded", "schema_refused", "wants_completion_tokens", "unknown_model", "quota_used_up")
    assert [name for name in known if getattr(complaint, name)] == ([meaning] if meaning else [])


# models


@pytest.mark.parametrize(
    ("entry", "model"),
    [
        ({"id": "m"}, ServedModel()),
        ({"id": "m:latest", "max_model_len": 9}, ServedModel(9)),
        ({"id": "x", "aliases": ["m"], "context_length": 8}, ServedModel(8)),
        ({"id": "m", "meta": {"n_ctx_train": 7, "n_ctx": 6, "n_params": 5, "size": "?"}}, ServedModel(6, "n_params 5")),
        ({"id": "m", "max_model_len": "9", "meta": "?"}, ServedModel()),
        (
            {"id": "m", "root": "/srv/q\n3", "owned_by": "vllm", "revision": "", "created": 7},
            ServedModel(0, "root /srv/q 3, owned_by vllm"),
        ),
        ({"id": "m", "root": "m"}, ServedModel()),
    ],
)
def test_what_a_list_says_about_a_model(entry: dict[str, Any], model: ServedModel) -> None:
    for data in ([entry], [{"id": "other"}, entry, "no entry"]):
        assert read_models(orjson.dumps({"data": data}), "m") == model


def test_a_list_without_the_model_names_the_others() -> None:
    assert read_models(orjson.dumps({"data": [{"id": "a"}, {"id": 7}, {"id": "b", "aliases": "m"}]}), "m") == ["a", "b"]
    assert read_models(b'{"data": []}', "m") == ServedModel()
    for body in (b"[]", b'{"data": {}}', b"3"):
        with pytest.raises(Malformed):
            read_models(body, "m")


# small things


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0.0), ("", 0.0), ("3", 3.0), ("0.25", 0.25), ("86400", 60.0), ("inf", 60.0), ("-1", 0.0), ("nan", 0.0),
        ("soon", 0.0), ("Thu, 01 Jan 1970 00:16:45 GMT", 5.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)  # fmt: skip
def test_what_a_server_asks_to_wait(value: str | None, seconds: float) -> None:
    assert read_retry_after(value, now=1000.0, longest=60.0) == seconds


def test_foreign_text_is_one_short_line() -> None:
    assert shorten("  a\r\n\tb\x1b[31m\u202ec  ") == "a b [31m c"
    assert shorten("x" * 200) == "x" * 200
    assert shorten("x" * 201) == "x" * 199 + "…"
    assert shorten(" " * 9_000 + "x") == "", "no more than eight times as much is looked at"
