"""The text so far as tokens, in which the latest ones are searched. Pure Python; it knows token ids only.

Tokens are kept as characters of a string too: its search runs at the speed of memory, so nothing needs to be indexed
beforehand, which had taken longer than all searches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


class TokenHistory:
    """Tokens that only grow in number.

    An *end* of some tokens is a place right behind an occurrence, where another token follows.

    :param gap: the end of the first of two texts, which is no end, as nothing follows there; 0: there is one text.
    """

    def __init__(self, tokens: Iterable[int], gap: int) -> None:
        self.tokens = list(tokens)
        self._text = "".join(map(chr, self.tokens))  # ids reach up to 1,114,111
        self._gap = gap

    def extend(self, tokens: Sequence[int]) -> None:
        """Append tokens."""
        self.tokens += tokens
        self._text += "".join(map(chr, tokens))

    def latest(self, count: int) -> str:
        """The latest tokens, as what is searched for."""
        return self._text[-count:]

    def iterate_back(self, searched: str, before: int | None = None) -> Iterator[int]:
        """Iterate over the ends of what is searched, the last first.

        :param before: only ends up to here; None: up to the last token.
        """
        size = len(searched)
        most = len(self._text) - 1 if before is None else min(before, len(self._text) - 1)
        while (start := self._text.rfind(searched, 0, most)) >= 0:
            if start + size != self._gap:
                yield start + size
            most = start + size - 1

    def iterate_on(self, searched: str, start: int, stop: int) -> Iterator[int]:
        """Iterate over the ends of what is searched that lie behind ``start`` and before ``stop``, the first first."""
        size = len(searched)
        place = max(start + 1 - size, 0)
        last = max(min(stop, len(self._text)) - 1, 0)
        while (place := self._text.find(searched, place, last)) >= 0:
            if place + size != self._gap:
                yield place + size
            place += 1
