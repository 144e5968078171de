"""A streamed reply as plain data: events in as they come, and the same value out that a server sends in one body.

Whatever is held against a reply in one body is thereby held against a streamed one. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from midb.agent.engines.protocol import cut_at_stop
from midb.agent.engines.server.chat_api import Malformed, find_complaint, parse_json

#: Where a reasoning model's thoughts stand, in the words of servers. They are no part of the reply.
_THOUGHTS = ("reasoning_content", "reasoning")

#: What a choice may say beside its text, and is kept as it came last.
_KEPT = ("finish_reason", "stop_reason", "matched_stop")


def is_event_stream(content_type: str) -> bool:
    """Whether a response is a stream of events.

    >>> is_event_stream("text/event-stream; charset=utf-8"), is_event_stream("application/json")
    (True, False)
    """
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"


def looks_like_events(body: bytes) -> bool:
    """Whether a body that was not said to be a stream is one all the same."""
    return body.lstrip()[:5] == b"data:"


class ReplyStream:
    """Puts a reply together.

    :param longest: most bytes of its text; of one that grows longer no more is read.
    :param stop: strings that end it, for a server that knows none goes on behind them.
    :ivar tokens: pieces of text and of thoughts so far: for nearly all servers one is a token.
    :ivar said: how often it has come further, which comments and empty events do not bring about.
    """

    def __init__(self, *, longest: int | None = None, stop: Sequence[str] = ()) -> None:
        self.tokens = 0
        self.said = 0
        self._longest = longest
        self._stop = stop
        self._reach = max(map(len, stop), default=0)
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._text_bytes = self._bytes = 0
        self._tail = ""
        self._began = self._ended = self._calls_tool = self._stopped = False
        self._processed = 0
        self._choice: dict[str, Any] = {}
        self._usage: Any = None

    @property
    def enough(self) -> bool:
        """Whether a stop string has come, after which nothing belongs to the reply."""
        return self._stopped

    def feed(self, piece: bytes) -> None:
        """Take in what came; raises Malformed for what no reply can be."""
        self._rest += piece
        if b"\n" not in piece:
            return
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        for line in lines:
            self._take_line(line.removesuffix(b"\r"))

    def finish(self) -> dict[str, Any]:
        """The reply as one value, with choices and usage; raises Malformed where it did not come to its end."""
        self._take_line(bytes(self._rest).removesuffix(b"\r"))
        self._rest.clear()
        self._take_line(b"")
        if not self._began:
            raise Malformed("the stream has no message")
        if not (self._ended or self._stopped or self._choice.get("finish_reason")):
            raise Malformed("the stream ended before the reply did")
        message: dict[str, Any] = {"content": "".join(self._texts) if self._texts else None}
        if self._calls_tool:
            message["tool_calls"] = True
        elif not self._texts and not self._refusals and self._choice.get("finish_reason"):
            message["content"] = ""  # a stream has no event for a text without characters
        if self._refusals:
            message["refusal"] = "".join(self._refusals)
        usage = self._usage
        if usage is None and self._stopped:
            usage = {"completion_tokens": self.tokens}  # nobody waited for the server's own count
        return {"choices": [self._choice | {"message": message}], "usage": usage}

    def _take_line(self, line: bytes) -> None:
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data.append(value.removeprefix(b" "))
            elif name == b"error":  # older versions of llama.cpp
                self._data.append(b'{"error":' + value + b"}")
        elif self._data:
            data, self._data = b"\n".join(self._data), []
            self._take_event(data)

    def _take_event(self, data: bytes) -> None:
        if self._ended or self._stopped:
            return
        if data.strip() == b"[DONE]":
            self._ended = True
            return
        value = parse_json(data)
        if not isinstance(value, dict):
            raise Malformed("an event of the stream is no JSON object")
        if value.get("error"):
            raise Malformed("the stream breaks off with an error", find_complaint(200, value))
        if isinstance(value.get("usage"), dict):
            self.said += self._usage is None
            self._usage = value["usage"]
        self._note_processed(value.get("prompt_progress"))
        choices = value.get("choices")
        if isinstance(choices, list) and choices:
            self._take_choice(choices[0])

    def _note_processed(self, progress: Any) -> None:
        """llama.cpp says how far it has read the prompt, which takes long on a slow machine."""
        processed = progress.get("processed") if isinstance(progress, dict) else None
        if isinstance(processed, int) and processed > self._processed:
            self._processed = processed
            self.said += 1

    def _take_choice(self, choice: Any) -> None:
        if not isinstance(choice, dict) or choice.get("index", 0) != 0:
            return
        self._began = True
        self.said += bool(choice.get("finish_reason")) and not self._choice.get("finish_reason")
        self._choice |= {field: choice[field] for field in _KEPT if choice.get(field) is not None}
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return
        self._calls_tool = self._calls_tool or bool(delta.get("tool_calls"))
        if isinstance(refusal := delta.get("refusal"), str) and refusal:
            self._refusals.append(refusal)
            self._count(refusal)
        for field in _THOUGHTS:
            if isinstance(thought := delta.get(field), str) and thought:
                self._count(thought)
                break
        content = delta.get("content")
        if isinstance(content, str):
            if content:
                self._count(content)
            self._take_text(content)
        elif content is not None:
            raise Malformed("the reply has no text")

    def _count(self, text: str) -> None:
        self.tokens += 1
        self.said += 1
        self._bytes += len(text.encode(errors="replace"))
        if self._longest is not None and self._bytes > 2 * self._longest:  # a text, and as many thoughts
            raise Malformed("the reply is longer than what was asked for")

    def _take_text(self, text: str) -> None:
        self._texts.append(text)
        self._text_bytes += len(text.encode(errors="replace"))
        if self._longest is not None and self._text_bytes > self._longest:
            raise Malformed("the reply is longer than what was asked for")
        if self._reach:
            self._tail += text
            if cut_at_stop(self._tail, self._stop) is not None:
                self._stopped = True
            self._tail = self._tail[-self._reach :]
