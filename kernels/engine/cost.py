"""What a step costs by its load, learnt from the steps themselves. No torch and no clock: seconds are handed in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Relative cost of a load, or of each load of an array.
Prior = Callable[[Any], Any]

#: Weight of a new measurement in the pace. It is high, for the machine may slow down from one step to the next.
_NEW_PACE = 0.3

#: Weight of a new measurement in the mean of its bucket. It is low, for the shape of the cost changes hardly at all.
_NEW_MEAN = 0.1

#: A step that took so many times what was expected, or less than that share of it, was interrupted or mismeasured: it
#: counts as this many times at most.
_MOST_OFF = 4

#: Of what overlaps, reading weights and arithmetic, this share adds to the time all the same.
_NO_OVERLAP = 0.1


class StepCost:
    """Seconds of a step as a function of its load: a shape times a pace.

    The load is counted in rows that are sampled. A row that only writes KV counts less, because it never passes through
    the head. The shape is what was measured, and where nothing was measured it follows a prior. The pace says how fast
    the machine is at the moment: other work on it slows small and large steps alike, and must not change how a load
    that was not measured lately compares to the others.

    :param prior: relative cost of a load; it never falls as the load grows.
    :param head: the head's share of a sampled row's arithmetic, from 0 to below 1.
    """

    def __init__(self, prior: Prior, head: float = 0.0) -> None:
        self._prior = prior
        self._head = head
        self._pace = 1.0
        self._means: dict[int, tuple[float, float]] = {}  # bucket -> mean load, mean seconds at pace 1
        self._loads: list[float] = []
        self._seconds: list[float] = []

    def compute_load(self, rows: int, sampled: int) -> float:
        """What ``rows`` count for, of which ``sampled`` pass through the head."""
        return rows - self._head * (rows - sampled)

    def observe(self, load: float, seconds: float) -> None:
        """Learn from one step."""
        if not self._means:
            self._pace = seconds / float(self._prior(load))
        expected = self.estimate_seconds(load)
        seconds = min(max(seconds, expected / _MOST_OFF), _MOST_OFF * expected)
        self._pace *= (seconds / expected) ** _NEW_PACE
        bucket = int(load * load).bit_length()  # two buckets for each doubling of the load
        mean_load, mean = self._means.get(bucket, (load, self._relative_cost(load)))
        mean += _NEW_MEAN * (seconds / self._pace - mean)
        self._means[bucket] = mean_load + _NEW_MEAN * (load - mean_load), mean
        known = sorted(self._means.values())
        self._loads = [mean_load for mean_load, _ in known]
        self._seconds = list(accumulate((mean for _, mean in known), max))

    def estimate_seconds(self, load: float) -> float:
        """Expected cost, which never falls as the load grows; in seconds once anything was measured."""
        return self._pace * self._relative_cost(load)

    def estimate_all(self, loads: NDArray[np.float64]) -> NDArray[np.float64]:
        """Estimate the seconds of many loads at once, as ``estimate_seconds`` does each."""
        if not self._loads:
            return self._pace * self._compute_prior(loads)
        found: NDArray[np.float64] = np.interp(loads, self._loads, self._seconds)
        for known, seconds, beyond in (
            (self._loads[0], self._seconds[0], loads < self._loads[0]),
            (self._loads[-1], self._seconds[-1], loads > self._loads[-1]),
        ):
            if beyond.any():
                found[beyond] = seconds * self._compute_prior(loads[beyond]) / float(self._prior(known))
        return self._pace * found

    def _compute_prior(self, loads: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.broadcast_to(np.asarray(self._prior(loads), dtype=np.float64), loads.shape)

    def _relative_cost(self, load: float) -> float:
        above = bisect_right(self._loads, load)
        if not self._loads:
            return float(self._prior(load))
        if 0 < above < len(self._loads):
            r0, r1 = self._loads[above - 1], self._loads[above]
            s0, s1 = self._seconds[above - 1], self._seconds[above]
            return s0 + (s1 - s0) * (load - r0) / (r1 - r0)
        near = max(above - 1, 0)
        return self._seconds[near] * float(self._prior(load)) / float(self._prior(self._loads[near]))


def make_roofline(free_rows: float, fixed_rows: float = 0.0) -> Prior:
    """Make a prior, which counts in the time that the arithmetic of one row takes.

    :param free_rows: time to read the weights; the arithmetic of so many rows goes on meanwhile.
    :param fixed_rows: what every step takes in addition, however small it is.
    """

    def cost(load: Any) -> Any:
        return fixed_rows + np.maximum(free_rows, load) + _NO_OVERLAP * np.minimum(free_rows, load)

    return cost
