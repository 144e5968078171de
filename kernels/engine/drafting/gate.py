"""How much of each draft to verify: what the tokens are worth against what their rows cost. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from midb.kernels.engine.cost import StepCost
from midb.kernels.engine.drafting.draft import Draft


def find_least_survival(sampled: int, load: float, cost: StepCost, budget: int) -> float:
    """Find the survival below which no row of a draft is likely to be verified; 0 where rows are free.

    It is what a row adds, if a few or many are added, whichever is less, against the price of a token without drafts.
    Parameters as those of ``choose_lengths``.
    """
    if not sampled or budget < 1:
        return 0.0
    base = cost.estimate_seconds(load)
    added = min((cost.estimate_seconds(load + more) - base) / more for more in {1, min(sampled, budget), budget})
    return added * sampled / cost.estimate_seconds(sampled)


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
    counts = [len(draft.tokens) for draft in drafts]
    total = sum(counts)
    if not sampled or not total:
        return [0] * len(drafts)
    owner = np.repeat(np.arange(len(drafts)), counts)  # of each token, all drafts one after the other
    survival = np.fromiter(chain.from_iterable(draft.survival for draft in drafts), np.float64, total)
    survival *= np.asarray(trust, np.float64)[owner]
    ranked = -np.sort(-survival)[:budget]  # the likeliest token first
    gains = np.concatenate(([0.0], np.cumsum(ranked)))
    more = np.arange(len(gains), dtype=np.float64)
    seconds = cost.estimate_all(load + more)
    decoding = seconds if load == sampled else cost.estimate_all(sampled + more)
    price = float((decoding / (sampled + gains)).min())
    best = int(np.argmax(gains * price - seconds))
    if not best:
        return [0] * len(drafts)
    last = ranked[best - 1]
    verified = survival > last
    verified[np.flatnonzero(survival == last)[: best - int(verified.sum())]] = True  # of equals, the first ones
    chosen: list[int] = np.bincount(owner[verified], minlength=len(drafts)).tolist()
    return chosen
