"""Whether a translated pair still does what its English task asks for: it rhymes, is sorted, its letters match.

Where that may well be so, nothing is said. Knows how English says that nothing was wrong, and no other words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from rapidfuzz import fuzz

from midb.detectors.localization.english_bound.tasks import Bond
from midb.detectors.localization.english_bound.verse import may_be_haiku, may_rhyme, rhymes_with
from midb.domain.pairs import InstructionPair
from midb.text.quotations import find_quotations

#: Above this similarity (0 to 100) a response is its input with a few letters changed: a mistake is corrected.
_CORRECTED = 75
#: Characters of a text whose correction is looked for.
_LONGEST_CORRECTED = 2_000
#: Words of an answer among which the one that is asked for stands.
_FIRST_WORDS = 4
#: A list of words that rhyme is no longer.
_MOST_RHYMES = 40
_WORD = re.compile(r"[^\W\d_]+")
_ITEM = re.compile(r"[^\n,;、，،]+")
_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s*")
#: What an English response says where nothing had to be corrected.
_NO_MISTAKE = re.compile(
    r"\b(?:is|are) (?:grammatically )?correct(?: and|\.|,)|\bno (?:\w+ )?(?:errors|mistakes)\b|\bcorrect as\b",
    re.IGNORECASE,
)
#: A letter that stands alone, as in: the letter "B".
_LETTER = re.compile(r"(?<!\w)[\"'“”‘’«»„「『(]?([^\W\d_])[\"'“”‘’«»」』)]?(?!\w)")


def survives(bond: Bond, pair: InstructionPair, source: InstructionPair, language: str) -> bool:
    """Whether the pair may well do in its language what its source asks for in English."""
    response, given = pair.response or "", _read_material(pair)
    if not response.strip():
        return True
    if bond is Bond.RHYME:
        return _still_rhymes(pair, given)
    if bond is Bond.SYLLABLES:
        return may_be_haiku(response, language) or not may_be_haiku(source.response or "", "en")
    if bond is Bond.LETTERS:
        return _letters_match(pair, given)
    if bond is Bond.ALPHABET:
        return _is_sorted(response)
    if bond is Bond.WORDPLAY:
        return _is_alliteration(response)
    if bond is Bond.ACRONYM:
        return _is_acrostic(response, pair)
    return bond is Bond.CORRECTION and _is_corrected(pair, source)


def _read_material(pair: InstructionPair) -> str:
    """What the task is about: the input, or what the instruction quotes or has behind its colon."""
    if pair.input and pair.input.strip():
        return pair.input
    instruction = pair.instruction or ""
    quoted = [instruction[start:end] for start, end in find_quotations(instruction)]
    return quoted[-1] if quoted else instruction.partition(":")[2]


def _split_items(text: str) -> list[str]:
    items = [_MARK.sub("", match.group()).strip() for match in _ITEM.finditer(text)]
    return [item for item in items if _WORD.search(item)]


def _fold(text: str) -> str:
    """The bare letters of a text, small and without accents; a Korean syllable is the letters that it is made of."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if letter.isalpha())


def _is_turned_round(given: str, response: str) -> bool:
    """Whether the letters of a word stand in a response the other way round, with or without their accents."""
    bare = _fold(given)
    if len(bare) > 2 and bare[::-1] in _fold(response):
        return True
    written = "".join(filter(str.isalpha, unicodedata.normalize("NFC", given.casefold())))
    least = 2 if not written.isascii() else 3  # two kana or two syllables are a word
    return len(written) >= least and written[::-1] in unicodedata.normalize("NFC", response.casefold())


def _still_rhymes(pair: InstructionPair, given: str) -> bool:
    """Whether the verse of the response rhymes, or its words do so with the word that is given."""
    response = pair.response or ""
    if len(given.split()) == 1 and len(response.split()) < _MOST_RHYMES:
        return rhymes_with(given, _split_items(response))
    lines = [line for line in response.replace("/", "\n").split("\n") if _WORD.search(line)]
    verse = [line for line in (pair.input or "").split("\n") if _WORD.search(line)]
    if len(verse) > 2 and len(lines) < 3:
        return may_rhyme(verse)  # a question about the rhymes of a poem
    return may_rhyme(lines if len(lines) > 1 else [response[start:end] for start, end in find_quotations(response)])


def _letters_match(pair: InstructionPair, given: str) -> bool:
    """Whether letters are turned round, begin the items or are counted as the instruction wants it."""
    response, folded = pair.response or "", _fold(given)
    if _is_turned_round(given, response):
        return True
    letters = [letter for found in _LETTER.findall(pair.instruction or "") if (letter := _fold(found))]
    items = _split_items(response)
    beginning = [_fold(word) for word in response.split()[:_FIRST_WORDS]]
    for letter in letters:
        if items and all(_fold(item).startswith(letter) for item in items):
            return True
        begins = any(word.startswith(letter) for word in beginning)
        if "\n" not in response and begins and len(items) < _FIRST_WORDS:
            return True  # an answer that begins with the one name that is asked for
        if _says_only(response, folded.count(letter)):
            return True
    vowels = sum(folded.count(vowel) for vowel in "aeiou")
    return bool(folded) and not letters and _says_only(response, vowels)


def _says_only(response: str, number: int) -> bool:
    return re.findall(r"\d+", response) == [str(number)]


def _is_sorted(response: str) -> bool:
    items = [_fold(item) for item in _split_items(response)]
    if len(items) < 2:
        items = [_fold(word) for word in response.split()]
    return len(items) > 1 and items == sorted(items)


def _is_alliteration(response: str) -> bool:
    initials = Counter(word[0] for word in _WORD.findall(response.casefold()) if len(word) > 2)
    return initials.total() > 3 and 3 * max(initials.values()) >= 2 * initials.total()


def _is_acrostic(response: str, pair: InstructionPair) -> bool:
    """Whether the first letters of the lines spell a word of the task."""
    initials = "".join(_fold(_MARK.sub("", line))[:1] for line in response.split("\n"))
    words = _WORD.findall(f"{pair.instruction} {pair.input}")
    return len(initials) > 2 and any(_fold(word) == initials for word in words)


def _is_corrected(pair: InstructionPair, source: InstructionPair) -> bool:
    """Whether something in the text was corrected, or nothing had to be in English either."""
    given, response = _read_material(pair).strip(), (pair.response or "").strip()
    original, answer = _read_material(source).strip(), (source.response or "").strip()
    if not given or original.strip(".") == answer.strip(".") or _NO_MISTAKE.search(answer):
        return True
    if _fold(given) == _fold(response):
        return given.strip(" .。") != response.strip(" .。")  # a mark or an accent
    if len(given) > _LONGEST_CORRECTED or len(response) > _LONGEST_CORRECTED:
        return False
    parts = [response, *response.split("\n"), *(part.strip() for part in re.split("[:：]", response))]
    parts += [response[start:end] for start, end in find_quotations(response)]
    return any(_CORRECTED < fuzz.ratio(given, part) < 100 and _fold(given) != _fold(part) for part in parts)
