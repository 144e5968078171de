"""How long a text is, counted carefully: so much at least, and so much at most. Knows no limit.

What is a sentence, a line or a word is often a matter of opinion. A text misses a length only where it does so however
one counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from midb.detectors.content.lengths.requests import Measure


@dataclass(frozen=True, slots=True)
class LengthCount:
    """A text has ``least`` of something at least, and ``most`` at most."""

    least: int
    most: int


#: What ends a sentence, with what closes around it.
_END = re.compile(r"[.!?…]+[\"'”’»)\]*]*(?=\s|$)|[。！？؟۔]+[」』”)]*")
_OPENING = " \t\"'“‘«„¿¡([*-"
#: A full stop behind one of these may belong to it: an initial, a number, a short word.
_ABBREVIATION = re.compile(r"(?:(?<!\w)[^\W\d_]{1,4}|\d|\.[^\W\d_])$")
#: Indonesian and Malay shorten a word to its consonants: "dll.", "hlm."
_FEW_VOWELS = re.compile(r"(?:(?<!\w)(?:[A-Z][^\W\d_]{0,3}|[b-df-hj-np-tv-z]{1,4})|\d|\.[^\W\d_])$")
#: Where nearly every word is as short, an abbreviation shows by its capital, or by being Latin.
_SHORT_WORDS = {
    "vi": re.compile(r"(?:(?<!\w)(?=[^\W\d_a-z])(?![à-ỹđ])[^\W\d_]{1,4}|\d|\.[^\W\d_])$"),
    "id": _FEW_VOWELS,
    "ms": _FEW_VOWELS,
    "ko": re.compile(r"(?:(?<!\w)[A-Za-z]{1,4}|\d|\.[^\W\d_])$"),
}
#: Characters on either side of such a mark that tell what it is.
_NEAR = 16
_LETTER_OR_DIGIT = re.compile(r"\w")
_MARK = re.compile(r"\s*(?:[-*•]|\d{1,3}[.)]|#+)\s*")
_SLASH = re.compile(r"\S\s*/\s*\S")


def count(measure: Measure, text: str, language: str) -> LengthCount | None:
    """How many of a measure a text in a language has; ``None`` where nobody can say.

    >>> count(Measure.SENTENCES, "Dr. Who arrived. He saw?", "it"), count(Measure.WORDS, "one two - three", "it")
    (LengthCount(least=2, most=3), LengthCount(least=3, most=3))
    """
    lines = [line for line in text.split("\n") if line.strip()]
    if measure is Measure.WORDS:
        return _count_words(text, language)
    if measure is Measure.CHARACTERS:
        return LengthCount(sum(not character.isspace() for character in text), len(text))
    if measure is Measure.SENTENCES:
        return None if language == "th" else _count_sentences(lines, _SHORT_WORDS.get(language, _ABBREVIATION))
    if measure is Measure.LINES:
        titles = sum(line.rstrip().endswith(":") or len(line.split()) == 1 for line in lines)
        return LengthCount(len(lines) - titles, max(len(lines), len(_SLASH.findall(text)) + 1, len(_END.findall(text))))
    blocks = [block for block in re.split(r"\n\s*\n", text) if block.strip()]
    prose = [block for block in blocks if _END.search(block) and not _MARK.match(block)]
    return LengthCount(len(prose), max(len(lines), len(blocks)))


def _count_words(text: str, language: str) -> LengthCount | None:
    if language in ("ja", "th"):
        return None  # no blanks between words
    number = sum(bool(_LETTER_OR_DIGIT.search(word)) and not _MARK.fullmatch(word) for word in text.split())
    if language == "ko":
        return LengthCount(number, 2 * number)  # particles are written with their nouns
    if language == "vi":
        return LengthCount(2 * number // 3, number)  # words of several syllables have blanks in them
    return LengthCount(number, number)


def _count_sentences(lines: list[str], abbreviation: re.Pattern[str]) -> LengthCount:
    sure = possible = 0
    for line in lines:
        ends = list(_END.finditer(line))
        possible += len(ends) + bool(not ends or line[ends[-1].end() :].strip())
        for end in ends:
            behind = line[end.end() : end.end() + _NEAR].lstrip(_OPENING)[:1]
            before = line[max(0, end.start() - _NEAR) : end.start()]
            abbreviated = end.group()[0] == "." and abbreviation.search(before)
            sure += not behind or not (abbreviated or behind.islower())
    return LengthCount(sure, possible)
