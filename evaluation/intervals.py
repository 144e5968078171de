"""Figures with their intervals, as JSON and tables have them. Knows the sums of a figure, not what they count."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from midb.domain.intervals import ClusterBootstrap, Interval, Part
from midb.locales.measured import wilson

#: Rows below which no interval is given: with fewer, those of the bootstrap hold the truth too seldom.
LEAST_ROWS = 20

#: Groups of rows that are drawn. A corpus with more rows has several in a group, which are drawn together: memory does
#: not grow with it, and sums of independent rows are independent again.
GROUPS = 1000

#: Numbers of digits after the point that a figure keeps in JSON: more are noise.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval, None where it is of too few rows.

    :param rows: source rows that it is of: translations of one row are one.
    """

    value: float
    low: float | None
    high: float | None
    rows: int

    def as_json(self) -> dict[str, Any]:
        """By name, rounded."""
        return {
            "value": round(self.value, _DIGITS),
            "low": None if self.low is None else round(self.low, _DIGITS),
            "high": None if self.high is None else round(self.high, _DIGITS),
            "rows": self.rows,
        }


def find_group(row: str) -> int:
    """The group of a row, by its name alone.

    >>> find_group("number 417") == find_group("number 417") < GROUPS
    True
    """
    return int.from_bytes(hashlib.blake2b(row.encode(), digest_size=8).digest()) % GROUPS


class GroupedBootstrap:
    """Intervals of ratios of sums over groups of rows.

    :param groups: those that there are.
    :param rows: how many rows are in them together.
    """

    def __init__(self, groups: Sequence[int], rows: int, *, seed: int, resamples: int) -> None:
        self._groups = groups
        self._rows = rows
        self._bootstrap = ClusterBootstrap(groups, seed=seed, resamples=resamples)

    def measure(
        self,
        above: Mapping[int, float],
        below: Mapping[int, float],
        *,
        scale: float = 1.0,
        share: bool = False,
        signed: bool = False,
    ) -> Figure | None:
        """``scale`` times the sum of the first numbers by group over that of the second; None without any.

        :param share: it lies between 0 and ``scale``; ``signed``: between that and ``-scale``.
        """
        found = self._bootstrap.measure(self._parts(above, below, scale))
        if found is None:
            return None
        return self._finish(found, lambda value: _bound_extreme(value, self._rows, scale, share, signed))

    def compare(
        self, after: Mapping[int, float], before: Mapping[int, float], below: Mapping[int, float], scale: float = 1.0
    ) -> Figure | None:
        """``scale`` times the difference of the first two numbers, over the third."""
        change = {group: after.get(group, 0.0) - before.get(group, 0.0) for group in {*after, *before}}
        found = self._bootstrap.measure(self._parts(change, below, scale))
        return None if found is None else self._finish(found, lambda value: (None, None))

    def _parts(self, above: Mapping[int, float], below: Mapping[int, float], scale: float) -> list[Part]:
        return [(scale * above.get(group, 0.0), below.get(group, 0.0)) for group in self._groups]

    def _finish(self, found: Interval, bound: Callable[[float], Bounds]) -> Figure:
        """A figure; ``bound`` gives the bounds of what every draw gives again."""
        low, high = found.low, found.high
        if self._rows < LEAST_ROWS:
            low = high = None
        elif low is not None and low == high:
            low, high = bound(found.value)
        return Figure(found.value, low, high, self._rows)


#: Both bounds, or neither.
Bounds = tuple[float | None, float | None]


def _bound_extreme(value: float, rows: int, scale: float, share: bool, signed: bool) -> Bounds:
    """The interval of what every draw gives again. Of nought in so many rows, and of all: Wilson's, each row being one
    observation. Of anything else nothing is known."""
    none, every = wilson(0, rows)[1] * scale, wilson(rows, rows)[0] * scale
    if value == 0:
        return (-none if signed else 0.0), none
    if (share or signed) and value == scale:
        return (2 * every - scale if signed else every), scale
    if signed and value == -scale:
        return -scale, scale - 2 * every
    return None, None
