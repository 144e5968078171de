"""Spans of a text that are protected, and why. What is protected is found by midb.text.protection."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate


class Protected(StrEnum):
    """Why a span is protected."""

    CODE = "code"
    URL = "url"
    EMAIL = "email"
    PLACEHOLDER = "placeholder"
    LATEX = "latex"
    TAG = "tag"
    QUOTED = "quoted"


@dataclass(frozen=True, slots=True)
class Span:
    """``[start, end)`` in code points, and why it is protected."""

    start: int
    end: int
    reason: Protected


class Spans:
    """Protected spans of one text, sorted and without overlap."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans: list[Span] = []
        for span in sorted(spans, key=lambda span: (span.start, -span.end)):
            if not self._spans or span.start >= self._spans[-1].end:
                self._spans.append(span)
        self._starts = [span.start for span in self._spans]

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def overlaps(self, start: int, end: int) -> bool:
        """Whether any character of ``[start, end)`` is protected; for an empty range, whether it lies inside a span."""
        index = bisect_right(self._starts, start) - 1
        if index >= 0 and start < self._spans[index].end and (start > self._spans[index].start or end > start):
            return True
        return index + 1 < len(self._spans) and self._spans[index + 1].start < end

    def holds(self, position: int) -> bool:
        """Whether the character at a position is protected."""
        return self.overlaps(position, position + 1)

    def only(self, *reasons: Protected) -> Spans:
        """The spans that are protected for one of these reasons.

        >>> spans = Spans([Span(0, 3, Protected.CODE), Span(8, 14, Protected.PLACEHOLDER)])
        >>> [span.start for span in spans.only(Protected.PLACEHOLDER)]
        [8]
        """
        return Spans(span for span in self._spans if span.reason in reasons) if self._spans else self

    def blank_out(self, text: str, filler: str = " ") -> str:
        """The text with every span replaced by as many ``filler`` characters: offsets stay what they are.

        >>> Spans([Span(4, 7, Protected.CODE)]).blank_out("see `x`!")
        'see    !'
        """
        if not self._spans:
            return text
        parts: list[str] = []
        position = 0
        for span in self._spans:
            parts += (text[position : span.start], filler * (span.end - span.start))
            position = span.end
        parts.append(text[position:])
        return "".join(parts)


#: A text without protected spans; most texts are.
NO_SPANS = Spans(())


class Ranges:
    """Ranges ``[start, end)`` that may overlap, asked which of them meet another one. An answer takes as many steps as
    the number of ranges has digits: texts with a hundred thousand findings exist.

    >>> ranges = Ranges([(2, 9), (4, 6)])
    >>> ranges.overlap(8, 12), ranges.overlap(9, 12), ranges.touch(9, 12)
    (True, False, True)
    """

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        listed = sorted(ranges)
        self._starts = [start for start, _ in listed]
        self._ends = list(accumulate((end for _, end in listed), max))  # the furthest end so far

    def overlap(self, start: int, end: int) -> bool:
        """Whether one of them has a character of ``[start, end)``; an empty one has to lie within."""
        before = bisect_left(self._starts, end)
        return before > 0 and self._ends[before - 1] > start

    def touch(self, start: int, end: int) -> bool:
        """Whether one of them overlaps ``[start, end)``, or one begins where the other ends."""
        before = bisect_right(self._starts, end)
        return before > 0 and self._ends[before - 1] >= start
