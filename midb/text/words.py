"""Words as texts have them, and the words of grammar by which a language is recognised. Knows no pair and no defect."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable

from midb.locales import LocaleSection, load

#: English has no locale file: it is the language that corpora come from, and none is checked in it.
# fmt: off
_ENGLISH_WORDS = (
    "the", "a", "an", "of", "to", "and", "in", "is", "are", "was", "were", "be", "been", "it", "its", "that", "this",
    "these", "those", "with", "for", "on", "as", "at", "by", "from", "or", "but", "not", "have", "has", "had", "he",
    "she", "they", "we", "you", "i", "his", "her", "their", "our", "your", "my", "will", "would", "can", "could",
    "should", "which", "who", "what", "when", "where", "how", "there", "than", "then", "if", "so", "do", "does",
    "did", "about", "into", "more", "most", "some", "any", "no",
)
# fmt: on

_WORD = re.compile(r"(?<![\w'’])[^\W\d_]{2,}(?!\w)")
_WRAP = re.compile(r"\s*\n\s*")
_LETTERS = re.compile(r"[^\W\d_]+")
_ARABIC_FORM = re.compile("[\ufb50-\ufbb1\ufbd3-\ufd3d\ufd50-\ufdc7\ufe70-\ufefc]+")
_IDEOGRAPHS = re.compile(r"[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")


class FunctionWords(LocaleSection, table="function_words"):
    """Words of grammar, frequent and short, in lower case; and the letters that only this language writes."""

    words: tuple[str, ...]
    letters: str = ""


@functools.cache
def function_words(code: str) -> frozenset[str]:
    """The words of grammar of a language; empty where its script alone tells it (or where nothing is known of it)."""
    if code == "en":
        return frozenset(_ENGLISH_WORDS)
    section = load(code).get(FunctionWords)
    return frozenset(section.words) if section else frozenset()


def own_letters(code: str) -> str:
    """The letters that only this language writes, in lower case; empty where its locale names none."""
    section = load(code).get(FunctionWords)
    return section.letters if section else ""


def count_own_letters(text: str, code: str) -> int:
    """How many letters of a text only this language writes, as far as its locale names any.

    >>> count_own_letters("žluťoučký kůň", "cs")
    5
    """
    letters = own_letters(code)
    return sum(character in letters for character in text.lower()) if letters and not text.isascii() else 0


def split_words(text: str) -> list[str]:
    """The words of two letters or more, as they are written; what follows an apostrophe is no word.

    >>> split_words("It's 5 o'clock in Łódź")
    ['It', 'in', 'Łódź']
    """
    return _WORD.findall(text)


def holds_any(text: str, parts: Iterable[str]) -> bool:
    """Whether one of some strings stands in a text. Asked of every text, and faster than ``any`` with a generator.

    >>> holds_any("at sea", ("land", "sea")), holds_any("at sea", ())
    (True, False)
    """
    for part in parts:  # noqa: SIM110
        if part in text:
            return True
    return False


def count_letters(text: str) -> int:
    """How many letters a text has, in any script."""
    return sum(map(len, _LETTERS.findall(text)))


def has_letters(text: str, least: int) -> bool:
    """Whether a text has so many letters at least; long ones are seldom looked at to their end.

    >>> has_letters("a b c", 3), has_letters("1 2 3", 1)
    (True, False)
    """
    beginning = text[: 4 * least]
    if count_letters(beginning) >= least:
        return True
    return len(beginning) < len(text) and count_letters(text) >= least


def count_ideographs(text: str) -> int:
    """How many of the letters are syllables or ideographs: each says as much as two letters of an alphabet.

    >>> count_ideographs("犬 and 개")
    2
    """
    return 0 if text.isascii() else sum(map(len, _IDEOGRAPHS.findall(text)))


def spell_out(text: str) -> str:
    """The text with one character for each letter: put together from its parts, Arabic presentation forms as letters.

    What a text is told by (its letters, its words) is not told by how they are stored. Lengths change.

    >>> spell_out("e\u0301t\u00e9 \ufedb\ufe98\ufe8e\ufe8f") == "\u00e9t\u00e9 \u0643\u062a\u0627\u0628"
    True
    """
    if text.isascii():
        return text
    if _ARABIC_FORM.search(text):
        text = _ARABIC_FORM.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    return unicodedata.normalize("NFC", text)


def fold_case(phrase: str) -> str:
    """A word or phrase for comparison: without case, with single blanks.

    The Turkish capital İ becomes i; full case folding would make two characters of it.

    >>> fold_case("ON  İKİ")
    'on iki'
    """
    return " ".join(phrase.replace("İ", "i").casefold().split())


def compile_any(patterns: Iterable[str]) -> re.Pattern[str]:
    """One pattern for any of several, in either case, as locales have them: a line break in one stands for a blank.

    >>> compile_any(["on the\\n    shore", "at sea"]).findall("At sea, on the shore")
    ['At sea', 'on the shore']
    """
    return re.compile("|".join(f"(?:{_WRAP.sub(' ', pattern)})" for pattern in patterns), re.IGNORECASE)


def any_of(phrases: Iterable[str]) -> str:
    """A regular expression for any of the phrases, the longest first; for none at all, one that never matches.

    >>> any_of(["mi", "mile"])
    '(?:mile|mi)'
    """
    found = "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))
    return f"(?:{found or '(?!)'})"
