"""A text engine as the passes see it: messages in, text and counts out. Knows nothing of pairs, prompts or the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import orjson

from midb.domain.errors import MidbError
from midb.domain.generations import Counts


class FinishReason(StrEnum):
    """Why a reply ended. Only with ``STOP`` or ``STOP_STRING`` it is complete."""

    STOP = "stop"
    STOP_STRING = "stop-string"  # a stop string of the request ended it, or may have: most servers do not tell
    LENGTH = "length"  # it reached the bound on new tokens
    LOOPED = "looped"  # it would only have repeated itself, and was stopped
    FILTERED = "filtered"  # a server withheld it
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat; ``role`` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are chosen. At temperature 0 the seed has no effect."""

    temperature: float = 0.0
    seed: int = 0

    def as_json(self) -> str:
        """Canonical JSON, which is part of the key under which a generation is found again."""
        return orjson.dumps({"seed": self.seed, "temperature": self.temperature}, option=orjson.OPT_SORT_KEYS).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRequest:
    """What is asked of an engine.

    :param reference: a text that most of the reply is expected to copy, such as the reply that changes nothing. Engines
        that can draft from it do so, and the bound on new tokens is derived from its length.
    :param growth: most tokens of the reply, as a multiple of the reference's; some hundred are added, and ``room``, for
        what is no copy of anything. Without a reference ``room`` is all that the reply gets, where it is not 0.
    :param stop: strings that end the reply and are not part of it.
    :param schema: JSON Schema of the reply. An engine that cannot enforce it ignores it; replies are checked anyway.
    :param adapter: name of the adapter that is to answer, one of those that the engine was made with; "": the model
        as it is.
    """

    messages: tuple[Message, ...]
    reference: str = ""
    growth: float = 2.0
    room: int = 0
    sampling: Sampling = Sampling()
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    adapter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReply(Counts):
    """What an engine answered.

    :param text: as it was generated, without special tokens; nothing is trimmed.
    :param seconds: from the request to the reply, retries included.
    """

    text: str
    finish_reason: FinishReason
    seconds: float = 0.0


def cut_at_stop(text: str, stop: Sequence[str]) -> str | None:
    """A reply up to its first stop string; None if it has none.

    >>> cut_at_stop("a</x>b", ["</x>"])
    'a'
    """
    ends = [place for string in stop if string and (place := text.find(string)) >= 0]
    return text[: min(ends)] if ends else None


class CallFailed(MidbError):
    """This request got no reply, after as many retries as make sense; other requests may well get theirs.

    ``code`` is a short machine word: timeout, connection, http-500, context-exceeded, bad-reply, ... ``nobody_served``
    says that no other request got a reply since the last try but one: the engine may have broken down.
    """

    def __init__(
        self, code: str, message: str, *, hint: str = "", retries: int = 0, nobody_served: bool = False
    ) -> None:
        super().__init__(message, hint=hint, retryable=True)
        self.code = code
        self.retries = retries
        self.nobody_served = nobody_served


class EngineDown(MidbError):
    """No request can be served: wrong key, unknown model, nobody at the address. The run stops and can be resumed."""


class EngineStopped(EngineDown):
    """A run that stops dropped this request: its record is left as if it had not been begun, and resumed later."""

    def __init__(self) -> None:
        super().__init__("the run stops, and no call is tried again.", retryable=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What an engine is doing: requests that it is serving, and tokens of their replies so far.

    :param tokens: new ones, as far as the engine tells before a reply is whole.
    """

    calls: int = 0
    tokens: int = 0


class TextEngine(Protocol):
    """Generates text. Requests are served at the same time: callers await as many as ``places`` at once."""

    #: What people call it, for the first screen.
    described: str

    #: Requests that are ever worth having in flight at once.
    concurrency: int

    @property
    def places(self) -> int:
        """Requests that are worth having in flight now: an engine that learns it from a server starts with fewer."""
        ...

    def activity(self) -> Activity:
        """What it is doing now."""
        ...

    def fingerprint(self, adapter: str = "") -> str:
        """All that replies depend on, as one line: if it is the same, a logged reply may be used again.

        :param adapter: name of the adapter that answers; "": the model as it is.
        """
        ...

    async def start(self) -> None:
        """Get ready; called once, within the event loop. Raises EngineDown if it cannot serve."""
        ...

    async def generate(self, request: TextRequest) -> TextReply:
        """Serve one request; raises CallFailed or EngineDown. Cancelling the awaiting task cancels the request."""
        ...

    def stop_retrying(self) -> None:
        """The run stops: what waits for another try fails at once, and from now on nothing is tried twice."""
        ...

    async def close(self) -> None:
        """Let go of connections, threads and memory."""
        ...
