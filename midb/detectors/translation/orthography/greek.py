"""Greek words with a sigma of the wrong form, or with the accent beside the capital that it belongs to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from midb.detectors.translation.orthography.places import Place

_LETTER = "\u0386\u0388-\u03ff\u1f00-\u1fff"
_SMALL = "ΐά-ώ"
_ACCENTED = re.compile("[ΐΰάέήίόύώΆΈΉΊΌΎΏ]")
_VOWEL = re.compile("[αεηιουωάέήίόύώϊϋΐΰ]")

#: σ behind a word. An apostrophe or a hyphen shows that the word goes on or is cut; so may a bracket.
_FINAL = re.compile(f"(?<![{_LETTER}\\w'’-])[{_LETTER}]+σ(?![{_LETTER}\\w'’᾽\\-‐…*_(\u00ad\u200b-\u200d\u2060\ufeff])")
#: Shorter ones before a full stop are abbreviations, and so may be longer ones without an accent.
_LEAST_BEFORE_STOP = 4
_PRONOUNS = frozenset({"σασ", "μασ", "τουσ", "τησ", "τισ"})
#: Words of two letters in which it may stand; others are formulas.
_SHORT = frozenset({"ωσ", "ώσ", "ασ", "ησ"})
#: ς before a small letter.
_INNER = re.compile(f"(?<![\\w'’-])[{_LETTER}]*ς[{_SMALL}][{_LETTER}]*")
#: An accent that stands before its capital, as typewriters had it.
_APART = re.compile(f"(?<![\\w{_LETTER}])[\u0384\u00b4\u1ffd](?:[ΑΕΗΙΟΥΩ][{_SMALL}]+|Η(?=\\s))")

#: A Latin capital as an article, at the beginning of a sentence: what follows ends as a word does that it agrees with.
#: A variable is followed by a verb.
_ARTICLE = re.compile(
    f"(?:^|(?<=[.!;»:] )|(?<=\n)|(?<=[-•*] ))(?:H (?=[{_LETTER}]{{2,}}[αηή](?![{_LETTER}\\w]))"
    f"|O (?=[{_LETTER}]{{2,}}(?:ος|ός|ης|ής|ας|άς|εύς)(?![{_LETTER}\\w])))"
)
_NO_NOUN = re.compile("(?:θα|να|για|μια|μία|τα|σαν|ήρθα|πια|πάντα|σήμερα|τώρα|εδώ|μόλις|επίσης)(?!\\w)")
_ALONE = re.compile("(?<![\\w-])[HO](?![\\w-])")
_ARTICLES = str.maketrans("HO", "ΗΟ")

_ANY = re.compile("σ(?!\\w)|ς(?=\\w)|[\u0384\u00b4\u1ffd](?=[ΑΕΗΙΟΥΩ])")


def find_in_greek(text: str) -> Iterator[Place]:
    """Every place of a text.

    >>> [(place.before, place.after) for place in find_in_greek("΄Ενας λόγοσ του κόςμου, σ' αυτόν (σ)")]
    [('λόγοσ', 'λόγος'), ('κόςμου', None), ('΄Ενας', 'Ένας')]
    """
    yield from _find_articles(text)
    if not _ANY.search(text):
        return
    for match in _FINAL.finditer(text):
        word = match.group()
        if text[match.end() : match.end() + 1] == "." and not _may_end_sentence(word):
            continue
        if (len(word) > 2 and _VOWEL.search(word)) or word.lower() in _SHORT:
            yield Place(match.start(), word, word[:-1] + "ς", "σ at the end of a word")
    for match in _INNER.finditer(text):  # two words may have lost the blank between them
        yield Place(match.start(), match.group(), None, "ς inside a word")
    for match in _APART.finditer(text):
        word = match.group()[1:]
        if not _ACCENTED.search(word):
            first = unicodedata.normalize("NFC", word[0] + "\u0301")
            yield Place(match.start(), match.group(), first + word[1:], "an accent beside its capital")


def _may_end_sentence(word: str) -> bool:
    """Whether a word before a full stop is whole."""
    return word.lower() in _PRONOUNS or (len(word) >= _LEAST_BEFORE_STOP and bool(_ACCENTED.search(word)))


def _find_articles(text: str) -> Iterator[Place]:
    """Latin H and O in place of the Greek articles, unless one stands elsewhere and may be a variable."""
    if "H " not in text and "O " not in text:
        return
    found = [match for match in _ARTICLE.finditer(text) if not _NO_NOUN.match(text, match.end())]
    if found and len(found) == len(_ALONE.findall(text)):
        for match in found:
            letter = match.group()[0]
            yield Place(match.start(), letter, letter.translate(_ARTICLES), "a Latin letter as a Greek article")
