"""How sure a figure is: intervals of the bootstrap, for items that come in clusters. Pure functions, seeded.

Translations of one row are no independent observations: what is hard about the row is hard in all of them. So whole
clusters are drawn, with replacement, and a figure computed of each draw (Efron and Tibshirani, 1993); its interval
holds the middle 95 % of them.
"""

from __future__ import annotations

import functools
import random
from array import array
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

#: The share of draws that an interval holds.
CONFIDENCE = 0.95

#: Draws of clusters: twice as many move no bound by more than a few hundredths of the interval's length.
RESAMPLES = 1000

#: What fewer than one cluster in so many have is rare.
_FEW = 4

#: One item's part of a figure, which is the sum of the first numbers over the sum of the second; None: it has none.
Part = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, its bounds, and of how many items and clusters it is. Of one cluster nothing is known beyond itself:
    the bounds are None."""

    value: float
    low: float | None
    high: float | None
    items: int
    clusters: int


class ClusterBootstrap:
    """Intervals of figures over the same items; each draw serves all of them, so that differences are paired.

    >>> bootstrap = ClusterBootstrap(["a", "a", "b", "c"], seed=1)
    >>> interval = bootstrap.measure([(1, 1), (0, 1), (1, 1), None])
    >>> round(interval.value, 3), interval.items, interval.clusters
    (0.667, 3, 2)

    :param clusters: that of each item.
    :param seed: the same seed draws the same.
    """

    def __init__(self, clusters: Sequence[Hashable], *, resamples: int = RESAMPLES, seed: int = 0) -> None:
        numbers = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
        self._cluster_of = [numbers[cluster] for cluster in clusters]
        self._count = len(numbers)
        chance = random.Random(seed)
        places = range(self._count)
        self._draws = [chance.choices(places, k=self._count) for _ in range(resamples)] if self._count > 1 else []
        self._last_below: tuple[Sequence[float], list[float]] | None = None  # many figures are shares of one number

    def draws(self) -> Sequence[Sequence[int]]:
        """Numbers of the drawn clusters, in the order in which they first came, for each draw."""
        return self._draws

    def measure(self, parts: Sequence[Part]) -> Interval | None:
        """The sum of the first numbers over that of the second; None where there is nothing to divide by."""
        first, second, items, clusters = self._sum(parts)
        if not sum(second):
            return None
        ratios = sorted(ratio for ratio in self._draw(first, second) if ratio is not None)
        low, high = _take_middle(ratios) if clusters > 1 else (None, None)
        return Interval(sum(first) / sum(second), low, high, items, clusters)

    def compare(self, after: Sequence[Part], before: Sequence[Part]) -> Interval | None:
        """The difference of two figures of the same items, ``after`` less ``before``, over items that have both."""
        both = [one is not None and other is not None for one, other in zip(after, before, strict=True)]
        later = self._sum([part if kept else None for part, kept in zip(after, both, strict=True)])
        earlier = self._sum([part if kept else None for part, kept in zip(before, both, strict=True)])
        if not sum(later[1]) or not sum(earlier[1]):
            return None
        pairs = zip(self._draw(*later[:2]), self._draw(*earlier[:2]), strict=True)
        differences = sorted(one - other for one, other in pairs if one is not None and other is not None)
        value = sum(later[0]) / sum(later[1]) - sum(earlier[0]) / sum(earlier[1])
        low, high = _take_middle(differences) if later[3] > 1 else (None, None)
        return Interval(value, low, high, later[2], later[3])

    def _sum(self, parts: Sequence[Part]) -> tuple[list[float], list[float], int, int]:
        """The sums of each cluster, and how many items and clusters have a part."""
        first, second = [0.0] * self._count, [0.0] * self._count
        seen: set[int] = set()
        items = 0
        for cluster, part in zip(self._cluster_of, parts, strict=True):
            if part is not None:
                first[cluster] += part[0]
                second[cluster] += part[1]
                seen.add(cluster)
                items += 1
        return first, second, items, len(seen)

    def _draw(self, first: Sequence[float], second: Sequence[float]) -> list[float | None]:
        """The figure of each draw; None where it holds no cluster that has a part."""
        if self._last_below is None or self._last_below[0] != second:
            self._last_below = second, self._total(second)
        pairs = zip(self._total(first), self._last_below[1], strict=True)
        return [above / below if below else None for above, below in pairs]

    def _total(self, sums: Sequence[float]) -> list[float]:
        """The sum of each draw. What few clusters have is summed over these alone."""
        held = [cluster for cluster, value in enumerate(sums) if value]
        if len(held) * _FEW > self._count:
            return [sum([sums[cluster] for cluster in draw]) for draw in self._draws]
        totals = [0.0] * len(self._draws)
        for cluster in held:
            value = sums[cluster]
            totals = [total + value * times for total, times in zip(totals, self._times[cluster], strict=True)]
        return totals

    @functools.cached_property
    def _times(self) -> list[array[int]]:
        """How often each cluster is in each draw."""
        times = [array("H", bytes(2 * len(self._draws))) for _ in range(self._count)]
        for number, draw in enumerate(self._draws):
            for cluster in draw:
                times[cluster][number] += 1
        return times


def _take_middle(values: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    """The bounds of the middle share of sorted values."""
    if not values:
        return None, None
    outside = (1 - CONFIDENCE) / 2
    last = len(values) - 1
    return values[round(outside * last)], values[round((1 - outside) * last)]
