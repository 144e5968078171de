"""Texts that lost all their accents: Greek without a tonos, Vietnamese or Turkish in the letters of English.

Which accents they were cannot be proved for each word, so that nothing is repaired.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from midb.domain.defects import DefectFamily, DefectKind, Severity
from midb.locales import LANGUAGES, Locale, LocaleSection
from midb.text.inspection import FieldText
from midb.text.words import count_letters, function_words, split_words


class LostAccents(LocaleSection, table="lost_accents"):
    """``marks``: the letters of which every longer text has some, in lower case.

    ``letters``: so many letters of text have one of them in practice. ``word``: the pattern of a word in small letters
    that must have one; without it, the words of grammar that are written with them tell what the text ought to be.
    ``about``: parts of instructions that ask for this.
    """

    marks: str
    letters: int = 0
    word: str = ""
    about: tuple[str, ...] = ()

    @functools.cached_property
    def absent(self) -> re.Pattern[str]:
        """One of the letters with an accent."""
        # In capitals a dotless i is the letter I, which is in every text.
        return re.compile(f"[{self.marks}{''.join(mark for mark in self.marks.upper() if not mark.isascii())}]")

    @functools.cached_property
    def accented_word(self) -> re.Pattern[str]:
        """A word that has to have one of them."""
        return re.compile(self.word)

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """All of ``about`` as one regular expression, in either case."""
        return re.compile("|".join(self.about) or "(?!)", re.IGNORECASE)


LOST_ACCENTS = DefectKind(
    name="lost-accents",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MINOR,
    summary="a text without a single one of the accents that its language writes",
    needs=(LostAccents,),
)

#: Words without an accent, each of which ought to have one, from which on it is no name or abbreviation.
_LEAST_WORDS = 6
#: Different words of grammar that lost their accents, and words that a text has at least.
_LEAST_GRAMMAR = 3
_LEAST_ALL = 10
#: Every so many words one of grammar that lost its accents: names and foreign words have none.
_ONE_IN = 8


def find_lost_accents(item: FieldText, locale: Locale) -> tuple[int, int, str] | None:
    """The first word that lost its accent, with what proves it, ``None`` for a text that has accents or needs none."""
    section = locale.get(LostAccents)
    if section is None or (not section.word and not item.text.isascii()) or section.absent.search(item.text):
        return None
    if section.word:
        bare = list(section.accented_word.finditer(item.text))
        if len(bare) < _LEAST_WORDS:
            return None
        return bare[0].start(), bare[0].end(), f"{len(bare)} words without an accent, and none with one"
    found = list(_bare_words(locale.code).finditer(item.text))
    if not found:
        return _judge_by_length(item, section, locale)
    if not (_are_evident(found, item) or _is_long(item, section, locale)):
        return None
    return found[0].start(), found[0].end(), f"words of grammar without their accents ({len(found)}), and none with one"


def _judge_by_length(item: FieldText, section: LostAccents, locale: Locale) -> tuple[int, int, str] | None:
    """The same for a text without any such word of grammar: it must be twice as long."""
    letters = count_letters(item.protected.blank_out(item.text))
    if letters < 2 * section.letters or item.language != locale.code:
        return None
    first = next(re.finditer(r"[^\W\d_]+", item.text))
    return first.start(), first.end(), f"{letters} letters without a single accent"


def _are_evident(found: list[re.Match[str]], item: FieldText) -> bool:
    """Whether so much of a text is such words that it is in no other language."""
    words = len(split_words(item.text))
    different = {match.group().lower() for match in found}
    return len(different) >= _LEAST_GRAMMAR and words >= _LEAST_ALL and len(found) * _ONE_IN >= words


def _is_long(item: FieldText, section: LostAccents, locale: Locale) -> bool:
    """Whether a text is so long that it must have accents, and reads as the language even without them."""
    return count_letters(item.protected.blank_out(item.text)) >= section.letters and item.language == locale.code


@functools.cache
def _bare_words(code: str) -> re.Pattern[str]:
    """The words of grammar that lost their accents and became no word of grammar of any language.

    >>> _bare_words("vi").findall("Toi khong biet")
    ['Toi', 'khong']
    """
    known = frozenset().union(*(function_words(other) for other in (*LANGUAGES, "en")))
    bare = {_strip_accents(word) for word in function_words(code) if not word.isascii()}
    listed = sorted(word for word in bare - known if len(word) > 1 and word.isascii())
    return re.compile(rf"(?<!\w)(?:{'|'.join(listed) or '(?!)'})(?!\w)", re.IGNORECASE)


def _strip_accents(word: str) -> str:
    """
    >>> _strip_accents("được"), _strip_accents("değil")
    ('duoc', 'degil')
    """
    apart = unicodedata.normalize("NFD", word.translate(str.maketrans("đı", "di")))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
