"""Streamed replies: whatever pieces they come in, they are the reply that one body would be, and bounded as it is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay_server import events_of

from midb.agent.engines.protocol import FinishReason, TextReply
from midb.agent.engines.server.chat_api import Malformed, read_reply
from midb.agent.engines.server.chat_stream import ReplyStream, is_event_stream, looks_like_events

ASKED = {"stream": True, "stream_options": {"include_usage": True}}


def event(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def delta(finish: object = None, **fields: object) -> bytes:
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]})


DONE = b"data: [DONE]\n\n"


def read(*pieces: bytes, stop: tuple[str, ...] = (), longest: int | None = None) -> TextReply:
    stream = ReplyStream(stop=stop, longest=longest)
    for piece in pieces:
        stream.feed(piece)
    return read_reply(stream.finish(), retries=0, seconds=0.0, stop=stop, longest=longest)


@given(
    text=st.text(max_size=60),
    size=st.integers(1, 9),
    cuts=st.integers(1, 50),
    finish=st.sampled_from(["stop", "length", "content_filter", "abort"]),
    ends=st.sampled_from([b"\n", b"\r\n"]),
)
def test_a_stream_is_the_reply_that_one_body_is(text: str, size: int, cuts: int, finish: str, ends: bytes) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}
    message: dict[str, Any] = {"role": "assistant", "content": text}
    completion = {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}
    wire = b"".join(events_of(completion, ASKED, size=size)).replace(b"\n", ends)
    pieces = [wire[start : start + cuts] for start in range(0, len(wire), cuts)]
    for stop in ((), ("ab", "\n"), (text[2:7],)):
        assert read(*pieces, stop=stop).text == read_reply(completion, retries=0, seconds=0.0, stop=stop).text
    assert read(*pieces) == read_reply(completion, retries=0, seconds=0.0)


def test_what_ended_it_is_told_as_in_one_body() -> None:
    by_string = event({"choices": [{"delta": {}, "finish_reason": "stop", "stop_reason": "</x>"}]})
    by_itself = event({"choices": [{"delta": {}, "finish_reason": "stop", "stop_reason": None, "matched_stop": 2}]})
    assert read(delta(content="a"), by_string, DONE, stop=("</x>",)).finish_reason is FinishReason.STOP_STRING
    assert read(delta(content="a"), by_itself, DONE, stop=("</x>",)).finish_reason is FinishReason.STOP


def test_after_a_stop_string_nothing_is_waited_for() -> None:
    """A server that knows none goes on; half of the string in one piece and half in the next are one."""
    stream = ReplyStream(stop=("<|end|>",))
    for text in ("a ", "<|e", "nd"):
        stream.feed(delta(content=text))
        assert not stream.enough
    stream.feed(delta(content="|> and") + delta(content=" on"))
    assert stream.enough
    reply = read_reply(stream.finish(), retries=0, seconds=0.0, stop=("<|end|>",))
    assert (reply.text, reply.finish_reason) == ("a ", FinishReason.STOP_STRING)
    assert (reply.prompt_tokens, reply.completion_tokens) == (0, 4)


def test_thoughts_are_progress_and_no_part_of_the_reply() -> None:
    stream = ReplyStream()
    stream.feed(delta(role="assistant", content=None) + delta(reasoning_content="hm") + delta(reasoning="so"))
    assert (stream.said, stream.tokens) == (2, 2)
    stream.feed(delta(content="Ja") + delta("stop") + DONE)
    assert read_reply(stream.finish(), retries=0, seconds=0.0).text == "Ja"


@pytest.mark.parametrize(
    "nothing",
    [
        b": ping\n\n", b"\n\n\n", b"event: message\n\n", b"retry: 3\n", delta(), delta(content=""), delta(content=None),
        event({"choices": []}), event({}), event({"prompt_progress": {"processed": 0}}),
        event({"prompt_progress": {"processed": "7"}}), event({"prompt_progress": 7}),
        event({"choices": [{"index": 1, "delta": {"content": "another"}}]}), event({"choices": [7]}),
    ],
)  # fmt: skip
def test_what_says_nothing_is_no_progress(nothing: bytes) -> None:
    stream = ReplyStream()
    for _ in range(50):
        stream.feed(nothing)
    assert (stream.said, stream.tokens) == (0, 0)


def test_reading_the_prompt_is_progress_and_no_token() -> None:
    stream = ReplyStream()
    for processed in (0, 256, 256, 512):
        stream.feed(event({"choices": [{"delta": {}}], "prompt_progress": {"processed": processed}}))
    assert (stream.said, stream.tokens) == (2, 0)


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([], "the stream has no message"),
        ([b"<html>Bad gateway</html>"], "the stream has no message"),
        ([DONE], "the stream has no message"),
        ([event({"choices": [], "usage": {}}), DONE], "the stream has no message"),
        ([delta(content="half")], "the stream ended before the reply did"),
        ([b"data: {]\n\n"], "not JSON"),
        ([b'data: {"choices":[{"delta":{"content":"\\ud800"}}]}\n\n'], "not JSON"),
        ([b"data: [1]\n\n"], "an event of the stream is no JSON object"),
        ([delta(content=[{"type": "text"}])], "the reply has no text"),
        ([delta(tool_calls=[{"id": "1"}]), delta("tool_calls"), DONE], "the reply calls a tool"),
        ([delta(content="a"), event({"error": {"message": "overloaded"}})], "breaks off with an error"),
        ([b'error: {"message": "the request exceeds the available context size"}\n\n'], "breaks off with an error"),
        ([delta(content="ab " * 200)], "longer than what was asked for"),
        ([delta(reasoning_content="ab " * 300)], "longer than what was asked for"),
    ],
)
def test_what_is_no_reply_is_refused(pieces: list[bytes], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read(*pieces, longest=400)


def test_an_error_within_a_stream_is_a_complaint() -> None:
    with pytest.raises(Malformed) as caught:
        read(b'error: {"message": "the request exceeds the available context size"}\n\n')
    assert caught.value.complaint
    assert caught.value.complaint.context_exceeded


def test_a_text_is_bounded_while_it_comes() -> None:
    stream = ReplyStream(longest=100)
    stream.feed(delta(content="x" * 100))
    with pytest.raises(Malformed, match="longer"):
        stream.feed(delta(content="x"))


def test_no_text_at_all_is_an_empty_reply_or_one_that_was_withheld() -> None:
    assert read(delta(role="assistant", content=None), delta("stop"), DONE).text == ""
    refused = read(delta(refusal="I can"), delta(refusal="not"), delta("stop"), DONE)
    assert (refused.text, refused.finish_reason) == ("", FinishReason.FILTERED)


def test_a_stream_may_end_without_its_last_word_and_without_counts() -> None:
    reply = read(delta(content="gut"), delta("stop").rstrip(b"\n"))
    assert (reply.text, reply.finish_reason, reply.completion_tokens) == ("gut", FinishReason.STOP, 0)
    assert read(delta(content="gut"), DONE, delta(content=" mehr")).text == "gut"


def test_an_event_may_have_several_lines() -> None:
    assert read(b'data: {"choices":\ndata: [{"delta": {"content": "gut"}}]}\n\n', DONE).text == "gut"


def test_streams_are_told_apart() -> None:
    assert is_event_stream("Text/Event-Stream ; charset=utf-8")
    assert not is_event_stream("")
    assert looks_like_events(b"\n data: {}")
    assert not looks_like_events(b'{"data: "}')
