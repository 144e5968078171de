"""Words with letters of two alphabets: look-alikes of another alphabet are put right, glued words are flagged.

Knows which Latin, Cyrillic and Greek letters look alike, and no words. Other scripts are written against Latin letters
without a blank and are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.edits import Edit
from midb.locales import Locale, LocaleSection
from midb.text.inspection import FieldText, Inspection
from midb.text.subjects.language_tasks import LanguageTasks


class FrequentWords(LocaleSection, table="frequent_words"):
    """``words``: so frequent, in lower case, that a word which looks like one of them is it, were it in two alphabets.

    Left out are those that would be another word by the sound of a Latin letter (вот, бот).
    """

    words: frozenset[str]


MIXED_SCRIPT_WORD = DefectKind(
    name="mixed-script-word",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MAJOR,
    summary="Latin, Cyrillic or Greek letters mixed in one word",
    repairs=True,
    needs=(LanguageTasks,),
    explains=frozenset({"foreign-script"}),
)
KINDS = (MIXED_SCRIPT_WORD,)


class Alphabet(StrEnum):
    """The alphabets whose letters are mistaken for each other. The values are the names of Unicode scripts."""

    LATIN = "Latin"
    CYRILLIC = "Cyrillic"
    GREEK = "Greek"


_RANGES = {
    Alphabet.LATIN: "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff",
    Alphabet.CYRILLIC: "\u0400-\u0481\u048a-\u052f",
    Alphabet.GREEK: "\u0386\u0388-\u03ff\u1f00-\u1fff",
}
_LETTER = {alphabet: re.compile(f"[{letters}]") for alphabet, letters in _RANGES.items()}
_OTHER_THAN_LATIN = re.compile(f"[{_RANGES[Alphabet.CYRILLIC]}{_RANGES[Alphabet.GREEK]}]")
_WORD = re.compile(f"[{''.join(_RANGES.values())}\u0300-\u036f]+")

# Letters of two alphabets that are drawn the same, in the same order.
_ALIKE = {
    (Alphabet.LATIN, Alphabet.CYRILLIC): ("aceopxyABCEHKMOPTXëËïs", "асеорхуАВСЕНКМОРТХёЁїѕ"),
    (Alphabet.LATIN, Alphabet.GREEK): ("oóABEHIKMNOPTXYZvúí", "οόΑΒΕΗΙΚΜΝΟΡΤΧΥΖνύί"),
}
_TRANSLATED = {
    (source, target): str.maketrans(left, right)
    for (one, other), (first, second) in _ALIKE.items()
    for source, target, left, right in ((one, other, first, second), (other, one, second, first))
}
#: Letters that also sound alike. Any other may stand for its sound: the "p" of a half transliterated "поэт" is no "р".
_SOUND_ALIKE = frozenset("aeoAEKMOTëËïs" + "аеоАЕКМОТёЁїѕ" + "óINZí" + "οόΑΕΙΚΜΝΟΤΖί")
#: Greek letters that are symbols of their own in formulas and units, beside Latin ones.
_SYMBOL = re.compile(r"[αβγδεζηθκλμνξπρσςτφχψωΓΔΘΛΞΠΣΦΨΩ]")
#: A formula or unit has few letters beside its Greek ones: "πrh", "kΩ", "sinθ".
_LONGEST_FORMULA = 4
#: An ending that a language with case endings may hang on a foreign word.
_LONGEST_ENDING = 4


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Every word of two alphabets; those whose foreign letters all look like letters of the word's own are repaired."""
    if inspection.locale.get(LanguageTasks) is None:
        return
    for item in inspection.filled_fields:
        if item.text.isascii() or not _OTHER_THAN_LATIN.search(item.text):
            continue
        for match in _WORD.finditer(item.text):
            word = match.group()
            counts = {alphabet: len(letter.findall(word)) for alphabet, letter in _LETTER.items()}
            if sum(1 for count in counts.values() if count) < 2:
                continue
            if item.protected.overlaps(*match.span()) or (item.source and word in item.source):
                continue
            yield from _finding(item, match.start(), word, counts, inspection)


def _finding(
    item: FieldText, start: int, word: str, counts: dict[Alphabet, int], inspection: Inspection
) -> Iterator[Finding]:
    locale = inspection.locale
    present = [alphabet for alphabet in Alphabet if counts[alphabet]]
    own, foreign = sorted(present, key=lambda alphabet: -counts[alphabet])[:2]
    if len(present) == 2:
        if locale.script == foreign and counts[own] == counts[foreign]:
            own, foreign = foreign, own
        repaired = _find_frequent(word, locale)
        certain = repaired is not None
        if certain:
            own, foreign = Alphabet(locale.script), Alphabet.LATIN
        else:
            repaired = _repair_word(word, own, foreign, counts, locale)
        if repaired is not None and (certain or _is_certain(word, repaired, inspection)):
            evidence = f"{_name_letters(word, foreign)} in a {own.capitalize()} word"
            fix = tuple(_split_into_edits(item, start, word, repaired))
            yield MIXED_SCRIPT_WORD.finding(item.field, start, start + len(word), evidence, fix=fix)
            return
        if _is_legitimate(word, counts, locale):
            return
    names = " and ".join(alphabet.capitalize() for alphabet in present)
    yield MIXED_SCRIPT_WORD.finding(item.field, start, start + len(word), f"{names} letters in one word")


def _find_frequent(word: str, locale: Locale) -> str | None:
    """The frequent word of the locale's language that a word looks like, ``None`` where it looks like none."""
    section = locale.get(FrequentWords)
    if section is None or not (word.islower() or word.istitle() or word.isupper()):
        return None
    table = _TRANSLATED.get((Alphabet.LATIN, Alphabet(locale.script)))
    repaired = word.translate(table) if table else word
    return repaired if repaired.lower() in section.words else None


def _repair_word(
    word: str, own: Alphabet, foreign: Alphabet, counts: dict[Alphabet, int], locale: Locale
) -> str | None:
    """The word in one alphabet (``own``), ``None`` where its letters do not make that likely.

    They do where the letters of ``own`` clearly outnumber the others, where each of these looks like one of them, and
    where none of these can be an ending, a label or the sign of a formula.
    """
    at_home = locale.script == own
    if not at_home and own is not Alphabet.LATIN:
        return None  # no word of the text's language, nor one in the alphabet that stands in every text
    # At home the word looks the same before and after, so that it is enough that its own letters are more.
    if counts[own] < (2 if at_home else 3) or counts[foreign] * (1 if at_home else 2) >= counts[own] + (not at_home):
        return None
    table = _TRANSLATED.get((foreign, own))
    if table is None:
        return None
    strangers = [match.start() for match in _LETTER[foreign].finditer(word)]
    if any(ord(word[index]) not in table for index in strangers):
        return None
    shouting = word.isupper()
    if any(word[index].isupper() and index > 0 and not shouting for index in strangers):
        return None  # "sinΑ": a variable
    if word[strangers[-1]].isupper() and strangers[-1] == len(word) - 1:
        return None  # "группаA", "ТИПX": a label
    if strangers[0] == 0 and word[0].islower() and word[1].isupper():
        return None  # "eКнига": a prefix that is a brand's
    if locale.script == foreign and strangers[-1] == len(word) - 1 and strangers[0] >= len(word) - _LONGEST_ENDING:
        return None  # "Windowsе": an ending of the text's own language
    if Alphabet.GREEK in (own, foreign) and len(word) <= _LONGEST_FORMULA and not at_home:
        return None
    return word.translate(table)


def _is_certain(word: str, repaired: str, inspection: Inspection) -> bool:
    """Whether the foreign letters were put there by their looks and not by their sound.

    They were where all sound alike too, where they stand apart from each other or inside the word (a half
    transliterated word has them in one piece, mostly at its beginning), or where the pair holds the repaired word.
    """
    changed = [index for index, (before, after) in enumerate(zip(word, repaired, strict=True)) if before != after]
    if all(word[index] in _SOUND_ALIKE for index in changed):
        return True
    apart = all(later - earlier > 1 for earlier, later in pairwise(changed))
    if apart and (len(changed) > 1 or changed[0] > 0):
        return True
    wanted = repaired.casefold()
    return any(wanted == found.casefold() for item in inspection.fields for found in _WORD.findall(item.text))


def _is_legitimate(word: str, counts: dict[Alphabet, int], locale: Locale) -> bool:
    """Whether two alphabets may well stand in one word: formulas and units, endings on foreign words."""
    if counts[Alphabet.GREEK] and counts[Alphabet.LATIN]:
        symbols = len(_SYMBOL.findall(word))
        if symbols == counts[Alphabet.GREEK] and counts[Alphabet.LATIN] < _LONGEST_FORMULA and symbols <= 2:
            return True
    if locale.script not in (Alphabet.CYRILLIC, Alphabet.GREEK):
        return False
    stem = re.fullmatch(f"([{_RANGES[Alphabet.LATIN]}]{{2,}})([{_RANGES[Alphabet(locale.script)]}]+)", word)
    return stem is not None and len(stem[2]) <= _LONGEST_ENDING and (stem[1].isupper() or stem[1][0].isupper())


def _split_into_edits(item: FieldText, start: int, word: str, repaired: str) -> Iterator[Edit]:
    """One edit per run of letters that change."""
    position = 0
    while position < len(word):
        end = position
        while end < len(word) and word[end] != repaired[end]:
            end += 1
        if end > position:
            yield MIXED_SCRIPT_WORD.edit(item.field, start + position, word[position:end], repaired[position:end])
        position = end + 1


def _name_letters(word: str, foreign: Alphabet) -> str:
    letters = "".join(dict.fromkeys(_LETTER[foreign].findall(word)))
    points = " ".join(f"U+{ord(letter):04X}" for letter in letters)
    return f"{foreign.capitalize()} {letters} ({points})"
