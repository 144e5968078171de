"""How far a draft carries: how often its tokens are accepted, by what it rests on. Knows no text."""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum

#: A row that yields a token this rarely is not proposed, not even where rows are free.
_LEAST_SURVIVAL = 0.002

#: Runs and matches are told apart by their length up to the last of these.
_BUCKETS = (1, 2, 3, 4, 5, 7, 10, 16, 26, 42)
LONGEST = _BUCKETS[-1]
_BUCKET = tuple(bisect_right(_BUCKETS, length) for length in range(LONGEST + 1))

#: Levels of fidelity: the share of a text's latest tokens that stood where the reference said, as a running mean.
_LEVELS = (0.2, 0.45, 0.75, 0.93)

#: Tokens that a prior counts for: with 40, the luckiest cells are believed where rows are scarce, at up to a quarter of
#: the tokens per step. Misses that the odds of a whole prior count for; the share by which what was learnt grows before
#: curves are redrawn.
_PRIOR_WEIGHT, _EVEN, _GROWTH = 200, 2.0, 0.1


class Source(IntEnum):
    """What a draft rests on."""

    TRACK = 0  # a path as good as alone; its strength is the tokens copied in a row
    JUMP = 1  # the best of several paths after a token that agrees; strength as above
    LOST = 2  # the best guess within an edit
    REPEAT = 3  # what followed the latest tokens before; its strength is the length of the match
    DISPUTED = 4  # the same where an equally long match says otherwise


#: Acceptance by strength in texts of the lowest and the highest fidelity; levels between lie on a line. Measured on
#: expert revisions and on texts with 1 to 12 % of the tokens edited, in German, Japanese, Arabic and Turkish.
_PRIORS = {
    Source.TRACK: ((0.24, 0.39, 0.56, 0.58, 0.63, 0.75, 0.79, 0.84, 0.86, 0.88, 0.90), (0.99,) * 11),
    Source.JUMP: ((0.2,) * 11, (0.7,) * 11),
    Source.LOST: ((0.01,) * 11, (0.25,) * 11),
    Source.REPEAT: (
        (0.34, 0.34, 0.55, 0.59, 0.62, 0.66, 0.68, 0.75, 0.75, 0.80, 0.85),
        (0.40, 0.40, 0.60, 0.60, 0.62, 0.70, 0.80, 0.90, 0.90, 0.95, 0.95),
    ),
    Source.DISPUTED: ((0.09, 0.09, *(0.2,) * 9), (0.05, 0.05, *(0.2,) * 9)),
}


class SurvivalTable:
    """How often draft tokens are accepted, by what they rest on and by the fidelity of the text, a level from 0 to 4.

    All sequences of a pass share one, so that each learns from the others. Not thread-safe.

    :ivar fidelity: of the pass; a new sequence starts from it.
    """

    def __init__(self) -> None:
        self.fidelity = 0.7
        self._learnt, self._redraw = 0, 0
        self._curves: dict[tuple[Source, int, int], tuple[float, ...]] = {}
        top = len(_LEVELS)
        self._prior = [  # misses by source and level, then by bucket of strength
            [1 - low - (high - low) * level / top for low, high in zip(*_PRIORS[source], strict=True)]
            for source in Source
            for level in range(top + 1)
        ]
        # What came: of a source and level misses, and how many the prior expected; of a bucket misses and comparisons.
        self._misses = [[0.0, 0.0] for _ in self._prior]
        self._cells = [[[0, 0] for _ in prior] for prior in self._prior]

    def rate(self, source: Source, strength: int, level: int) -> float:
        """Share of such tokens that are accepted: above 0, below 1.

        What was learnt of a source and level scales the misses of its prior, and this weighs against the cell's own.
        """
        row, bucket = _row(source, level), _BUCKET[min(strength, LONGEST)]
        missed, expected = self._misses[row]
        prior = min(self._prior[row][bucket] * (missed + _EVEN) / (expected + _EVEN), 0.995)
        missed, compared = self._cells[row][bucket]
        return 1 - (missed + _PRIOR_WEIGHT * prior) / (compared + _PRIOR_WEIGHT)

    def survival(self, source: Source, strength: int, level: int, limit: int) -> tuple[float, ...]:
        """Survival of ``limit`` tokens or more, or of those worth a row, as of the last time that curves were drawn."""
        key = source, min(strength, LONGEST), level
        curve = self._curves.get(key, ())
        if len(curve) < limit and (not curve or curve[-1] > _LEAST_SURVIVAL):
            product, drawn = 1.0, list[float]()
            while len(drawn) < limit and product > _LEAST_SURVIVAL:
                product *= self.rate(source, strength + len(drawn), level)
                drawn.append(product)
                source = _after(source)
            self._curves[key] = curve = tuple(drawn)
        return curve

    def learn(self, source: Source, strength: int, level: int, *, accepted: int, missed: bool) -> None:
        """Count the tokens of one draft that came, and one that did not if ``missed``."""
        row = _row(source, level)
        for length in range(strength, strength + accepted + missed):
            bucket = _BUCKET[length if length < LONGEST else LONGEST]
            self._cells[row][bucket][1] += 1
            self._misses[row][1] += self._prior[row][bucket]
            if length == strength + accepted:
                self._cells[row][bucket][0] += 1
                self._misses[row][0] += 1
            if length == strength:
                row = _row(_after(source), level)
        self._learnt += accepted + missed
        if self._learnt > self._redraw:
            self._curves.clear()
            self._redraw = int(self._learnt * (1 + _GROWTH)) + 32


def level_of(fidelity: float) -> int:
    """The level, from 0 to 4, of a share of tokens that stood where the reference said."""
    return bisect_right(_LEVELS, fidelity)


def _row(source: Source, level: int) -> int:
    return source * (len(_LEVELS) + 1) + level


def _after(source: Source) -> Source:
    """What a draft rests on once its first token is accepted."""
    return Source.REPEAT if source >= Source.REPEAT else Source.TRACK
