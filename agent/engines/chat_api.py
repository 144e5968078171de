"""The chat completions API as plain data: addresses, request bodies, replies, complaints. Sends nothing."""

from __future__ import annotations

import email.utils
import ipaddress
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from midb.agent.engines.protocol import FinishReason, TextReply, TextRequest
from midb.domain.errors import UsageError

SPEC_HINT = "openai:NAME@URL, such as openai:qwen3-8b@http://localhost:8000/v1"

#: What a server says is cut to this many characters.
SHOWN = 200

#: Tokens on top of what the reference allows: a verdict or a list of reasons has no reference to be measured by.
_SPARE = 512

#: A bound on new tokens is not lowered further than this for a prompt that may be long: the estimate may be too high.
_LEAST = 256

_FINISH = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "content_filter": FinishReason.FILTERED,
}

# vLLM, SGLang, llama.cpp and OpenAI, in their words and codes.
_CONTEXT = re.compile(r"context[ _](length|size|window)|longer than the maximum model length", re.IGNORECASE)
_SCHEMA = re.compile(r"response_format|json.?schema|guided|grammar|structured.outputs?", re.IGNORECASE)
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
        """The prompt, or the prompt and the reply it might get, are longer than the model takes."""
        return self.status in (200, 400, 413, 422, 500) and _CONTEXT.search(self._all) is not None

    @property
    def schema_refused(self) -> bool:
        """The server knows no ``response_format``, or not with this schema."""
        return self.status == 501 or (self.status in (400, 422) and _SCHEMA.search(self._all) is not None)

    @property
    def wants_completion_tokens(self) -> bool:
        """OpenAI's newer models call the bound on new tokens by another name, and refuse the old one."""
        return self.status in (400, 422) and "max_completion_tokens" in self._all

    @property
    def unknown_model(self) -> bool:
        """The model that was asked for is not there; not that the address leads nowhere."""
        return self.status == 404 and _UNKNOWN_MODEL.search(self._all) is not None

    @property
    def quota_used_up(self) -> bool:
        """Waiting does not help."""
        return self.status == 429 and "insufficient_quota" in self._all


class Malformed(Exception):
    """A reply that is not what the API promises: what is wrong with it, and what the server says if it complains."""

    def __init__(self, sentence: str, complaint: Complaint | None = None) -> None:
        super().__init__(sentence)
        self.complaint = complaint


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What ``/models`` tells of the model: the tokens it takes (0 where unknown), and where it comes from."""

    context: int = 0
    origin: str = ""


def parse_spec(model: str) -> tuple[str, str]:
    """Name and address of ``openai:NAME@URL``; the name may contain an ``@``.

    >>> parse_spec("openai:qwen3-8b@http://localhost:8000")
    ('qwen3-8b', 'http://localhost:8000/v1')

    :raises UsageError: for anything else; the message does not repeat what may be a password.
    """
    if not model.startswith("openai:"):
        raise UsageError("a model on a server is named by openai:NAME@URL.", hint=SPEC_HINT)
    found = re.fullmatch(r"(?P<name>.+)@(?P<url>https?:.*)", model.removeprefix("openai:"), re.IGNORECASE | re.DOTALL)
    if found is None:
        raise UsageError("the model is to be followed by @ and an http or https address.", hint=SPEC_HINT)
    name = found["name"]
    if "://" in name:
        raise UsageError("the model has two addresses.", hint=SPEC_HINT)
    return check_name(name), normalise_url(found["url"])


def check_name(name: str) -> str:
    """A model's name; raises UsageError for an empty one and for characters that nobody sees."""
    if not name or name != name.strip() or not name.isprintable():
        raise UsageError("the model's name is empty, or has blanks or control characters around it.", hint=SPEC_HINT)
    return name


def normalise_url(url: str) -> str:
    """The address that ``/chat/completions`` is put behind: ``/v1`` is added where it names a host only.

    >>> normalise_url("https://example.org/models/v1/"), normalise_url("http://[::1]:8000/")
    ('https://example.org/models/v1', 'http://[::1]:8000/v1')

    :raises UsageError: for a user name or key within it, for anything but http and https, and for what is no address.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.userinfo:
        raise UsageError(
            "a key or password must not stand in the address, which is logged.",
            hint="Put it into an environment variable; OPENAI_API_KEY is read unless another one is named.",
        )
    if parsed.query or parsed.fragment:
        raise UsageError("the address must end with its path: nothing after ? or # is used.", hint=SPEC_HINT)
    if parsed.scheme not in ("http", "https") or not parsed.host or re.search(r"[\s%]", parsed.host):
        raise UsageError("the server's address is no http or https address with a host.", hint=SPEC_HINT)
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise UsageError(f"there is no port {parsed.port}.", hint=SPEC_HINT)
    path = parsed.path.rstrip("/") or "/v1"
    return str(parsed.copy_with(path=path))


def is_loopback(url: str) -> bool:
    """The address is this machine's own.

    >>> is_loopback("http://localhost:8000/v1"), is_loopback("http://127.0.0.2/v1"), is_loopback("http://gpu-7/v1")
    (True, True, False)
    """
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def shorten(text: str, limit: int = SHOWN) -> str:
    """A foreign text on one line, without control characters, cut to ``limit``.

    >>> shorten("a\\n\\x1b[31mb", 80), shorten("abcdef", 4)
    ('a [31mb', 'abc…')
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 8 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def parse_json(body: bytes) -> Any:
    """The JSON of a reply; raises Malformed. Lone surrogates, which no text may have, are no JSON here."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed("the reply is not JSON") from error


def max_new_tokens(request: TextRequest, context: int = 0) -> int:
    """A generous bound on new tokens, for want of a tokenizer.

    A byte-level tokenizer makes hardly more than one token of two bytes, and one of a character where bytes are few.
    It is lowered to what the context leaves beside the prompt, as far as that can be estimated.
    """
    reference = request.reference
    bound = int(max(len(reference.encode(errors="replace")) / 2, len(reference)) * request.growth) + _SPARE
    if context:
        left = context - sum(_prompt_tokens(message.content) for message in request.messages)
        bound = min(bound, max(left, min(_LEAST, context // 4), 1))
    return bound


def _prompt_tokens(text: str) -> int:
    """Rather too many: three bytes of ASCII, or two of anything else, make a token; and some for the template."""
    size = len(text.encode(errors="replace"))
    plain = sum(c < "\x80" for c in text)
    return plain // 3 + (size - plain) // 2 + 16


def request_body(
    name: str,
    request: TextRequest,
    *,
    max_tokens: int,
    length_field: str = "max_tokens",
    with_schema: bool = True,
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """The body of a request; ``extra`` is laid over it, and None there takes a field out.

    :raises TypeError: for text that is no Unicode (lone surrogates), or extras that JSON cannot carry.
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
        title = re.sub(r"[^A-Za-z0-9_-]+", "_", str(schema.get("title") or "reply"))[:64]
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": title, "schema": schema, "strict": True},
        }
    body |= extra or {}
    return orjson.dumps({field: value for field, value in body.items() if value is not None})


def read_reply(body: bytes, *, retries: int, seconds: float) -> TextReply:
    """The reply in a response of status 200; raises Malformed where there is none.

    Text is missing rightly where the reply was withheld, or ended before a reasoning model came to it.
    """
    value = parse_json(body)
    choices = value.get("choices") if isinstance(value, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        complains = isinstance(value, dict) and value.get("error")  # some do so with status 200
        raise Malformed("the reply has no message", read_complaint(200, body) if complains else None)
    ended = choice.get("finish_reason")
    finish = _FINISH.get(ended, FinishReason.OTHER) if isinstance(ended, str) else FinishReason.OTHER
    text = message.get("content")
    if text is None and isinstance(message.get("refusal"), str):
        finish = FinishReason.FILTERED
    if text is None and finish in (FinishReason.FILTERED, FinishReason.LENGTH):
        text = ""
    if not isinstance(text, str):
        raise Malformed("the reply calls a tool" if message.get("tool_calls") else "the reply has no text")
    usage = value.get("usage")
    details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
    return TextReply(
        text=text,
        finish_reason=finish,
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        cached_tokens=_count(details, "cached_tokens"),
        retries=retries,
        seconds=seconds,
    )


def _count(holder: Any, field: str) -> int:
    value = holder.get(field) if isinstance(holder, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def read_complaint(status: int, body: bytes) -> Complaint:
    """What is said in the body of a response that is no reply: OpenAI's, FastAPI's or any other shape."""
    try:
        value = parse_json(body)
    except Malformed:
        return Complaint(status, body[: 8 * SHOWN].decode(errors="replace"))
    error = value.get("error", value) if isinstance(value, dict) else value
    if not isinstance(error, dict):
        return Complaint(status, error if isinstance(error, str) else orjson.dumps(error).decode())
    sentence = next((error[field] for field in ("message", "detail", "error") if error.get(field)), error)
    codes = tuple(str(error[field]) for field in ("code", "type", "param") if error.get(field) is not None)
    return Complaint(status, sentence if isinstance(sentence, str) else orjson.dumps(sentence).decode(), codes)


def read_models(body: bytes, name: str) -> ServedModel | list[str]:
    """What ``/models`` tells of a model, or the names that it lists instead; raises Malformed.

    An empty list tells nothing. Ollama lists ``NAME:latest`` for what is asked for as NAME; llama.cpp lists aliases.
    """
    value = parse_json(body)
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, list):
        raise Malformed("the reply lists no models")
    listed = [entry for entry in data if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    for entry in listed:
        aliases = entry.get("aliases")
        if name in (entry["id"], *(aliases if isinstance(aliases, list) else [])) or f"{name}:latest" == entry["id"]:
            return _served(entry, name)
    return [entry["id"] for entry in listed] if listed else ServedModel()


def _served(entry: dict[str, Any], name: str) -> ServedModel:
    meta = entry.get("meta")
    context = next(
        (
            tokens
            for holder, field in (
                (entry, "max_model_len"), (entry, "context_length"), (meta, "n_ctx"), (meta, "n_ctx_train"),
            )
            if (tokens := _count(holder, field))
        ),
        0,
    )  # fmt: skip
    # Not what changes with every call or restart, such as when it was made: a logged reply is to be found again.
    origin = [
        f"{field} {shorten(str(entry[field]))}"
        for field in ("root", "revision", "owned_by")
        if isinstance(entry.get(field), str) and entry[field] not in ("", name)
    ]
    origin += [f"{field} {_count(meta, field)}" for field in ("n_params", "size") if _count(meta, field)]
    return ServedModel(context, ", ".join(origin))


def retry_after(value: str | None, now: float, longest: float) -> float:
    """Seconds that a Retry-After header asks for, from a number or an HTTP date; 0 where it asks for nothing.

    >>> retry_after("3", 0, 60), retry_after("Thu, 01 Jan 1970 00:00:07 GMT", 2, 60), retry_after("?", 0, 60)
    (3.0, 5.0, 0.0)

    :param now: seconds since 1970.
    :param longest: no more than these are returned.
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
