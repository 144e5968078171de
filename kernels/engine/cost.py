"""What a step costs by its load, learnt from the steps themselves, and how many draft tokens that makes worth while.

No torch and no clock: seconds are handed in.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from midb.kernels.engine.drafting.draft import Draft

#: Weights of a new measurement: in the machine's pace of late, and in the mean of its bucket.
_NEW_PACE, _NEW = 0.3, 0.1


class StepCost:
    """Seconds of a step as a function of its load: a shape times a pace.

    The load is counted in rows that are sampled; one that only writes KV is less, as it never meets the head. The shape
    is what was measured, and between and beyond it that of a prior. The pace is how fast the machine is just now: what
    else it does slows steps of any size alike, and must not make those look dear that are seldom measured anew.

    :param prior: relative cost of a load; non-decreasing.
    :param head: the head's share of a sampled row's arithmetic, from 0 to below 1.
    """

    def __init__(self, prior: Callable[[float], float], head: float = 0.0) -> None:
        self._prior = prior
        self._head = head
        self._pace = 1.0
        self._means: dict[int, tuple[float, float]] = {}  # bucket -> mean load, mean seconds at pace 1
        self._loads: list[float] = []
        self._seconds: list[float] = []

    def load(self, rows: int, sampled: int) -> float:
        """What so many rows count for, of which some are sampled."""
        return rows - self._head * (rows - sampled)

    def observe(self, load: float, seconds: float) -> None:
        """Learn from one step. One far off the expected was interrupted: it counts as four times that at most."""
        if not self._means:
            self._pace = seconds / self._prior(load)
        expected = self.seconds(load)
        seconds = min(max(seconds, expected / 4), 4 * expected)
        self._pace *= (seconds / expected) ** _NEW_PACE
        bucket = int(load * load).bit_length()  # two for each doubling
        mean_load, mean = self._means.get(bucket, (load, self._shape(load)))
        mean += _NEW * (seconds / self._pace - mean)
        self._means[bucket] = mean_load + _NEW * (load - mean_load), mean
        known = sorted(self._means.values())
        self._loads = [mean_load for mean_load, _ in known]
        self._seconds = list(accumulate((mean for _, mean in known), max))

    def seconds(self, load: float) -> float:
        """Expected cost, non-decreasing in the load; in seconds once anything was measured."""
        return self._pace * self._shape(load)

    def _shape(self, load: float) -> float:
        above = bisect_right(self._loads, load)
        if not self._loads:
            return self._prior(load)
        if 0 < above < len(self._loads):
            r0, r1 = self._loads[above - 1], self._loads[above]
            s0, s1 = self._seconds[above - 1], self._seconds[above]
            return s0 + (s1 - s0) * (load - r0) / (r1 - r0)
        near = max(above - 1, 0)
        return self._seconds[near] * self._prior(load) / self._prior(self._loads[near])


def roofline(free_rows: float, fixed_rows: float = 0.0) -> Callable[[float], float]:
    """A prior, in rows' worth of arithmetic.

    :param free_rows: what reading the weights costs, which overlaps with arithmetic.
    :param fixed_rows: what a step costs besides, however small it is.
    """

    def cost(load: float) -> float:
        return fixed_rows + max(free_rows, load) + 0.1 * min(free_rows, load)

    return cost


class Trust:
    """How far the survival that a pass's drafts state is to be believed: tokens accepted by tokens expected, of late.

    It stops within a step or two what a pass's first guesses would waste on texts that are not copied at all; what was
    learnt fades, so that drafts are tried again after a hundred steps or so.
    """

    #: Tokens of good faith to begin with; what is left of the evidence after each step; tokens of it that count at
    #: most, so that a pass that turns to other texts is not believed for long.
    _FAITH, _KEPT, _MOST = 8.0, 0.98, 48.0

    def __init__(self) -> None:
        self._expected = self._accepted = 0.0

    @property
    def factor(self) -> float:
        """By what to multiply stated survival: above 0, at most 1."""
        return min((self._accepted + self._FAITH) / (self._expected + self._FAITH), 1.0)

    def learn(self, expected: float, accepted: int) -> None:
        """Take what came of a draft whose kept tokens were expected to bring so many."""
        self._expected += expected
        self._accepted += accepted
        if self._expected > self._MOST:
            share = self._MOST / self._expected
            self._expected, self._accepted = self._MOST, self._accepted * share

    def fade(self) -> None:
        """Another step has passed."""
        self._expected *= self._KEPT
        self._accepted *= self._KEPT


def gate(
    drafts: Iterable[Draft], trust: Sequence[float], sampled: int, load: float, cost: StepCost, budget: int
) -> list[int]:
    """How much of each draft to verify: what makes the most tokens per second of the whole batch.

    A step of decoding alone that verifies ``n`` more rows yields ``sampled + gain(n)`` tokens, ``gain`` being the sum
    of their survival; the best ``n`` says what a token costs at the least. Where the step has other work as well, that
    is spent anyway: rows are added as long as their tokens, at that price, are worth what they add to its cost.
    Survival falls along a draft, so taking the likeliest tokens of all takes a head of each.

    :param trust: by what to multiply the survival that each draft states.
    :param sampled: tokens that the step yields without drafts.
    :param load: what it computes without them, see ``StepCost``.
    :param budget: most rows to add.
    :return: tokens to keep of each draft.
    """
    drafts = list(drafts)
    kept = [0] * len(drafts)
    if not sampled:
        return kept
    heap = [(-draft.survival[0] * t, n) for n, (draft, t) in enumerate(zip(drafts, trust, strict=True)) if draft.tokens]
    heapq.heapify(heap)
    order: list[int] = []
    gains = [0.0]
    while heap and len(order) < budget:
        survival, number = heap[0]
        gains.append(gains[-1] - survival)
        order.append(number)
        kept[number] += 1
        if kept[number] < len(drafts[number].tokens):
            heapq.heapreplace(heap, (-drafts[number].survival[kept[number]] * trust[number], number))
        else:
            heapq.heappop(heap)
    price = min(cost.seconds(sampled + more) / (sampled + gain) for more, gain in enumerate(gains))
    best = max(range(len(gains)), key=lambda more: gains[more] * price - cost.seconds(load + more))
    for number in order[best:]:
        kept[number] -= 1
    return kept
