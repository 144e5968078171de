"""What a field says in its own words, and whether these words are English."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import regex
from rapidfuzz import fuzz

from midb.locales import Locale
from midb.text.inspection import FieldText
from midb.text.names import are_names
from midb.text.quotations import find_quotations
from midb.text.words import count_letters, count_own_letters, function_words, split_words

#: How much of a text's words must be English words of grammar; real English prose has a third, titles have fewer.
_ENGLISH_SHARE = 0.15

#: English prose of fewer words cannot be told from a title.
_LEAST_WORDS = 4
#: And one word of grammar that comes twice may be a word of another language.
_LEAST_DIFFERENT_WORDS = 2

#: Above this similarity (0 to 100) a field and its source differ by a character here and there.
_COPY = 95
#: Nor does its length differ by more than this share of the source, and this many characters besides.
_COPY_SHARE = 0.1
_COPY_SLACK = 5
#: Characters at the beginning and at the end that are compared.
_SAMPLE = 10_000

_TAG = re.compile(r"[#@]\w+")


def blank_foreign_parts(item: FieldText) -> str:
    """The text with blanks for what may be in any language: code, addresses, quotations, hashtags. Offsets stay."""
    text = item.protected.blank_out(item.text)
    pieces: list[str] = []
    position = 0
    for start, end in find_quotations(text):
        pieces += (text[position:start], " " * (end - start))
        position = end
    text = "".join((*pieces, text[position:]))
    return _TAG.sub(lambda match: " " * len(match.group()), text) if "#" in text or "@" in text else text


@functools.cache
def _english_words_only(code: str) -> frozenset[str]:
    """English words of grammar that are none in the language ``code``; single letters are too often something else."""
    return frozenset(word for word in function_words("en") - function_words(code) if len(word) > 1)


def find_english_words(text: str, locale: Locale) -> list[str]:
    """The English words of grammar in a text that its own language does not have, in lower case and in order."""
    english = _english_words_only(locale.code)
    return [word for word in map(str.lower, split_words(text)) if word in english]


@functools.cache
def _own_script(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    """A letter of one of the scripts; for a language whose scripts nobody knows a pattern that never matches."""
    letters = "".join(rf"\p{{{script}}}" for script in scripts)
    return regex.compile(f"[{letters}]" if letters else "(?!)")


@functools.cache
def _own_run(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    """Letters of one of the scripts, with the marks on them, one after the other."""
    letters = "".join(rf"\p{{{script}}}" for script in scripts)
    return regex.compile(rf"[{letters}][{letters}\p{{M}}]*" if letters else "(?!)")


def has_own_letter(text: str, locale: Locale) -> bool:
    """Whether a single letter of a text is in the script of its language."""
    return bool(_own_script(locale.scripts).search(text))


def find_foreign_runs(text: str, locale: Locale) -> Iterator[tuple[int, int]]:
    """``[start, end)`` of what stands between the letters of a language's own script; all of a text in Latin letters.

    >>> from midb.locales import load
    >>> text = "คำว่า it is so ครับ"
    >>> [text[start:end] for start, end in find_foreign_runs(text, load("th"))]
    [' it is so ']
    """
    if "Latin" in locale.scripts:
        yield 0, len(text)
        return
    position = 0
    for match in _own_run(locale.scripts).finditer(text):
        if match.start() > position:
            yield position, match.start()
        position = match.end()
    if position < len(text):
        yield position, len(text)


def is_in_own_script(text: str, locale: Locale) -> bool:
    """Whether a tenth of a text's letters are in the script of its language; never for one written in Latin letters."""
    if "Latin" in locale.scripts:
        return False
    return 10 * len(_own_script(locale.scripts).findall(text)) > count_letters(text)


def reads_as_english(text: str, locale: Locale) -> bool:
    """Whether a text is English prose: words of grammar, few capitals, nothing of the locale's own language."""
    tokens = [word for word in split_words(text) if not word.isupper()]
    lowered = [word.lower() for word in tokens]
    found = [word for word in lowered if word in _english_words_only(locale.code)]
    if len(tokens) < _LEAST_WORDS or len(set(found)) < _LEAST_DIFFERENT_WORDS:
        return False
    if len(found) < _ENGLISH_SHARE * len(tokens):
        return False
    own = function_words(locale.code) - function_words("en")
    if 4 * (sum(word in own for word in lowered) + count_own_letters(text, locale.code)) > len(found):
        return False
    return not are_names(tokens) and not is_in_own_script(text, locale)


def is_copied(item: FieldText) -> bool:
    """Whether the field is, but for a character here and there, its own English source."""
    if not item.source or abs(len(item.source) - len(item.text)) > _COPY_SHARE * len(item.source) + _COPY_SLACK:
        return False
    if item.text.strip() == item.source.strip():
        return True
    # Long texts are compared where they begin and where they end: in full the time would grow with their square.
    samples = {(item.text[:_SAMPLE], item.source[:_SAMPLE]), (item.text[-_SAMPLE:], item.source[-_SAMPLE:])}
    return all(fuzz.ratio(text, source, score_cutoff=_COPY) > _COPY for text, source in samples)
