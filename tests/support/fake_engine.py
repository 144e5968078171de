"""A token engine that counts instead of computing, and a tokenizer of one token for each character."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from midb.agent.engines.protocol import Message
from midb.agent.engines.tokenizing.tokenizer import find_stop_string
from midb.agent.engines.tokens import EndFinder, RequestRefused, TokenRequest

#: A hang shows as a failure; nothing in these tests takes a tenth of these seconds.
BOUND = 60.0

#: The id that closes a reply.
END = 0


@dataclass
class FakeResult:
    """What a request came to."""

    index: int
    token_ids: list[int]
    finish_reason: str
    steps: int
    drafted: int = 5
    accepted: int = 3
    prefix_hits: int = 2


@dataclass
class FakeEngine:
    """A token engine that answers a prompt of ``n`` tokens with its user text in capitals, after ``n % 7 + 1`` steps.

    :param errors: raised by the step of that number, before it does anything; ``late_errors`` when all is done.
    :param gate: steps wait for it.
    """

    max_model_len: int = 4_000
    errors: dict[int, BaseException] = field(default_factory=dict)
    late_errors: dict[int, BaseException] = field(default_factory=dict)
    gate: threading.Event = field(default_factory=threading.Event)
    stops: bool = True
    fatal: tuple[type[Exception], ...] = ()
    pin_error: Exception | None = None

    def __post_init__(self) -> None:
        self.gate.set()
        self.stepping = threading.Event()
        self.added: list[TokenRequest] = []
        self.steps = 0
        self.cancelled: list[int] = []
        self.pinned: list[list[int]] = []
        self.pinned_for: list[str | None] = []
        self.threads: set[int] = set()
        self._running: dict[int, tuple[TokenRequest, int]] = {}
        self._finished: list[FakeResult] = []

    @property
    def busy(self) -> bool:
        """There are requests."""
        return bool(self._running)

    @property
    def tokens_under_way(self) -> int:
        """Tokens of a running request are none before it ends; one for each that runs shows that it is asked."""
        return len(self._running)

    def add(self, request: TokenRequest) -> int:
        """Take a request; a text may ask to be refused."""
        self.threads.add(threading.get_ident())
        if "refuse me" in text_of(request.prompt_ids):
            raise RequestRefused("it is refused.", hint="Ask otherwise.")
        if "break add" in text_of(request.prompt_ids):
            raise ValueError("a bug")
        self.added.append(request)
        index = len(self.added) - 1
        self._running[index] = request, len(request.prompt_ids) % 7 + 1
        return index

    def step(self) -> bool:
        """Go on by one step."""
        assert self._running, "stepped while idle"
        self.stepping.set()
        assert self.gate.wait(BOUND)
        self.threads.add(threading.get_ident())
        self.steps += 1
        if error := self.errors.get(self.steps):
            raise error
        for index, (request, left) in list(self._running.items()):
            self._running[index] = request, left - 1
            if left == 1:
                reply = ids_of(text_of(request.prompt_ids).rpartition("\n")[2].upper())
                ended = [*reply, END] if self.stops else reply[: request.max_new_tokens]
                reason = "stop" if self.stops else "length"
                known = [*request.prompt_ids, *ended]
                if request.find_end and (kept := request.find_end(known, len(request.prompt_ids))):
                    ended, reason = known[len(request.prompt_ids) : kept], "ended"
                self._finish(index, ended, reason)
        if error := self.late_errors.get(self.steps):
            raise error
        return True

    def _finish(self, index: int, ids: list[int], reason: str) -> None:
        request, _ = self._running.pop(index)
        self._finished.append(FakeResult(index, ids, reason, len(request.prompt_ids) % 7 + 1))

    def take_results(self) -> Iterable[FakeResult]:
        """Take what finished."""
        found, self._finished = self._finished, []
        return found

    def cancel(self, index: int) -> bool:
        """Stop a request."""
        if index not in self._running:
            return False
        self.cancelled.append(index)
        self._finish(index, [], "cancelled")
        return True

    def pin(self, prefix_ids: list[int], adapter: str | None = None) -> None:
        """Note a beginning."""
        if self.pin_error:
            raise self.pin_error
        self.pinned.append(prefix_ids)
        self.pinned_for.append(adapter)

    def survives(self, error: Exception) -> bool:
        """All but the fatal errors."""
        return not isinstance(error, self.fatal)


def ids_of(text: str) -> list[int]:
    """One id for each character."""
    return [ord(character) for character in text]


def text_of(ids: Sequence[int]) -> str:
    """The characters of ids."""
    return "".join(map(chr, ids))


class Letters:
    """One token for each character; a reply ends with id 0."""

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        """The messages, one on each line."""
        if any(message.role == "bad" for message in messages):
            raise RequestRefused("the chat template refuses the messages.")
        return ids_of("\n".join(message.content for message in messages))

    def encode_reference(self, text: str) -> list[int]:
        """The text and its end."""
        return [*ids_of(text), END]

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text without its end."""
        return text_of([i for i in token_ids if i != END])

    def find_stop_ids(self, stop: Sequence[str]) -> list[int]:
        """The end, and stop strings of one character."""
        return [END, *(ord(string) for string in stop if len(string) == 1)]

    def make_end_finder(self, stop: Sequence[str], prompt_tokens: int) -> EndFinder | None:
        """Looks for stop strings character by character."""
        wanted = tuple(string for string in stop if string)
        return (
            functools.partial(find_stop_string, list(map(chr, range(256))), wanted, prompt_tokens) if wanted else None
        )

    def make_constraint(self, schema: Mapping[str, Any]) -> None:
        """Nothing is enforced."""
