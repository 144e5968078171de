"""Texts for the tests of drafting: made-up tokens, seeded edits, and the decoding of an output that is known."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from midb.kernels.engine.drafting.draft import Draft, Drafter
from midb.kernels.engine.drafting.pacing import PacedDrafter

#: Tokens of an output after an edit by which the place must be known again.
SOON = 4


def make_text(chance: random.Random, length: int) -> list[int]:
    """Tokens as frequent as those of a language are: the n-th most frequent comes up once in n."""
    return [int(math.exp(chance.random() * math.log(5_000))) for _ in range(length)]


def edit(text: Sequence[int], share: float, chance: random.Random) -> list[int]:
    """About ``share`` of the tokens substituted, inserted or deleted, in spans of 1 to 4."""
    output: list[int] = []
    place = 0
    while place < len(text):
        if chance.random() < share / 2.5:
            kind, size = chance.choice("sid"), chance.randint(1, 4)
            output += make_text(chance, size) if kind != "d" else []
            place += size if kind != "i" else 0
        output += text[place : place + 1]
        place += 1
    return output


def decode(
    drafter: Drafter | PacedDrafter, output: Sequence[int], limit: int, least: float = 0.0
) -> Iterator[tuple[int, Draft, int]]:
    """Decode a known output: where each step began, what was proposed, and how much of it would have been accepted."""
    place = 0
    while place < len(output):
        draft = drafter.propose(limit)
        agreed = 0
        while output[place + agreed : place + agreed + 1] == list(draft.tokens[agreed : agreed + 1]) != []:
            agreed += 1
        drafted = sum(survival >= least for survival in draft.survival)
        emitted = output[place : place + min(agreed, drafted) + 1]
        yield place, draft, agreed
        drafter.extend(emitted, drafted)
        place += len(emitted)


def check_draft(draft: Draft, limit: int, drafter: Drafter, reference: Sequence[int]) -> None:
    """What holds of every proposal."""
    assert len(draft.tokens) == len(draft.survival) <= max(limit, 0)
    assert all(0 < survival <= 1 for survival in draft.survival)
    assert list(draft.survival) == sorted(draft.survival, reverse=True)
    assert 0 <= drafter.cursor <= len(reference)
