"""Outputs that finished lately, as texts to draft from: a request that is tried again gets much the same output.

A request is like an earlier one if their references are alike and they are of one group. That is so for a second try,
whose reference differs by a few tokens, and for replies of one form, such as verdicts. Pure Python; token ids only.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

#: Tokens in a row of which a reference is compared.
_GRAM = 4

#: Runs of tokens that stand for a reference: those of the least hashes (Broder, 1997). More would hardly tell more.
_SKETCH = 24

#: References are alike if so large a share of their sketches is the same.
_ALIKE = 0.5

#: Most outputs that a request is given to draft from: each makes its search longer.
_MOST_RECALLED = 2

#: Most outputs of a group that are looked through, the latest ones.
_MOST_LOOKED_AT = 64

#: Tokens of all outputs that are kept; they take 4 bytes each.
_MOST_TOKENS = 1 << 16

#: What stands for a reference.
Sketch = frozenset[int]


def make_sketch(reference: Sequence[int]) -> Sketch:
    """Make what stands for a reference; empty for one that is too short to be compared."""
    tokens = tuple(reference)
    grams = {hash(tokens[start : start + _GRAM]) for start in range(len(tokens) - _GRAM + 1)}
    return frozenset(sorted(grams)[:_SKETCH])


@dataclass(frozen=True, slots=True)
class _Output:
    """One output, and what stands for the reference of its request."""

    sketch: Sketch
    tokens: array[int]


class OutputMemory:
    """The latest outputs by group, up to a number of tokens in all."""

    def __init__(self, most_tokens: int = _MOST_TOKENS) -> None:
        self._most_tokens = most_tokens
        self._by_group: dict[int, deque[_Output]] = {}
        self._order: deque[int] = deque()  # the group of each output, the oldest first
        self._tokens = 0

    def __len__(self) -> int:
        return len(self._order)

    def add(self, group: int, sketch: Sketch, tokens: Sequence[int]) -> None:
        """Keep an output; the oldest ones make room for it."""
        if not sketch or not tokens or len(tokens) > self._most_tokens:
            return
        self._by_group.setdefault(group, deque()).append(_Output(sketch, array("i", tokens)))
        self._order.append(group)
        self._tokens += len(tokens)
        while self._tokens > self._most_tokens:
            oldest = self._order.popleft()
            kept = self._by_group[oldest]
            self._tokens -= len(kept.popleft().tokens)
            if not kept:
                del self._by_group[oldest]

    def recall(self, group: int, sketch: Sketch) -> list[int]:
        """The outputs of the requests most like this one, one after the other, the likest last; often none."""
        if not sketch:
            return []
        outputs = self._by_group.get(group, ())
        looked_at = list(outputs)[-_MOST_LOOKED_AT:]
        alike = [
            (share, place)
            for place, output in enumerate(looked_at)
            if (share := len(sketch & output.sketch) / len(sketch | output.sketch)) >= _ALIKE
        ]
        chosen = sorted(alike)[-_MOST_RECALLED:]
        return [token for _, place in chosen for token in looked_at[place].tokens]
