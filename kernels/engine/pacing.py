"""Asking a drafter less often where its drafts bring nothing. Counts steps; knows no clock and no text."""

from __future__ import annotations

from collections.abc import Sequence

from midb.kernels.engine.draft import NOTHING, Draft, Drafter

#: Steps without a verified draft before proposals grow rare; the part of the steps since then that one waits for the
#: next, and the steps of a wait at most. Of the tokens of a wait the latest are followed: enough to find a place by.
_GRACE, _PART, _LONGEST_WAIT, _FOLLOWED = 8, 0.25, 16, 6


class PacedDrafter:
    """A drafter that is asked less often the longer none of its drafts is verified, so that new text costs little.

    Where a text turns out to be copied after all, what was missed is a part of the steps that had brought nothing.
    """

    def __init__(self, drafter: Drafter) -> None:
        self._drafter = drafter
        self._fruitless = 0  # steps since a draft was verified
        self._wait = 0  # steps until the next proposal
        self._unread: list[int] = []

    def propose(self, limit: int) -> Draft:
        """What may come next, as the drafter says; nothing during a wait."""
        if self._wait:
            return NOTHING
        self._catch_up()
        return self._drafter.propose(limit)

    def extend(self, emitted: Sequence[int], drafted: int) -> None:
        """Take what a step yielded, as the drafter does; during a wait, to be read later."""
        self._fruitless = 0 if drafted else self._fruitless + 1
        if self._wait:
            self._wait -= 1
            self._unread += emitted
            return
        self._catch_up()
        self._drafter.extend(emitted, drafted)
        self._wait = min(int(max(self._fruitless - _GRACE, 0) * _PART), _LONGEST_WAIT)

    def _catch_up(self) -> None:
        if self._unread:
            self._drafter.skip(self._unread[:-_FOLLOWED])
            self._drafter.extend(self._unread[-_FOLLOWED:], 0)
            self._unread = []
