"""What a step costs by its rows, learnt from the steps themselves, and how many draft tokens that makes worth while.

No torch and no clock: seconds are handed in.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate

from midb.kernels.engine.draft import Draft

#: Weight of a new measurement in the running mean of its bucket.
_NEW = 0.2


class StepCost:
    """Seconds of a step as a function of its rows: what was measured, between and beyond it the shape of a prior.

    :param prior: relative cost of so many rows; non-decreasing.
    """

    def __init__(self, prior: Callable[[int], float]) -> None:
        self._prior = prior
        self._means: dict[int, tuple[float, float]] = {}  # bucket -> mean rows, mean seconds
        self._rows: list[float] = []
        self._seconds: list[float] = []

    def observe(self, rows: int, seconds: float) -> None:
        """Learn from one step. One far above the mean was interrupted by the machine: it counts as twice the mean."""
        bucket = (rows * rows).bit_length()  # two for each doubling
        mean_rows, mean = self._means.get(bucket, (rows, seconds))
        seconds = min(seconds, 2 * mean)
        self._means[bucket] = mean_rows + _NEW * (rows - mean_rows), mean + _NEW * (seconds - mean)
        known = sorted(self._means.values())
        self._rows = [mean_rows for mean_rows, _ in known]
        self._seconds = list(accumulate((mean for _, mean in known), max))

    def seconds(self, rows: int) -> float:
        """Expected cost, non-decreasing in rows; in seconds once anything was measured."""
        above = bisect_right(self._rows, rows)
        if not self._rows:
            return self._prior(rows)
        if 0 < above < len(self._rows):
            r0, r1 = self._rows[above - 1], self._rows[above]
            s0, s1 = self._seconds[above - 1], self._seconds[above]
            return s0 + (s1 - s0) * (rows - r0) / (r1 - r0)
        near = max(above - 1, 0)
        return self._seconds[near] * self._prior(rows) / self._prior(round(self._rows[near]))


def roofline(free_rows: float) -> Callable[[int], float]:
    """A prior: reading the weights costs as much as computing ``free_rows`` rows, and the two overlap."""

    def cost(rows: int) -> float:
        return max(free_rows, float(rows)) + 0.1 * min(free_rows, float(rows))

    return cost


def gate(drafts: Iterable[Draft], sampled: int, rows: int, cost: StepCost, budget: int) -> list[int]:
    """How much of each draft to verify: what makes the most tokens per second of the whole batch.

    A step that verifies ``n`` more rows yields ``sampled + sum of their survival`` tokens for the cost of ``rows + n``
    rows. Survival falls along a draft, so taking the likeliest tokens of all takes a head of each.

    :param sampled: tokens that the step yields without drafts.
    :param rows: rows that it computes without them.
    :param budget: most rows to add.
    :return: tokens to keep of each draft.
    """
    drafts = list(drafts)
    kept = [0] * len(drafts)
    heap = [(-draft.survival[0], number) for number, draft in enumerate(drafts) if draft.tokens]
    heapq.heapify(heap)
    order: list[int] = []
    gain, best_rate, best = float(sampled), sampled / cost.seconds(rows), 0
    while heap and len(order) < budget:
        survival, number = heap[0]
        gain -= survival
        order.append(number)
        kept[number] += 1
        rate = gain / cost.seconds(rows + len(order))
        if rate > best_rate:
            best_rate, best = rate, len(order)
        if kept[number] < len(drafts[number].tokens):
            heapq.heapreplace(heap, (-drafts[number].survival[kept[number]], number))
        else:
            heapq.heappop(heap)
    for number in order[best:]:
        kept[number] -= 1
    return kept
