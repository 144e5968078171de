"""One unit repeated again and again, in a single text. Knows nothing of words or languages, and takes linear time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: Characters that are looked for again a little further on. A shorter block comes again by chance, and often.
BLOCK = 12
#: Every so many characters such a block is taken, so that a repetition of at least period + BLOCK + STRIDE characters
#: holds a block and its copy.
STRIDE = 12
#: Characters that are compared at once where the extent of a repetition is measured; the step is then doubled.
FIRST_STEP = 32


@dataclass(frozen=True, slots=True)
class Repetition:
    """``[start, end)`` is one unit of ``period`` characters, again and again; the last one may be cut off."""

    start: int
    end: int
    period: int

    @property
    def times(self) -> int:
        """How often the whole unit stands there."""
        return (self.end - self.start) // self.period


def find_repetitions(text: str, longest: int) -> Iterator[Repetition]:
    """Repetitions of units of up to ``longest`` characters, from left to right, without overlap.

    None has fewer than three units. Only those of at least ``period + BLOCK + STRIDE`` characters are sure to be found.

    >>> [(run.period, run.times) for run in find_repetitions("so " + "ha" * 30 + "!", 10)]
    [(2, 30)]
    """
    position, done, size = 0, 0, len(text)
    while position + BLOCK < size:
        again = text.find(text[position : position + BLOCK], position + 1, position + longest + BLOCK)
        if again < 0:
            position += STRIDE
            continue
        period = again - position
        end = again + _measure_forwards(text, position, again)
        start = position - _measure_backwards(text, position, again, done)
        if end - start >= 3 * period:
            yield Repetition(start, end, period)
            position = done = end
        else:
            position += STRIDE


def _measure_forwards(text: str, first: int, second: int) -> int:
    """How far the text from ``first`` and from ``second`` on agree. Steps double, then halve."""
    length, step, limit = 0, FIRST_STEP, len(text) - second
    while step:
        step = min(step, limit - length)
        here, there = first + length, second + length
        if step and text[here : here + step] == text[there : there + step]:
            length += step
            step *= 2
        else:
            step //= 2
    return length


def _measure_backwards(text: str, first: int, second: int, done: int) -> int:
    """How far the text before ``first`` and before ``second`` agree, not going back beyond ``done``."""
    length = 0
    while first - length > done and text[first - length - 1] == text[second - length - 1]:
        length += 1
    return length
