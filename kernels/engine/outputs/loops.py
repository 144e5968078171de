"""Notices an output that only repeats itself, so that it need not run on to its bound. Token ids only, no torch.

Small models fall into such loops, and nothing that comes later is of use. A text may repeat something itself: what the
reference repeats as well is none.
"""

from __future__ import annotations

from collections.abc import Sequence

#: New tokens after which an output is looked at again. It is looked at where its length is a multiple of this, however
#: many tokens a step brought, so that drafts do not change where an output ends.
EVERY = 64

#: Tokens of the output's end that are looked at. A loop that is longer than a quarter of it is not noticed.
_LOOKED_AT = 512

#: Fewest tokens that repeat the same few, and fewest repetitions.
_LEAST_TOKENS = 128
_LEAST_REPETITIONS = 4


def find_loop(token_ids: Sequence[int], begin: int, known: int, reference: Sequence[int] = ()) -> int:
    """Find how many tokens of an output there are when it is first seen to be in a loop; 0 if it is in none.

    :param token_ids: prompt and output, which begins at index ``begin``.
    :param known: tokens of the output at the last look; loops before that are not looked for.
    :param reference: a text that may repeat itself as long as this one does.

    >>> find_loop([7, 8] * 64, 0, 0), find_loop(range(128), 0, 0), find_loop([7, 8] * 64, 0, 0, [8, 7] * 80)
    (128, 0, 0)
    """
    length = len(token_ids) - begin
    for end in range((known // EVERY + 1) * EVERY, length + 1, EVERY):
        tail = list(token_ids[max(begin, begin + end - _LOOKED_AT) : begin + end])
        looping = _count_looping(tail)
        if looping and not _holds(reference, tail[-looping:]):
            return end
    return 0


def _count_looping(tail: list[int]) -> int:
    """Count the tokens at the end that repeat a few of them often enough; 0 if there are too few.

    From the end backwards, the longest border of what was read so far (Knuth, Morris & Pratt, 1977) gives its shortest
    period.
    """
    backwards = tail[::-1]
    borders = [0] * len(backwards)
    found = border = 0
    for place in range(1, len(backwards)):
        token = backwards[place]
        while border and token != backwards[border]:
            border = borders[border - 1]
        if token == backwards[border]:
            border += 1
        borders[place] = border
        read = place + 1
        if read >= max(_LEAST_TOKENS, _LEAST_REPETITIONS * (read - border)):
            found = read
    return found


def _holds(reference: Sequence[int], run: list[int]) -> bool:
    """Whether a text holds these tokens one after the other."""
    count = len(run)
    if len(reference) < count:
        return False
    ids = list(reference)
    return any(ids[place] == run[0] and ids[place : place + count] == run for place in range(len(ids) - count + 1))
