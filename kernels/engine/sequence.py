"""One request while the engine works on it: its tokens, how many are computed, its blocks, its drafter. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from midb.kernels.engine.block_pool import BlockTable
from midb.kernels.engine.drafting.memory import Sketch
from midb.kernels.engine.drafting.pacing import PacedDrafter
from midb.kernels.engine.drafting.trust import Trust
from midb.kernels.engine.outputs.loops import find_loop
from midb.kernels.request import Constraint, Request, Result, SamplingParams, SequenceFinishReason


class SequenceStatus(Enum):
    """Whether a sequence waits for admission, runs, or is finished."""

    WAITING = 0
    RUNNING = 1
    FINISHED = 2


@dataclass(slots=True, eq=False)
class Sequence:
    """A request while the engine works on it.

    :param index: position in the order of requests; below 0 for a pin.
    :param group: number that all sequences of one pass have, which share their adapter and their beginning. They are
        admitted one after another, and share what is learnt about drafts.
    :param token_ids: prompt and output so far.
    :param trust: in the drafts of the pass.
    :param sketch: of the reference, by which requests like this one are known; empty without drafts.
    :ivar num_prompt_tokens: tokens of the prompt.
    :param num_computed_tokens: tokens at the beginning whose KV is in the cache, or will be in the coming step.
    :param bypassed: sequences that were admitted before this one while it had waited the longest.
    :param awaited: a step that samples for it is being computed.
    :param constraint: what follows the output, if the request has a constraint and the output was looked at.
    :param counts: what goes into the result, by the names that :class:`Result` has for it.
    """

    index: int
    request: Request
    sampling: SamplingParams
    group: int
    token_ids: list[int]
    drafter: PacedDrafter | None = None
    trust: Trust = field(default_factory=Trust)
    sketch: Sketch = frozenset()
    status: SequenceStatus = SequenceStatus.WAITING
    block_table: BlockTable | None = None
    num_computed_tokens: int = 0
    bypassed: int = 0
    awaited: bool = False
    finish_reason: SequenceFinishReason | None = None
    constraint: Constraint | None = None
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("steps", "rows", "verified", "drafted", "accepted", "prefix_hits"), 0)
    )
    num_prompt_tokens: int = field(init=False)

    def __post_init__(self) -> None:
        self.num_prompt_tokens = len(self.request.prompt_ids)

    @property
    def num_output_tokens(self) -> int:
        """Tokens of the output so far."""
        return len(self.token_ids) - self.num_prompt_tokens

    @property
    def decoding(self) -> bool:
        """Only its last token is still to be computed."""
        return len(self.token_ids) - self.num_computed_tokens == 1

    @property
    def remaining(self) -> int:
        """Output tokens that may still come."""
        return self.sampling.max_new_tokens - self.num_output_tokens

    @property
    def capacity(self) -> int:
        """Tokens whose KV can ever be needed: all but the last one of the output."""
        return self.num_prompt_tokens + self.sampling.max_new_tokens - 1

    def take(self, sampled: list[int], draft: tuple[int, ...]) -> None:
        """Take the sampled tokens of a step: those that agree with the draft, and the first one that does not.

        :param sampled: one token more than ``draft``: what followed the tokens so far, then what followed each token of
            the draft.
        """
        agreed = 0
        while agreed < len(draft) and sampled[agreed] == draft[agreed]:
            agreed += 1
        emitted = sampled[: agreed + 1]
        if not (stop_ids := self.sampling.stop_ids).isdisjoint(emitted):
            end = next(place for place, token in enumerate(emitted) if token in stop_ids)
            emitted = emitted[: end + 1]
            self.finish_reason = SequenceFinishReason.STOP
        accepted = min(agreed, len(emitted))
        known = len(self.token_ids)
        self.num_computed_tokens = known + min(accepted, len(emitted) - 1)
        self.token_ids.extend(emitted)
        find_end = self.request.find_end
        if find_end is not None and (kept := find_end(self.token_ids, known)):  # it may come before a stop id
            del self.token_ids[max(kept, known + 1) :]
            self.finish_reason = SequenceFinishReason.ENDED
        elif self.request.stop_loops and self.finish_reason is None:
            self._stop_at_loop(known)
        if self.finish_reason is None and self.remaining <= 0:
            self.finish_reason = SequenceFinishReason.LENGTH
        counts = self.counts
        counts["steps"] += 1
        counts["verified"] += len(sampled)
        counts["drafted"] += len(draft)
        counts["accepted"] += accepted
        if self.drafter is not None and self.finish_reason is None:
            self.drafter.extend(emitted, len(draft))

    def _stop_at_loop(self, known: int) -> None:
        """End where the output was first seen to repeat itself, wherever the steps were cut."""
        begin, given = self.num_prompt_tokens, self.request.reference_ids
        kept = find_loop(self.token_ids, begin, known - begin, () if given is None else given)
        if kept:
            del self.token_ids[begin + kept :]
            self.finish_reason = SequenceFinishReason.LOOPED

    def make_result(self) -> Result:
        """Make the result of a finished sequence."""
        assert self.finish_reason is not None
        return Result(self.index, self.token_ids[self.num_prompt_tokens :], self.finish_reason, **self.counts)
