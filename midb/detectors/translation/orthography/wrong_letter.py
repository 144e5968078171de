"""Wrong letters where the word itself proves it: which rules hold in which language, and when none is applied."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

from midb.detectors.translation.orthography.arabic import find_in_arabic
from midb.detectors.translation.orthography.greek import find_in_greek
from midb.detectors.translation.orthography.misread import find_in_turkish, find_in_vietnamese
from midb.detectors.translation.orthography.places import Place
from midb.detectors.translation.orthography.syllables import find_misplaced_tones
from midb.detectors.translation.orthography.thai import find_in_thai
from midb.domain.defects import DefectFamily, DefectKind, Severity
from midb.locales import LocaleSection
from midb.text.inspection import Inspection
from midb.text.subjects.punctuation_tasks import is_about_punctuation


class LetterRules(StrEnum):
    """What may be looked for in a language."""

    THAI = "thai"
    GREEK = "greek"
    ARABIC = "arabic"
    TURKISH_ENCODING = "turkish-encoding"
    VIETNAMESE_ENCODING = "vietnamese-encoding"
    VIETNAMESE_TONES = "vietnamese-tones"


class WrongLetters(LocaleSection, table="wrong_letters"):
    """``rules``: what is looked for. ``about``: parts of instructions that have letters for their subject."""

    rules: tuple[LetterRules, ...]
    about: tuple[str, ...] = ()

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """All of ``about`` as one regular expression, in either case."""
        return re.compile("|".join(self.about) or "(?!)", re.IGNORECASE)


class _Rule(NamedTuple):
    """How places are found, and whether they are mistakes of a writer, such as a task of spelling shows on purpose."""

    find: Callable[[str], Iterator[Place]]
    of_spelling: bool


_RULES = {
    LetterRules.THAI: _Rule(find_in_thai, True),
    LetterRules.GREEK: _Rule(find_in_greek, True),
    LetterRules.ARABIC: _Rule(find_in_arabic, True),
    LetterRules.TURKISH_ENCODING: _Rule(find_in_turkish, False),
    LetterRules.VIETNAMESE_ENCODING: _Rule(find_in_vietnamese, False),
    LetterRules.VIETNAMESE_TONES: _Rule(find_misplaced_tones, True),
}

WRONG_LETTER = DefectKind(
    name="wrong-letter",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MINOR,
    summary="a letter that stands for another, or letters and marks in an order that no word has",
    repairs=True,
    needs=(WrongLetters,),
)

#: English tasks about letters and their order.
_ENGLISH = re.compile(
    r"misspel|spelling|\btypos?\b|gramma|anagram|palindrom|backward|\breverse|\bletters?\b|scrambl|alphabet|mistake"
    r"|proofread|icelandic|persian|farsi",
    re.IGNORECASE,
)


def find_wrong_letters(text: str, inspection: Inspection) -> Iterator[Place]:
    """The places of one text of a pair, unless letters are what the pair is about."""
    section = inspection.locale.get(WrongLetters)
    if section is None or text.isascii():
        return
    for name in section.rules:
        rule = _RULES[name]
        places = list(rule.find(text))
        if places and not _may_be_meant(inspection, section, of_spelling=rule.of_spelling):
            yield from places


def _may_be_meant(inspection: Inspection, section: WrongLetters, *, of_spelling: bool) -> bool:
    """Whether the task is about letters, or, where they are mistakes of a writer, about mistakes."""
    original = (inspection.source.instruction if inspection.source else None) or ""
    if section.pattern.search(inspection.pair.instruction or "") or _ENGLISH.search(original):
        return True
    return of_spelling and is_about_punctuation(inspection)
