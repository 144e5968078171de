"""What a field says in its own words, and whether these words are English."""

from __future__ import annotations

import functools
import re

import regex
from rapidfuzz import fuzz

from midb.locales import Locale
from midb.text.inspection import FieldText
from midb.text.languages import function_words, telling_letters
from midb.text.quotations import quotations

#: How much of a text's words must be English words of grammar; real English prose has a third, titles have fewer.
_ENGLISH_SHARE = 0.15
#: Above this share of capitalised words a text is a list of names or titles.
_NAMES_SHARE = 0.6

_WORD = re.compile(r"(?<![\w'’])[^\W\d_]{2,}(?!\w)")
_LETTER = re.compile(r"[^\W\d_]")
_IDEOGRAPH = re.compile(r"[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_TAG = re.compile(r"[#@]\w+")


def own_text(item: FieldText) -> str:
    """The text with blanks for what may be in any language: code, addresses, quotations, hashtags. Offsets stay."""
    text = item.protected.unprotected(item.text)
    pieces: list[str] = []
    position = 0
    for start, end in quotations(text):
        pieces += (text[position:start], " " * (end - start))
        position = end
    text = "".join((*pieces, text[position:]))
    return _TAG.sub(lambda match: " " * len(match.group()), text) if "#" in text or "@" in text else text


def words(text: str) -> list[str]:
    """The words of two letters or more, as they are written; what follows an apostrophe is no word."""
    return _WORD.findall(text)


def letters(text: str) -> int:
    """How many letters a text has."""
    return len(_LETTER.findall(text))


def ideographs(text: str) -> int:
    """How many of the letters are syllables or ideographs: each says as much as two letters of an alphabet."""
    return len(_IDEOGRAPH.findall(text))


@functools.cache
def english_only(code: str) -> frozenset[str]:
    """English words of grammar that are none in the language ``code``; single letters are too often something else."""
    return frozenset(word for word in function_words("en") - function_words(code) if len(word) > 1)


def english_words(text: str, locale: Locale) -> list[str]:
    """The English words of grammar in a text, in lower case and in order."""
    english = english_only(locale.code)
    return [word for word in map(str.lower, words(text)) if word in english]


@functools.cache
def _own_letter(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    return regex.compile("[" + "".join(rf"\p{{{script}}}" for script in scripts) + "]")


def has_own_letter(text: str, locale: Locale) -> bool:
    """Whether a single letter of a text is in the script of its language."""
    return bool(_own_letter(locale.scripts).search(text))


def in_own_script(text: str, locale: Locale) -> bool:
    """Whether a noticeable part of a text is in the script of a language that is not written in Latin letters."""
    return "Latin" not in locale.scripts and 10 * len(_own_letter(locale.scripts).findall(text)) > letters(text)


def reads_as_english(text: str, locale: Locale) -> bool:
    """Whether a text is English prose: words of grammar, few capitals, nothing of the locale's own language."""
    tokens = [word for word in words(text) if not word.isupper()]
    lowered = [word.lower() for word in tokens]
    found = [word for word in lowered if word in english_only(locale.code)]
    if len(tokens) < 4 or len(set(found)) < 2 or len(found) < _ENGLISH_SHARE * len(tokens):
        return False
    own = function_words(locale.code) - function_words("en")
    if 4 * (sum(word in own for word in lowered) + telling_letters(text, locale.code)) > len(found):
        return False
    return not are_names(tokens) and not in_own_script(text, locale)


def are_names(tokens: list[str], code: str = "en") -> bool:
    """Whether words are names or the words of titles: capitalised, but for the words of grammar between them."""
    grammar = function_words("en") | function_words(code)
    content = [word for word in tokens if word.lower() not in grammar]
    return sum(word[0].isupper() for word in content) > _NAMES_SHARE * len(content)


def is_copied(item: FieldText) -> bool:
    """Whether the field is, but for a character here and there, its own English source."""
    if not item.source or abs(len(item.source) - len(item.text)) > 0.1 * len(item.source) + 5:
        return False
    return item.text.strip() == item.source.strip() or fuzz.ratio(item.text, item.source) > 95
