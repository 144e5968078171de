"""How far to believe the survival that drafts state. Knows no text."""

from __future__ import annotations

#: Tokens that a pass is trusted for before anything is known of it: expected, and counted as if they had come.
_GOOD_FAITH = 8.0

#: Share of the evidence that is left after each step, so that a pass that failed is tried again after about a hundred.
_KEPT_PER_STEP = 0.98

#: Most tokens of evidence that count, so that a pass that turns to other texts does not stay trusted for long.
_MOST_EVIDENCE = 48.0


class Trust:
    """The tokens of a pass's drafts that were accepted lately, as a share of those that were expected.

    On texts that are not copied at all, it stops within a step or two what the first guesses of a pass would waste.
    What was learnt fades, so that drafts are tried again later.
    """

    def __init__(self) -> None:
        self._expected = self._accepted = 0.0

    @property
    def factor(self) -> float:
        """By what to multiply stated survival: above 0, at most 1."""
        return min((self._accepted + _GOOD_FAITH) / (self._expected + _GOOD_FAITH), 1.0)

    def learn(self, expected: float, accepted: int) -> None:
        """Learn from a draft: the tokens that were expected of it, and those that were accepted."""
        self._expected += expected
        self._accepted += accepted
        if self._expected > _MOST_EVIDENCE:
            share = _MOST_EVIDENCE / self._expected
            self._expected, self._accepted = _MOST_EVIDENCE, self._accepted * share

    def fade(self) -> None:
        """Let a part of the evidence go, as another step has passed."""
        self._expected *= _KEPT_PER_STEP
        self._accepted *= _KEPT_PER_STEP
