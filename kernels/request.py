"""What the engine is asked and what it answers: token ids and numbers, nothing of their meaning."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from midb.kernels.errors import RequestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def list_ids(given: Sequence[int]) -> list[int]:
    """Make a list of plain integers from token ids, be they a list, an array or a tensor."""
    as_list = getattr(given, "tolist", None)
    return list(given) if as_list is None else as_list()


#: ``find_end(token_ids, first_new) -> kept``: told prompt and output so far and where its new tokens begin, how many of
#: all these tokens are kept if the output has come to its end, else 0.
FindEnd = Callable[[Sequence[int], int], int]


class Constraint(Protocol):
    """Follows one output and says which tokens may come next, such as those that a grammar allows."""

    def accept(self, token_id: int) -> bool:
        """Go on by one token if it may come next; if it may not, return False and change nothing."""
        ...

    def allow(self) -> NDArray[np.bool_]:
        """Say of each id whether it may come next, ``[ids]``; at least one may. Ids beyond the array may not."""
        ...


class SequenceFinishReason(StrEnum):
    """Why a sequence ended."""

    STOP = "stop"  # it generated a stop id, which is the last of its token ids
    ENDED = "ended"  # the request's find_end found its end, and what was generated beyond it is dropped
    LENGTH = "length"  # it generated max_new_tokens
    LOOPED = "looped"  # it repeats the same tokens over and over, see engine.outputs.loops
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How the tokens of one request are chosen, and when they end."""

    max_new_tokens: int
    temperature: float = 0.0
    seed: int = 0
    stop_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """One sequence to generate.

    :param prompt_ids: what stands before the output; at least one token.
    :param reference_ids: the text that most of the output is expected to copy, tokenised as it would stand in the
        output, closing tokens included. It changes the speed, never the tokens.
    :param max_new_tokens: most tokens of the output; KV for all of them is set aside when the request is admitted.
    :param temperature: 0 takes the likeliest token; else tokens are drawn from the softmax of ``logits / temperature``.
    :param seed: any integer; the noise depends on it, on the position and on the token id, and on nothing else.
    :param stop_ids: ids that end the output, in addition to the checkpoint's own.
    :param adapter: name of a LoRA adapter of the engine.
    :param ignore_eos: do not stop at the checkpoint's own end-of-sequence ids.
    :param find_end: looks for an end that no single id makes, such as a string. It is called with each step's tokens,
        on the engine's thread; what it keeps does not depend on drafts if it takes the first end there is.
    :param constraint: makes what says which tokens the output may hold. Where the model would take another one, the
        likeliest of those that are allowed is taken (or drawn, above temperature 0), exactly as if the others had no
        logits. It is called on the engine's thread, once or more often.
    :param stop_loops: end an output that only repeats itself.
    """

    prompt_ids: Sequence[int]
    reference_ids: Sequence[int] | None = None
    max_new_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    stop_ids: Sequence[int] = ()
    adapter: str | None = None
    ignore_eos: bool = False
    find_end: FindEnd | None = None
    constraint: Callable[[], Constraint] | None = None
    stop_loops: bool = False

    def make_sampling_params(self, eos_ids: Sequence[int]) -> SamplingParams:
        """Make the sampling parameters; the stop ids of the checkpoint are among them unless ``ignore_eos`` is set."""
        stop = frozenset(self.stop_ids) | (frozenset() if self.ignore_eos else frozenset(eos_ids))
        return SamplingParams(
            max_new_tokens=self.max_new_tokens, temperature=self.temperature, seed=self.seed, stop_ids=stop
        )

    def check(self, vocab_size: int, max_model_len: int) -> None:
        """Raise RequestError for what no engine of this vocabulary and length can serve."""
        if len(self.prompt_ids) == 0:
            raise RequestError(
                "A request has an empty prompt.", hint="Give at least one token, such as the model's BOS."
            )
        if self.max_new_tokens < 1:
            raise RequestError(f"max_new_tokens is {self.max_new_tokens}.", hint="It must be at least 1.")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise RequestError(f"The temperature is {self.temperature}.", hint="It must be 0 or above.")
        reference = () if self.reference_ids is None else self.reference_ids
        for name, given in (("prompt", self.prompt_ids), ("reference", reference)):
            if len(given) and not (min(given) >= 0 and max(given) < vocab_size):
                wrong = min(given) if min(given) < 0 else max(given)
                hint = "Is the tokenizer that of the checkpoint?"
                raise RequestError(f"The {name} holds id {wrong}; the vocabulary has {vocab_size:,} ids.", hint=hint)
        total = len(self.prompt_ids) + self.max_new_tokens
        if total > max_model_len:
            raise RequestError(
                f"{len(self.prompt_ids):,} prompt tokens and {self.max_new_tokens:,} new ones are {total:,}; "
                f"this engine takes {max_model_len:,}.",
                hint="Shorten the prompt, ask for fewer tokens, or raise max_model_len.",
            )


@dataclass(frozen=True, slots=True)
class Result:
    """A finished request.

    :param index: position of the request in the order in which they were given.
    :param token_ids: what was generated, a stop id included.
    :param steps: forwards in which a token of this sequence was sampled.
    :param rows: tokens of this sequence that were computed: prompt, output and drafts.
    :param verified: rows from which a token was sampled.
    :param drafted: rows that were draft tokens.
    :param accepted: draft tokens that became output.
    :param prefix_hits: prompt tokens whose KV was taken from the prefix cache.
    """

    index: int
    token_ids: list[int] = field(repr=False)
    finish_reason: SequenceFinishReason
    steps: int = 0
    rows: int = 0
    verified: int = 0
    drafted: int = 0
    accepted: int = 0
    prefix_hits: int = 0
