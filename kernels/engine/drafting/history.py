"""The text so far as tokens, in which the latest ones are searched. Pure Python; it knows token ids only.

Tokens are kept as characters of a string too: its search runs at the speed of memory, so nothing needs to be indexed
beforehand, which had taken longer than all searches. Only a text that is watched for long, without a search, has its
pairs of neighbours in a set: asked at each token, it takes a tenth of the time of a search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

#: Bits of a token id, as one of a pair.
_BITS = 21


class TokenHistory:
    """Tokens that only grow in number.

    An *end* of some tokens is a place right behind an occurrence, where another token follows.

    :param gap: the end of the first of two texts, which is no end, as nothing follows there; 0: there is one text.
    """

    def __init__(self, tokens: Iterable[int], gap: int) -> None:
        self.tokens = list(tokens)
        self._text = ""  # the first of these tokens, as characters; ids reach up to 1,114,111
        self._gap = gap
        self._pairs: set[int] = set()  # of neighbours among the first ``_paired`` tokens, ``_latest`` the last of them
        self._paired, self._latest = 0, -1

    def extend(self, tokens: Sequence[int]) -> None:
        """Append tokens."""
        self.tokens += tokens

    def note(self, tokens: Sequence[int]) -> bool:
        """Append tokens. Returns whether the latest two of all stood together before."""
        known, pairs = self.tokens, self._pairs
        recurs = False
        for token in chain(known[self._paired :], tokens):  # the first of these were appended by ``extend``
            pair = (self._latest << _BITS) | token
            recurs = pair in pairs
            if not recurs:
                pairs.add(pair)
            self._latest = token
        known += tokens
        self._paired = len(known)
        return recurs

    def latest(self, count: int) -> str:
        """The latest tokens, as what is searched for."""
        return self._write()[-count:]

    def _write(self) -> str:
        """The whole text as characters."""
        written = len(self._text)
        if written < len(self.tokens):
            self._text += "".join(map(chr, self.tokens[written:]))
        return self._text

    def iterate_back(self, searched: str, before: int | None = None) -> Iterator[int]:
        """Iterate over the ends of what is searched, the last first.

        :param before: only ends up to here; None: up to the last token.
        """
        size, text = len(searched), self._write()
        most = len(text) - 1 if before is None else min(before, len(text) - 1)
        while (start := text.rfind(searched, 0, most)) >= 0:
            if start + size != self._gap:
                yield start + size
            most = start + size - 1

    def iterate_on(self, searched: str, start: int, stop: int) -> Iterator[int]:
        """Iterate over the ends of what is searched that lie behind ``start`` and before ``stop``, the first first."""
        size, text = len(searched), self._write()
        place = max(start + 1 - size, 0)
        last = max(min(stop, len(text)) - 1, 0)
        while (place := text.find(searched, place, last)) >= 0:
            if place + size != self._gap:
                yield place + size
            place += 1
