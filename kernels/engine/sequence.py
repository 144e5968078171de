"""One request on its way: its tokens, how many of them are computed, its pages and its drafter. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from midb.kernels.engine.block_pool import BlockTable
from midb.kernels.engine.cost import Trust
from midb.kernels.engine.drafting.pacing import PacedDrafter
from midb.kernels.request import FinishReason, Request, Result, SamplingParams


class SequenceStatus(Enum):
    """Where a sequence stands."""

    WAITING = 0
    RUNNING = 1
    FINISHED = 2


@dataclass(slots=True, eq=False)
class Sequence:
    """A request while the engine works on it.

    :param index: position in the order of requests; for a pin below 0.
    :param tokens: prompt and output so far.
    :param computed: tokens at their head whose KV is in the cache, or will be when the coming step reads it.
    :param group: sequences of one pass: the same adapter and beginning. They are admitted one after another, and share
        what is learnt about drafts.
    :param trust: in the drafts of its pass.
    """

    index: int
    request: Request
    sampling: SamplingParams
    group: int
    tokens: list[int]
    drafter: PacedDrafter | None = None
    trust: Trust = field(default_factory=Trust)
    status: SequenceStatus = SequenceStatus.WAITING
    table: BlockTable | None = None
    computed: int = 0
    bypassed: int = 0
    finish_reason: FinishReason | None = None
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("steps", "rows", "verified", "drafted", "accepted", "prefix_hits"), 0)
    )

    @property
    def prompt_length(self) -> int:
        """Tokens of the prompt."""
        return len(self.request.prompt_ids)

    @property
    def generated(self) -> int:
        """Tokens of the output so far."""
        return len(self.tokens) - len(self.request.prompt_ids)

    @property
    def decoding(self) -> bool:
        """Only its last token is still to be computed."""
        return len(self.tokens) - self.computed == 1

    @property
    def remaining(self) -> int:
        """Tokens that may still come."""
        return self.sampling.max_new_tokens - self.generated

    @property
    def capacity(self) -> int:
        """Tokens whose KV can ever be needed: all but the last one generated."""
        return self.prompt_length + self.sampling.max_new_tokens - 1

    def take(self, sampled: list[int], draft: tuple[int, ...]) -> None:
        """Take the sampled tokens of a step: those that agree with the draft, and the first that does not.

        :param sampled: one more than ``draft``: what followed the tokens so far, then what followed each of the draft.
        """
        agreed = 0
        while agreed < len(draft) and sampled[agreed] == draft[agreed]:
            agreed += 1
        emitted = sampled[: agreed + 1]
        for place, token in enumerate(emitted):
            if token in self.sampling.stop_ids:
                emitted = emitted[: place + 1]
                self.finish_reason = FinishReason.STOP
                break
        accepted = min(agreed, len(emitted))
        self.computed = len(self.tokens) + min(accepted, len(emitted) - 1)
        self.tokens.extend(emitted)
        if self.finish_reason is None and self.remaining <= 0:
            self.finish_reason = FinishReason.LENGTH
        counts = self.counts
        counts["steps"] += 1
        counts["verified"] += len(sampled)
        counts["drafted"] += len(draft)
        counts["accepted"] += accepted
        if self.drafter is not None and self.finish_reason is None:
            self.drafter.extend(emitted, len(draft))

    def result(self) -> Result:
        """What came of it."""
        assert self.finish_reason is not None
        return Result(self.index, self.tokens[self.prompt_length :], self.finish_reason, **self.counts)
