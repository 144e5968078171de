"""The chat completions API as plain data: request bodies, replies, lists of models, complaints. Sends nothing."""

from __future__ import annotations

import email.utils
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from midb.agent.engines.protocol import FinishReason, TextReply, TextRequest, cut_at_stop

#: Characters of what a server says that are shown to people.
SHOWN = 200

#: New tokens that are allowed on top of what the reference allows. A verdict or a list of reasons has no reference.
_SPARE_TOKENS = 512

#: The bound on new tokens is not lowered below this for a prompt that seems long, for the estimate may be too high.
_LEAST_BOUND = 256

#: Tokens that a chat template puts around a message, rather too many than too few.
_TEMPLATE_TOKENS = 16

#: Bytes of a token, in a text that is not ASCII: hardly any token of a byte-level tokenizer has fewer.
_BYTES_PER_TOKEN = 2

#: Bytes of a token, in a text that is ASCII, rather too few than too many.
_ASCII_BYTES_PER_TOKEN = 3

#: Most characters of a schema's name: as many as OpenAI allows.
_LONGEST_NAME = 64

#: More tokens than any reply or prompt has; who counts more, counts nothing. Sums of such counts fit into the log.
_MOST_TOKENS = 1 << 31

#: Bytes of a token at most, on average over a reply: a longer text is more than the server was allowed to make.
_LARGEST_TOKEN = 32

#: Bytes of a reply that are always allowed for the text, and for everything around it.
_SPARE_BYTES = 4 << 10
_SPARE_BODY = 256 << 10

#: Bytes of what stands around one token of a stream: seldom more than 400, with the times that some servers tell 800.
_LARGEST_EVENT = 2 << 10

#: Finish reasons by the words of servers.
_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "content_filter": FinishReason.FILTERED,
}

#: That a text is too long, in the words and codes of vLLM, SGLang, llama.cpp and OpenAI.
_CONTEXT = re.compile(r"context[ _](length|size|window)|longer than the maximum model length", re.IGNORECASE)

#: That a schema is refused, in the words and codes of the same.
_SCHEMA = re.compile(r"response_format|json.?schema|guided|grammar|structured.outputs?", re.IGNORECASE)

#: That a stream is refused, or to be told its usage.
_STREAM = re.compile(r"stream_options|include_usage|\bstream(ing|ed)?\b|return_progress", re.IGNORECASE)

#: That a model is unknown, in the words and codes of the same.
_UNKNOWN_MODEL = re.compile(r"model.*(not[ _]found|not exist|unknown|no such)|(unknown|no such) model", re.I | re.S)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a server said instead of a reply: its sentence on one line, and its codes."""

    status: int
    sentence: str
    codes: tuple[str, ...] = ()

    @property
    def _all(self) -> str:
        return " ".join((self.sentence, *self.codes))

    @property
    def context_exceeded(self) -> bool:
        """The prompt alone, or the prompt with the reply that it might get, is longer than the model takes."""
        return self.status in (200, 400, 413, 422, 500) and _CONTEXT.search(self._all) is not None

    @property
    def schema_refused(self) -> bool:
        """The server does not know ``response_format``, or does not take this schema."""
        return self.status == 501 or (self.status in (400, 422) and _SCHEMA.search(self._all) is not None)

    @property
    def stream_refused(self) -> bool:
        """The server does not stream, or does not know a field that asks for more than text."""
        return self.status in (400, 422, 501) and _STREAM.search(self._all) is not None

    @property
    def wants_completion_tokens(self) -> bool:
        """The bound on new tokens has another name, as with OpenAI's newer models, which refuse the old one."""
        return self.status in (400, 422) and "max_completion_tokens" in self._all

    @property
    def unknown_model(self) -> bool:
        """The server has no such model; an address that leads nowhere does not count."""
        return self.status == 404 and _UNKNOWN_MODEL.search(self._all) is not None

    @property
    def quota_used_up(self) -> bool:
        """There is no money left, so that waiting does not help."""
        return self.status == 429 and "insufficient_quota" in self._all


class Malformed(Exception):
    """A reply that is not what the API promises: what is wrong with it, and the complaint if the server sent one."""

    def __init__(self, sentence: str, complaint: Complaint | None = None) -> None:
        super().__init__(sentence)
        self.complaint = complaint


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What ``/models`` says about the model: the tokens that it takes (0 if unknown), where it comes from, and whether
    llama.cpp serves it, which tells more."""

    context: int = 0
    origin: str = ""
    by_llama_cpp: bool = False


def shorten(text: str, limit: int = SHOWN) -> str:
    """Bring a foreign text onto one line, without control characters, and cut it to ``limit``.

    >>> shorten("a\\n\\x1b[31mb", 80), shorten("abcdef", 4)
    ('a [31mb', 'abc…')
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 8 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def parse_json(body: bytes) -> Any:
    """Parse the JSON of a reply; raises Malformed, also for lone surrogates, which no text may hold."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed("the reply is not JSON") from error


def bound_new_tokens(request: TextRequest, context: int = 0) -> int:
    """Choose a generous bound on new tokens, for there is no tokenizer here.

    A byte-level tokenizer makes hardly more than one token of two bytes, or of one character where characters have one
    byte. The bound is lowered to what the context leaves beside the prompt, as far as that can be estimated.

    :param context: tokens that the model takes; 0 if unknown.
    """
    reference = request.reference
    most = max(len(reference.encode(errors="replace")) / _BYTES_PER_TOKEN, len(reference))
    spare = 0 if request.room and not reference else _SPARE_TOKENS
    bound = int(most * request.growth) + spare + request.room
    if context:
        left = context - sum(_estimate_tokens(message.content) for message in request.messages)
        bound = min(bound, max(left, min(_LEAST_BOUND, context // 4), 1))
    return bound


def _estimate_tokens(text: str) -> int:
    """Estimate the tokens of a message, rather too many than too few."""
    size = len(text.encode(errors="replace"))
    plain = sum(c < "\x80" for c in text)
    return plain // _ASCII_BYTES_PER_TOKEN + (size - plain) // _BYTES_PER_TOKEN + _TEMPLATE_TOKENS


def make_request_body(
    name: str,
    request: TextRequest,
    *,
    max_tokens: int,
    length_field: str = "max_tokens",
    with_schema: bool = True,
    stream: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """Make the body of a request.

    :param length_field: name of the bound on new tokens.
    :param stream: the fields by which a server is asked to stream, and what to tell meanwhile.
    :param extra: fields that replace those of the body or are added to them; None takes a field out.
    :raises TypeError: for text that is no Unicode (lone surrogates), and for extras that JSON cannot carry.
    """
    body: dict[str, Any] = {
        "model": name,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "temperature": request.sampling.temperature,
        "seed": request.sampling.seed,
        length_field: max_tokens,
    }
    if request.stop:
        body["stop"] = list(request.stop)
    if with_schema and request.schema is not None:
        schema = dict(request.schema)
        title = re.sub(r"[^A-Za-z0-9_-]+", "_", str(schema.get("title") or "reply"))[:_LONGEST_NAME]
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": title, "schema": schema, "strict": True},
        }
    body |= stream or {}
    body |= extra or {}
    return orjson.dumps({field: value for field, value in body.items() if value is not None})


def bound_text(max_tokens: int) -> int:
    """Count the bytes that a reply of so many tokens may have."""
    return _SPARE_BYTES + max_tokens * _LARGEST_TOKEN


def bound_body(max_tokens: int) -> int:
    """Count the bytes that a response may have: its text with each character escaped, thoughts, what goes around."""
    return _SPARE_BODY + 4 * bound_text(max_tokens)


def bound_stream(max_tokens: int) -> int:
    """Count the bytes that a streamed response may have: each token may come in an event of its own."""
    return bound_body(max_tokens) + max_tokens * _LARGEST_EVENT


def read_reply(
    value: Any, *, retries: int, seconds: float, longest: int | None = None, stop: Sequence[str] = ()
) -> TextReply:
    """Read the reply from the JSON of a response of status 200; raises Malformed if there is none.

    A reply may have no text if it was withheld, or if it ended while a reasoning model was still thinking.

    :param longest: most bytes of its text.
    :param stop: the stop strings that were asked for; a server that knows none has gone on behind them.
    """
    choices = value.get("choices") if isinstance(value, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        complains = isinstance(value, dict) and value.get("error")  # some do so with status 200
        raise Malformed("the reply has no message", find_complaint(200, value) if complains else None)
    ended = choice.get("finish_reason")
    finish = _FINISH_REASONS.get(ended, FinishReason.OTHER) if isinstance(ended, str) else FinishReason.OTHER
    text = message.get("content")
    if text is None and isinstance(message.get("refusal"), str):
        finish = FinishReason.FILTERED
    if text is None and finish in (FinishReason.FILTERED, FinishReason.LENGTH):
        text = ""
    if not isinstance(text, str):
        raise Malformed("the reply calls a tool" if message.get("tool_calls") else "the reply has no text")
    if longest is not None and len(text) > longest // 4 and len(text.encode(errors="replace")) > longest:
        raise Malformed("the reply is longer than what was asked for")
    if finish is FinishReason.STOP and stop and _may_be_by_string(choice):
        finish = FinishReason.STOP_STRING
    if (cut := cut_at_stop(text, stop)) is not None:
        text, finish = cut, FinishReason.STOP_STRING
    usage = value.get("usage")
    details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
    return TextReply(
        text=text,
        finish_reason=finish,
        prompt_tokens=_read_count(usage, "prompt_tokens"),
        completion_tokens=_read_count(usage, "completion_tokens"),
        cached_tokens=_read_count(details, "cached_tokens"),
        retries=retries,
        seconds=seconds,
    )


def _may_be_by_string(choice: dict[str, Any]) -> bool:
    """Whether a stop string may have ended a reply: vLLM and SGLang say what did, the others say nothing."""
    told = [choice[field] for field in ("stop_reason", "matched_stop") if field in choice]
    return not told or any(isinstance(value, str) for value in told)


def _read_count(holder: Any, field: str) -> int:
    value = holder.get(field) if isinstance(holder, dict) else None
    counts = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST_TOKENS
    return int(value) if counts and value is not None else 0


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read what a server says in place of a reply, in the form of OpenAI, of FastAPI or in any other."""
    try:
        value = parse_json(body)
    except Malformed:
        return Complaint(status, body[: 8 * SHOWN].decode(errors="replace"))
    return find_complaint(status, value)


def find_complaint(status: int, value: Any) -> Complaint:
    """Find what a server says in the JSON of its response."""
    error = value.get("error", value) if isinstance(value, dict) else value
    if not isinstance(error, dict):
        return Complaint(status, _as_sentence(error))
    sentence = next((error[field] for field in ("message", "detail", "error") if error.get(field)), error)
    codes = tuple(_as_sentence(error[field]) for field in ("code", "type", "param") if error.get(field) is not None)
    return Complaint(status, _as_sentence(sentence), codes)


def _as_sentence(value: Any) -> str:
    """A text as it is, all else as JSON, which can be read deeper than it can be written."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return ""


def read_models(body: bytes, name: str) -> ServedModel | list[str]:
    """Read what ``/models`` says about a model, or the names that it lists instead; raises Malformed.

    An empty list says nothing. Ollama lists a model as ``NAME:latest`` that is asked for as NAME; llama.cpp lists
    aliases.
    """
    value = parse_json(body)
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, list):
        raise Malformed("the reply lists no models")
    listed = [entry for entry in data if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    for entry in listed:
        aliases = entry.get("aliases")
        if name in (entry["id"], *(aliases if isinstance(aliases, list) else [])) or f"{name}:latest" == entry["id"]:
            return _read_served(entry, name)
    return [entry["id"] for entry in listed] if listed else ServedModel()


def _read_served(entry: dict[str, Any], name: str) -> ServedModel:
    meta = entry.get("meta")
    context = next(
        (
            tokens
            for holder, field in (
                (entry, "max_model_len"), (entry, "context_length"), (meta, "n_ctx"), (meta, "n_ctx_train"),
            )
            if (tokens := _read_count(holder, field))
        ),
        0,
    )  # fmt: skip
    # Only what stays the same from call to call and after a restart, so that a logged reply is found again.
    origin = [
        f"{field} {shorten(str(entry[field]))}"
        for field in ("root", "revision", "owned_by")
        if isinstance(entry.get(field), str) and entry[field] not in ("", name)
    ]
    origin += [f"{field} {_read_count(meta, field)}" for field in ("n_params", "size") if _read_count(meta, field)]
    return ServedModel(context, ", ".join(origin), entry.get("owned_by") == "llamacpp")


def read_slots(body: bytes) -> int:
    """Read from llama.cpp's ``/props`` how many requests it serves at once; 0 if it does not say."""
    try:
        return _read_count(parse_json(body), "total_slots")
    except Malformed:
        return 0


def read_retry_after(value: str | None, now: float, longest: float) -> float:
    """Read the seconds that a Retry-After header asks for, from a number or an HTTP date; 0 if it asks for nothing.

    >>> read_retry_after("3", 0, 60), read_retry_after("Thu, 01 Jan 1970 00:00:07 GMT", 2, 60)
    (3.0, 5.0)

    :param now: seconds since 1970.
    :param longest: most seconds to return.
    """
    if value is None:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return 0.0
    return min(max(seconds, 0.0), longest) if not math.isnan(seconds) else 0.0
