"""Which row of an English MEB file a row of a translated one is: the files have no ids, and some lack a row.

The only thing that a row and its translations share is the edit distance of the English revision, which every file
repeats. Taken together these numbers say where a row is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

#: Share of rows that must find their English row; files with fewer are not translations of it.
_LEAST_ALIGNED = 0.95


def align_rows(distances: Sequence[float | None], english: Sequence[float | None]) -> list[int | None]:
    """Find the English row of each row; None for all of them where the files do not belong together.

    :param distances: of each row; None where a row has none.
    :return: for each row its index in the English file, or None.

    >>> align_rows([5, 9, 7], [5, 8, 9, 7])
    [0, 2, 3]
    """
    found: list[int | None] = [None] * len(distances)
    blocks = SequenceMatcher(None, distances, english, autojunk=False).get_opcodes()
    for kind, start, end, other, other_end in blocks:
        # A row that lacks its number between rows that have theirs stands where it must.
        same_size = kind == "replace" and end - start == other_end - other
        if kind == "equal" or (same_size and all(number is None for number in distances[start:end])):
            for row in range(start, end):
                found[row] = other + row - start
    aligned = sum(row is not None for row in found)
    if aligned < _LEAST_ALIGNED * max(len(distances), 1):
        return [None] * len(distances)
    return found
