"""Arabic words with the Persian letters for kaf and yeh, and words that are drawn out with a line (tatweel)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from midb.detectors.translation.orthography.places import Place

_LETTER = "\u0621-\u063a\u0641-\u064a\u06a9\u06cc"
_MARK = "\u064b-\u0652"
_WORD = re.compile(f"(?<![\\w{_MARK}])[{_LETTER}{_MARK}]+(?![\\w{_MARK}])")
_FOREIGN = re.compile("[\u06a9\u06cc]")

#: Words that only Arabic has: with its article, its feminine ending or a hamza below.
_OWN_WORD = re.compile(
    f"(?<![\\w{_MARK}])(?:[وفبك]?ال|لل)[{_LETTER}]{{3,}}|(?<!\\w)[{_LETTER}]{{2,40}}ة(?!\\w)|(?<!\\w)إ[{_LETTER}]+"
)
#: So many of them in a field, and it is Arabic.
_LEAST_OWN_WORDS = 3
#: Letters and frequent words that make a line Persian, Urdu or Kurdish.
_OTHER = re.compile(
    "[پچژگٹڈڑںےھہۀێۆەڵڕټډړږښڅځڼېۍ]|(?<!\\w)(?:است|این|که|را|از|برای|می|های|شده|شود|کرد|کنید|یک|با|آن|ہے|کے|کی)(?!\\w)"
)
_QUOTED = re.compile(r"[\"“”«»()\[\]']")
#: Words that end in ی and can be spelled in one way only; of others nobody knows whether it is ي or ى.
_ENDING_IN_YEH = {
    "فی": "في", "وفی": "وفي", "التی": "التي", "والتی": "والتي", "الذی": "الذي", "والذی": "والذي",
    "هی": "هي", "وهی": "وهي", "حتی": "حتى", "لکی": "لكي", "متی": "متى", "سوی": "سوى",
    "أخری": "أخرى", "الأخری": "الأخرى", "کبری": "كبرى", "الکبری": "الكبرى", "أی": "أي", "مدی": "مدى",
}  # fmt: skip

_ENDS_IN_YEH = re.compile(f"\u06cc[{_MARK}]*$")

#: A line inside a word; one at its end stands for what a letter is joined to ("هـ", "لـ 5").
_DRAWN_OUT = re.compile(f"[\u0621-\u063f\u0641-\u064a][{_MARK}]*\u0640+(?=[\u0621-\u063f\u0641-\u064a])")


def find_in_arabic(text: str) -> Iterator[Place]:
    """Every place of a text.

    >>> found = find_in_arabic("هذه الکتب المفيدة فی المکتبة العامة علی الرف")
    >>> [(place.before, place.after) for place in found]
    [('الکتب', 'الكتب'), ('فی', 'في'), ('المکتبة', 'المكتبة'), ('علی', None)]
    """
    if "\u0640" in text:
        for match in _DRAWN_OUT.finditer(text):
            yield Place(match.start(), match.group(), None, "a word drawn out with a line (tatweel)")
    if not _FOREIGN.search(text) or len(_OWN_WORD.findall(text)) < _LEAST_OWN_WORDS:
        return
    start = 0
    for line in text.split("\n"):
        if not _OTHER.search(line):
            yield from _find_persian_letters(line, start)
        start += len(line) + 1


def _find_persian_letters(line: str, offset: int) -> Iterator[Place]:
    """Words of an Arabic line with Persian letters, unless they stand between marks of quotation or in brackets."""
    for match in _WORD.finditer(line):
        word = match.group()
        if not _FOREIGN.search(word):
            continue
        around = line[max(0, match.start() - 1) : match.start()] + line[match.end() : match.end() + 1]
        if not _QUOTED.search(around):
            yield Place(offset + match.start(), word, _spell(word), "Persian letters in an Arabic word")


def _spell(word: str) -> str | None:
    """The word with Arabic letters; ``None`` where its ending is not certain."""
    if word in _ENDING_IN_YEH:
        return _ENDING_IN_YEH[word]
    if _ENDS_IN_YEH.search(word):
        return None
    return word.replace("\u06a9", "\u0643").replace("\u06cc", "\u064a")
