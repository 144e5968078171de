"""Runs of one unit repeated, in a single text. Knows nothing of words or languages, and takes linear time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: Every STRIDE characters a block of BLOCK characters is looked for a little further on. A run that is at least
#: period + BLOCK + STRIDE characters long holds such a block and its copy.
BLOCK = 12
STRIDE = 12


@dataclass(frozen=True, slots=True)
class Run:
    """``[start, end)`` is one unit of ``period`` characters, again and again; the last one may be cut off."""

    start: int
    end: int
    period: int

    @property
    def times(self) -> int:
        return (self.end - self.start) // self.period


def runs(text: str, longest: int) -> Iterator[Run]:
    """Runs of units of up to ``longest`` characters, from left to right, without overlap.

    Only runs of at least three units that are ``period + BLOCK + STRIDE`` characters long are sure to be found.

    >>> [(run.period, run.times) for run in runs("so " + "ha" * 30 + "!", 10)]
    [(2, 30)]
    """
    position, done, size = 0, 0, len(text)
    while position + BLOCK < size:
        again = text.find(text[position : position + BLOCK], position + 1, position + longest + BLOCK)
        if again < 0:
            position += STRIDE
            continue
        period = again - position
        end = again + _common(text, position, again)
        start = position - _common_before(text, position, again, done)
        if end - start >= 3 * period:
            yield Run(start, end, period)
            position = done = end
        else:
            position += STRIDE


def _common(text: str, first: int, second: int) -> int:
    """How far the text from ``first`` and from ``second`` on agree. Steps double, then halve."""
    length, step, limit = 0, 32, len(text) - second
    while step:
        step = min(step, limit - length)
        a, b = first + length, second + length
        if step and text[a : a + step] == text[b : b + step]:
            length += step
            step *= 2
        else:
            step //= 2
    return length


def _common_before(text: str, first: int, second: int, done: int) -> int:
    """How far the text before ``first`` and before ``second`` agree, not going back beyond ``done``."""
    length = 0
    while first - length > done and text[first - length - 1] == text[second - length - 1]:
        length += 1
    return length
