"""The length that an instruction asks for in its own language, where its form leaves no doubt.

That is so behind "at most" and the like, in "in two sentences", and for a number of words that is no number of things:
"500 Wörter". All these are the locale's. Knows no pair and no response.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from midb.detectors.content.lengths.requests import SEVERAL, LengthLimit, Measure
from midb.locales import LocaleSection, load
from midb.text.quantities.numbers import ASCII_DIGITS, NumberWords


class LengthWords(LocaleSection, table="length_limit"):
    """How an instruction bounds the length of a text.

    The units as they stand behind a number; ``most`` and ``least`` before the number, ``most_behind`` and
    ``least_behind`` behind the unit. ``inside`` before a number makes it exact ("in two sentences"). ``each``: words by
    which the length is that of a part. A ``*`` at the end of a word stands for any letters; without ``blanks`` the
    language does not set words apart.
    """

    words: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    paragraphs: tuple[str, ...] = ()
    characters: tuple[str, ...] = ()
    most: tuple[str, ...]
    most_behind: tuple[str, ...] = ()
    least: tuple[str, ...]
    least_behind: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    each: tuple[str, ...]
    blanks: bool = True


_LONGEST_TASK = 700
#: So many words are no list that is asked for, nor words that are given.
_EXACT_WORDS = 20
#: So few characters are a code or a name.
_LEAST_CHARACTERS = 40

#: Before a number that is the end of a range, or an upper bound.
_UP_TO = re.compile(r"(?:[<≤]\s?|\d\s?\S{1,5}\s)\Z")


class _LengthPatterns:
    """The forms of one language, as regular expressions."""

    def __init__(self, words: LengthWords, numbers: NumberWords | None) -> None:
        self._numbers = numbers
        spoken = [word for forms in numbers.words.values() for word in forms] if numbers else []
        number = rf"(?P<number>\d{{1,4}}|{_any_phrase(spoken, blanks=False)})"
        edge = r"(?<!\w)" if words.blanks else ""
        units = "|".join(
            f"(?P<{measure.name}>{_any_phrase(getattr(words, measure.value), blanks=words.blanks)})"
            for measure in (Measure.WORDS, Measure.CHARACTERS, Measure.SENTENCES, Measure.PARAGRAPHS)
            if getattr(words, measure.value)
        )
        before = [
            f"(?P<{name}>{edge}{_any_phrase(phrases, blanks=words.blanks)})"
            for name, phrases in (("most", words.most), ("least", words.least), ("inside", words.inside))
            if phrases
        ]
        behind = [
            f"(?P<{name}>{_any_phrase(phrases, blanks=words.blanks)})"
            for name, phrases in (("most_behind", words.most_behind), ("least_behind", words.least_behind))
            if phrases
        ]
        tail = rf"(?:\s*(?:{'|'.join(behind)}))?" if behind else ""
        self._limit = re.compile(
            rf"(?:(?:{'|'.join(before)})\s*)?(?<![\w.,:/–-]){number}[\s-]?(?:{units}){tail}"
            if words.blanks
            else rf"(?:(?:{'|'.join(before)})\s*)?(?<![\d.,約–-]){number}\s?(?:{units}){tail}",
            re.IGNORECASE,
        )
        self._each = re.compile(edge + _any_phrase(words.each, blanks=words.blanks), re.IGNORECASE)

    def read(self, instruction: str) -> LengthLimit | None:
        """The one length that an instruction asks for."""
        text = instruction.translate(ASCII_DIGITS)
        matches = list(self._limit.finditer(text))
        if len(matches) != 1 or self._each.search(text):
            return None
        said = matches[0].groupdict()
        measure = next(measure for measure in Measure if said.get(measure.name))
        number = self._value(said["number"])
        if not number or (measure is Measure.CHARACTERS and number < _LEAST_CHARACTERS):
            return None
        if said.get("most") or said.get("most_behind") or _UP_TO.search(text[: matches[0].start("number")]):
            return LengthLimit(measure, 0, number)
        if said.get("least") or said.get("least_behind"):
            return LengthLimit(measure, number, None)
        if measure is Measure.WORDS:
            return LengthLimit(measure, 0, number, named=True) if number >= _EXACT_WORDS else None
        return LengthLimit(measure, number, number) if said.get("inside") else None

    def _value(self, number: str) -> int | None:
        return int(number) if number.isdigit() else self._numbers.value(number) if self._numbers else None


def _any_phrase(phrases: Sequence[str], *, blanks: bool) -> str:
    """A pattern for any of the phrases, longest first; with ``blanks`` each ends where a word does or at its star."""
    patterns = []
    for phrase in sorted(phrases, key=len, reverse=True):
        pattern = re.escape(phrase.rstrip("*")).replace(r"\ ", r"\s+")
        patterns.append(pattern + (r"\w*" if phrase.endswith("*") else r"(?!\w)" if blanks else ""))
    return f"(?:{'|'.join(patterns) or '(?!)'})"


@functools.cache
def _load_patterns(code: str) -> _LengthPatterns | None:
    locale = load(code)
    words = locale.get(LengthWords)
    return _LengthPatterns(words, locale.get(NumberWords)) if words else None


def read_native_limit(instruction: str, code: str) -> LengthLimit | None:
    """The length that an instruction in a language asks for, ``None`` where that is not certain.

    >>> str(read_native_limit("Schreibe höchstens 50 Wörter.", "de"))
    'at most 50 words'
    """
    if len(instruction) > _LONGEST_TASK or SEVERAL.search(instruction):
        return None
    patterns = _load_patterns(code)
    return patterns.read(instruction) if patterns else None
