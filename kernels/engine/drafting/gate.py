"""How much of each draft to verify: what the tokens are worth against what their rows cost. No torch."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from midb.kernels.engine.cost import StepCost
from midb.kernels.engine.drafting.draft import Draft


def choose_lengths(
    drafts: Iterable[Draft], trust: Sequence[float], sampled: int, load: float, cost: StepCost, budget: int
) -> list[int]:
    """Choose how many tokens of each draft to verify, so that the whole batch yields the most tokens per second.

    Take a step that only decodes and verifies ``n`` more rows: it yields ``sampled + gain(n)`` tokens, where
    ``gain(n)`` is the sum of the survival of these rows. The best such ``n`` gives the lowest price of a token. Where
    the step has other work as well, the time for that is spent in any case, so rows are added as long as their tokens
    are worth more, at this price, than the seconds that the rows add. Survival never rises along a draft, so the
    likeliest tokens of all drafts together are always the first ones of each.

    :param trust: factor of each draft, by which the survival that it states is multiplied.
    :param sampled: tokens that the step yields without drafts.
    :param load: what the step computes without drafts, see ``StepCost``.
    :param budget: most rows to add.
    """
    drafts = list(drafts)
    lengths = [0] * len(drafts)
    if not sampled:
        return lengths
    heap = [(-draft.survival[0] * t, n) for n, (draft, t) in enumerate(zip(drafts, trust, strict=True)) if draft.tokens]
    heapq.heapify(heap)
    order: list[int] = []  # the draft of each token that is added, the likeliest token first
    gains = [0.0]
    while heap and len(order) < budget:
        survival, number = heap[0]
        gains.append(gains[-1] - survival)
        order.append(number)
        lengths[number] += 1
        if lengths[number] < len(drafts[number].tokens):
            heapq.heapreplace(heap, (-drafts[number].survival[lengths[number]] * trust[number], number))
        else:
            heapq.heappop(heap)
    price = min(cost.estimate_seconds(sampled + more) / (sampled + gain) for more, gain in enumerate(gains))
    best = max(range(len(gains)), key=lambda more: gains[more] * price - cost.estimate_seconds(load + more))
    for number in order[best:]:
        lengths[number] -= 1
    return lengths
