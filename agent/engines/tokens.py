"""What a token engine and a tokenizer are to those who join them. Protocols, so that neither side knows the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from midb.agent.engines.protocol import Message

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RequestRefused(Exception):
    """A request that can never be served; ``code`` is context-exceeded or refused."""

    def __init__(self, message: str, *, code: str = "refused", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


class ReplyConstraint(Protocol):
    """Follows one reply, and says which tokens may come next."""

    def accept(self, token_id: int) -> bool:
        """Go on by one token if it may come next; if it may not, return False and change nothing."""
        ...

    def allow(self) -> NDArray[np.bool_]:
        """Say of each id whether it may come next, ``[ids]``; at least one may."""
        ...


#: ``find_end(token_ids, first_new) -> kept``: of the ids of prompt and reply so far, of which those from ``first_new``
#: on are new, how many are kept if a stop string is complete, else 0.
EndFinder = Callable[[Sequence[int], int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What the token engine is asked: ids, never text. ``reference_ids`` include the tokens that close a reply.

    :param find_end: looks for stop strings, see ``Tokenizer.make_end_finder``; called on the engine's thread.
    :param constraint: makes what keeps the reply to its schema, see ``Tokenizer.make_constraint``; likewise.
    :param adapter: name of the adapter that is to answer; None: the model as it is.
    """

    prompt_ids: list[int]
    reference_ids: list[int]
    max_new_tokens: int
    temperature: float
    seed: int
    stop_ids: list[int]
    find_end: EndFinder | None = None
    constraint: Callable[[], ReplyConstraint] | None = None
    adapter: str | None = None


class TokenResult(Protocol):
    """What the token engine answers. The ``finish_reason`` "stop" means that the last id is a stop id, "ended" that the
    request's ``find_end`` found its end, "looped" that it would only have repeated itself."""

    @property
    def index(self) -> int: ...
    @property
    def token_ids(self) -> list[int]: ...
    @property
    def finish_reason(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def drafted(self) -> int: ...
    @property
    def accepted(self) -> int: ...
    @property
    def prefix_hits(self) -> int: ...


class TokenEngine(Protocol):
    """A batched decoder of token ids, owned by one thread."""

    @property
    def max_model_len(self) -> int:
        """Most tokens of a prompt and its output together."""
        ...

    @property
    def busy(self) -> bool:
        """There is something to step."""
        ...

    @property
    def tokens_under_way(self) -> int:
        """New tokens, so far, of the requests that are not finished."""
        ...

    def add(self, request: TokenRequest) -> int:
        """Take a request; its index comes back with its result. Raises RequestRefused."""
        ...

    def step(self) -> bool:
        """Compute one forward; False if there was nothing to do."""
        ...

    def take_results(self) -> Iterable[TokenResult]:
        """Take the results of requests that finished since the last call."""
        ...

    def cancel(self, index: int) -> object:
        """Stop a request, if it still runs."""
        ...

    def pin(self, prefix_ids: list[int], adapter: str | None = None) -> object:
        """Compute the KV of a common beginning, which an adapter reads, in steps to come, and never evict it."""
        ...

    def survives(self, error: Exception) -> bool:
        """Whether the engine can go on after this error of one of the other methods."""
        ...


class Tokenizer(Protocol):
    """Between text and ids, for one checkpoint. Called from the event loop's thread only."""

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        """Encode the prompt of a chat, up to where the reply begins. Raises RequestRefused if it cannot be rendered."""
        ...

    def encode_reference(self, text: str) -> list[int]:
        """Encode a text as it would stand in the output, with the token that closes a reply."""
        ...

    def decode(self, token_ids: Sequence[int]) -> str:
        """Decode ids to exactly their text, without special tokens."""
        ...

    def find_stop_ids(self, stop: Sequence[str]) -> list[int]:
        """Find the ids that close a reply, and those of the stop strings that are one token."""
        ...

    def make_end_finder(self, stop: Sequence[str], prompt_tokens: int) -> EndFinder | None:
        """Make what finds the first stop string in a reply as it grows; None if none can be found so."""
        ...

    def make_constraint(self, schema: Mapping[str, Any]) -> Callable[[], ReplyConstraint] | None:
        """Make what keeps a reply to a JSON Schema; None if that cannot be enforced."""
        ...
