"""How far a draft carries: how often its tokens are accepted, by what the draft rests on. Knows no text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from enum import IntEnum
from itertools import accumulate, chain, islice, repeat
from operator import mul, neg

#: A row that yields a token less often than this is not proposed, not even where rows are free.
_LEAST_SURVIVAL = 0.002

#: Lengths of runs and matches that are told apart; beyond the last one all count alike.
_BUCKETS = (1, 2, 3, 4, 5, 7, 10, 16, 26, 42)

#: The longest run or match that is told apart from longer ones.
LONGEST = _BUCKETS[-1]

#: Bucket of each length up to the longest.
_BUCKET_OF = tuple(bisect_right(_BUCKETS, length) for length in range(LONGEST + 1))

#: Bounds between the levels of fidelity. Fidelity is the share of a text's latest tokens that stood where the reference
#: said, as a running mean.
_LEVELS = (0.2, 0.45, 0.75, 0.93)

#: Fidelity of a pass of which nothing is known.
_FIRST_FIDELITY = 0.7

#: Tokens that a prior counts for. With 40, cells that were lucky are believed too early where rows are scarce, which
#: costs up to a quarter of the tokens per step.
_PRIOR_WEIGHT = 200

#: Misses, expected and real ones, that are assumed before the misses of a whole source and level scale its prior.
_SMOOTHING = 2.0

#: The highest miss rate of a prior that was scaled: no token is ruled out for good.
_MOST_MISSES = 0.995

#: Curves are drawn anew once what was learnt has grown by this share, and by some tokens more.
_REDRAW_GROWTH = 0.1

#: The tokens more, so that curves are not drawn anew with each of the first tokens.
_REDRAW_LEAST = 32


class Source(IntEnum):
    """What a draft rests on."""

    TRACK = 0  # the only likely path; its strength is the number of tokens copied in a row
    JUMP = 1  # the best of several paths, after a token that agrees; its strength is the same
    LOST = 2  # the best guess within an edit
    REPEAT = 3  # what followed the latest tokens before; its strength is the length of the match
    DISPUTED = 4  # the same, where an equally long match was followed by something else


#: Share of tokens that are accepted, by bucket of strength, in texts of the lowest and of the highest fidelity; the
#: levels between are interpolated. Measured on expert revisions, and on texts with 1 to 12 % of the tokens edited, in
#: German, Japanese, Arabic and Turkish.
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
    """How often draft tokens are accepted, by what they rest on and by the level of the text's fidelity, from 0 to 4.

    All sequences of a pass share one table, so that each learns from the others. Not thread-safe.

    :ivar fidelity: of the pass; a new sequence starts from it.
    """

    def __init__(self) -> None:
        self.fidelity = _FIRST_FIDELITY
        self._learnt, self._redraw = 0, 0
        self._curves: dict[tuple[Source, int, int], tuple[float, ...]] = {}
        self._rates: dict[int, list[float]] = {}  # by length, of each source and level, as of when curves were drawn
        top = len(_LEVELS)
        self._prior = [  # misses by source and level, then by bucket of strength
            [1 - low - (high - low) * level / top for low, high in zip(*_PRIORS[source], strict=True)]
            for source in Source
            for level in range(top + 1)
        ]
        # What came. For each source and level: misses, and the misses that the prior expected.
        self._misses = [[0.0, 0.0] for _ in self._prior]
        # And for each bucket of these: misses, and tokens compared.
        self._cells = [[[0, 0] for _ in prior] for prior in self._prior]

    def estimate_rate(self, source: Source, strength: int, level: int) -> float:
        """Share of such tokens that are accepted: above 0, below 1.

        What was learnt of a source and level scales the misses of its prior. The scaled prior is then combined with
        what was learnt at this strength.
        """
        row, bucket = _find_row(source, level), _BUCKET_OF[min(strength, LONGEST)]
        missed, expected = self._misses[row]
        prior = min(self._prior[row][bucket] * (missed + _SMOOTHING) / (expected + _SMOOTHING), _MOST_MISSES)
        missed, compared = self._cells[row][bucket]
        return 1 - (missed + _PRIOR_WEIGHT * prior) / (compared + _PRIOR_WEIGHT)

    def estimate_survival(self, source: Source, strength: int, level: int, limit: int) -> tuple[float, ...]:
        """Survival of at least ``limit`` tokens, or of those worth a row, as of when the curves were last drawn."""
        key = source, min(strength, LONGEST), level
        curve = self._curves.get(key, ())
        if len(curve) < limit and (not curve or curve[-1] > _LEAST_SURVIVAL):
            self._curves[key] = curve = self._draw_curve(*key, limit)
        return curve

    def _draw_curve(self, source: Source, strength: int, level: int, limit: int) -> tuple[float, ...]:
        first = self._get_rates(source, level)[strength]
        rest = self._get_rates(_source_after(source), level)
        following = chain(rest[strength + 1 :], repeat(rest[-1]))
        drawn = list(accumulate(islice(following, limit - 1), mul, initial=first))
        # The first one that is not worth a row is the last.
        return tuple(drawn[: bisect_left(drawn, -_LEAST_SURVIVAL, key=neg) + 1])

    def _get_rates(self, source: Source, level: int) -> list[float]:
        """The rate at each length up to the longest."""
        row = _find_row(source, level)
        if row not in self._rates:
            by_bucket = [self.estimate_rate(source, length, level) for length in (0, *_BUCKETS)]
            self._rates[row] = [by_bucket[bucket] for bucket in _BUCKET_OF]
        return self._rates[row]

    def learn(self, source: Source, strength: int, level: int, *, accepted: int, missed: bool) -> None:
        """Learn from one draft: the number of its tokens that came, and whether the next one did not."""
        compared = accepted + missed
        if not compared:
            return
        row, bucket = _find_row(source, level), _BUCKET_OF[strength if strength < LONGEST else LONGEST]
        self._note(row, bucket, 1)
        if compared > 1:
            row, length, end = _find_row(_source_after(source), level), strength + 1, strength + compared
            while length < end:
                bucket = _BUCKET_OF[length if length < LONGEST else LONGEST]
                next_length = min(_BUCKETS[bucket], end) if bucket < len(_BUCKETS) else end
                self._note(row, bucket, next_length - length)
                length = next_length
        if missed:
            self._cells[row][bucket][0] += 1
            self._misses[row][0] += 1
        self._learnt += compared
        if self._learnt > self._redraw:
            self._curves.clear()
            self._rates.clear()
            self._redraw = int(self._learnt * (1 + _REDRAW_GROWTH)) + _REDRAW_LEAST

    def _note(self, row: int, bucket: int, compared: int) -> None:
        """Count tokens of one bucket that were compared."""
        self._cells[row][bucket][1] += compared
        self._misses[row][1] += self._prior[row][bucket] * compared


def find_level(fidelity: float) -> int:
    """Find the level, from 0 to 4, of a fidelity."""
    return bisect_right(_LEVELS, fidelity)


def _find_row(source: Source, level: int) -> int:
    return source * (len(_LEVELS) + 1) + level


def _source_after(source: Source) -> Source:
    """What the rest of a draft rests on once its first token is accepted."""
    return Source.REPEAT if source >= Source.REPEAT else Source.TRACK
