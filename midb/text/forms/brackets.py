"""Brackets in prose: which are opened and never closed. Knows smileys, lists and intervals, no languages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from midb.text.code.signs import brackets_as_code
from midb.text.spans import Spans

#: Bracket -> its family, named by a closing bracket. Full width and half width are one family, because Japanese text
#: opens with the one and closes with the other.
_FAMILY = dict(zip("([{（［｛「『【《〈〔", ")]})]}」』】》〉〕", strict=True))
_CLOSES = dict(zip(")]}）］｝」』】》〉〕", ")]})]}」』】》〉〕", strict=True))

_OPENING = re.compile(f"[{re.escape(''.join(_FAMILY))}]")
_BRACKET = re.compile(f"[{re.escape(''.join(_FAMILY) + ''.join(_CLOSES))}]")

#: Brackets that neither open nor close anything: smileys, intervals with one end open, escaped brackets, ASCII tables.
_NO_BRACKET = re.compile(
    r"(?<![\w])[:;=8xX>][-'’^o]?[(\[{<]{1,3}|(?<![(\[{])[(\[{]{1,3}[-'’^o]?[:;=8](?!\w)"
    r"|[(\[][^()\[\]\n]{1,30}[,;][^()\[\]\n]{1,30}[)\]]|[\]\[][^()\[\]\n]{1,30}[,;][^()\[\]\n]{1,30}[\[\]]"
    r"|\\[(\[{)\]}]|[\"'“”‘’«»„`][(\[{)\]}][\"'“”‘’«»„`]"
)

#: A text that leaves more brackets open than this is no prose.
_MOST = 8

#: How many brackets that are still open a closing one may reach back over.
_REACH = 8


def find_unclosed_brackets(text: str, protected: Spans) -> Iterator[tuple[int, str]]:
    """(start, bracket) of every bracket that prose opens and the rest of the text never closes.

    A bracket that closes nothing is no finding: ``a)`` and ``1)`` are lists.

    >>> list(find_unclosed_brackets("a) see (below, b) and :(", Spans(())))
    []
    >>> list(find_unclosed_brackets("It lies far away (in the north. Nobody goes there.", Spans(())))
    [(17, '(')]
    """
    if not _OPENING.search(text) or _is_balanced(text):
        return
    ignored = [match.span() for match in _NO_BRACKET.finditer(text)]
    opened: list[tuple[int, str]] = []
    skip = 0
    for match in _BRACKET.finditer(text):
        start, bracket = match.start(), match.group()
        while skip < len(ignored) and ignored[skip][1] <= start:
            skip += 1
        if (skip < len(ignored) and ignored[skip][0] <= start) or protected.overlaps(start, start + 1):
            continue
        if bracket in _FAMILY:
            opened.append((start, bracket))
        else:
            _close(opened, _CLOSES[bracket])
    for start, bracket in opened if len(opened) <= _MOST else ():
        if _is_in_prose(text, start):
            yield start, bracket


def _is_balanced(text: str) -> bool:
    """Whether every family has at least as many closing brackets as opening ones, as nearly all texts have."""
    count = Counter(_BRACKET.findall(text))
    opened: Counter[str] = Counter()
    for bracket, times in count.items():
        if bracket in _FAMILY:
            opened[_FAMILY[bracket]] += times
        else:
            opened[_CLOSES[bracket]] -= times
    return all(times <= 0 for times in opened.values())


def _close(opened: list[tuple[int, str]], closing: str) -> None:
    """Close the innermost bracket of the family; those opened after it stay open.

    So one bracket of the wrong kind leaves one bracket open, and not all those around it.
    """
    for index in range(len(opened) - 1, max(-1, len(opened) - 1 - _REACH), -1):
        if _FAMILY[opened[index][1]] == closing:
            del opened[index]
            return


def _is_in_prose(text: str, start: int) -> bool:
    """Whether a bracket stands before a word in a line that is neither code nor a formula."""
    begin, end = text.rfind("\n", 0, start) + 1, text.find("\n", start)
    line = text[begin : end if end >= 0 else len(text)]
    follows = text[start + 1 : start + 3].strip()[:1]
    return (follows.isalnum() or follows in _FAMILY or follows in "\"'“„«‘") and not brackets_as_code(line)
