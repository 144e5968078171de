"""The list of a text: how many items it has, where that is beyond doubt. Knows no language."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ITEM = re.compile(
    r"^(?P<indent>[ \t]{0,12})(?:(?:\*\*)?(?P<number>\d{1,3})(?:[.)、．）]|:(?!\d))(?:\*\*)?(?!\d)[ \t]*(?=\S)"
    r"|(?P<bullet>[-*•‣▪●◦–—・])(?![-*•])[ \t]*(?=\S))(?P<text>[^\n]*)"
    r"|^(?P<other>[ \t]*\S[^\n]*)",
    re.MULTILINE,
)


_WORD = re.compile(r"[^\W\d_]+")
#: So many lines, with so few words on average, make a list of words.
_LEAST_LINES, _WORDS_A_LINE = 3, 1.5


@dataclass(frozen=True, slots=True)
class ItemList:
    """The one list of a text: its items' texts, and ``[start, end)`` from the first item's mark to the last's end."""

    items: tuple[str, ...]
    start: int
    end: int

    def __len__(self) -> int:
        return len(self.items)


def lists_words(text: str) -> bool:
    """Whether a text is a list with hardly more than one word a line.

    >>> lists_words("1. pera\\n2. fresa\\n3. limón"), lists_words("Una pera y una fresa.")
    (True, False)
    """
    words = [len(_WORD.findall(line)) for line in text.split("\n") if line.strip()]
    return len(words) >= _LEAST_LINES and sum(words) <= _WORDS_A_LINE * len(words)


def find_only_list(text: str) -> ItemList | None:
    """The list of a text that has exactly one, of two items at least; nested items do not count.

    >>> text = "Here:" + chr(10) + "1. tea" + chr(10) + "   - green" + chr(10) + "2. milk"
    >>> (find_only_list(text) or ItemList((), 0, 0)).items
    ('tea', 'milk')
    """
    lines = list(_ITEM.finditer(text))
    numbered = [line for line in lines if line["number"]]
    if len(numbered) >= 2:
        if any(int(line["number"]) != number for number, line in enumerate(numbered, 1)):
            return None
        if any(_goes_on(line, len(numbered)) for line in lines[lines.index(numbered[-1]) + 1 :]):
            return None  # the mark of the last item is damaged
        return _make_list(numbered)
    bullets = [index for index, line in enumerate(lines) if line["bullet"]]
    if numbered or len(bullets) < 2:
        return None
    depth = min(len(lines[index]["indent"]) for index in bullets)
    # One blank more is the same depth: the first line of a text often lost its blanks.
    top = [index for index in bullets if len(lines[index]["indent"]) <= depth + 1]
    if len(top) < 2:
        return None
    between = lines[top[0] : top[-1] + 1]
    if any(line["other"] and not line["other"].startswith((" ", "\t")) for line in between):
        return None  # several lists, or paragraphs with dashes
    if len({lines[index]["bullet"] for index in top}) > 1:
        return None  # two levels without indentation
    return _make_list([lines[index] for index in top])


def _goes_on(line: re.Match[str], count: int) -> bool:
    """Whether a line without a mark begins with the number after ``count``, as in "4 more" below an item 3."""
    return bool(re.match(rf"[ \t]*{count + 1}(?![\d.,:])", line["other"] or ""))


def _make_list(lines: list[re.Match[str]]) -> ItemList:
    items = tuple(line["text"].strip() for line in lines)
    return ItemList(items, lines[0].start(), lines[-1].end())
