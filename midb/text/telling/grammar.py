"""What the words of grammar of a text say of its language, and the letters that only one of ours writes."""

from __future__ import annotations

import functools
import re

from midb.locales import LANGUAGES
from midb.text.words import function_words, own_letters

_TOKEN = re.compile(r"\w+")
_NO_LETTER = re.compile(r"[\d_]")
#: A single capital is a point of a list, a variable or part of a name, even where it would also be a word ("A", "I").
_INITIAL = re.compile(r"[A-Z](?<!\w.)(?!\w)")


def split_lowered(sample: str) -> list[str]:
    """The words of a text in lower case, without those that have a digit in them.

    >>> split_lowered("Plan B: x² in 3D, 1st version_2")
    ['plan', 'x²', 'in']
    """
    tokens = _TOKEN.findall(_INITIAL.sub("", sample).lower())
    return [token for token in tokens if token.isalpha() or not _NO_LETTER.search(token)]


@functools.cache
def _languages_of_words() -> dict[str, tuple[tuple[str, ...], float]]:
    """Each known function word with the languages it belongs to, and what it counts in each of them."""
    found: dict[str, tuple[str, ...]] = {}
    for code in (*LANGUAGES, "en"):
        for word in function_words(code):
            found[word] = (*found.get(word, ()), code)
    return {word: (codes, 1 / len(codes)) for word, codes in found.items()}


@functools.cache
def _languages_of_letters() -> tuple[re.Pattern[str], dict[str, str]]:
    """Letters that only one of the languages writes: a pattern of them all, and the language of each."""
    owner: dict[str, str] = {}
    for code in LANGUAGES:
        owner |= dict.fromkeys(own_letters(code), code)
    return re.compile(f"[{''.join(owner)}]"), owner


@functools.cache
def letter_of(code: str) -> re.Pattern[str]:
    """A letter that only this language writes."""
    return re.compile(f"[{own_letters(code)}]")


def tell_by_words(sample: str) -> str | None:
    """The language whose words of grammar and letters clearly prevail, ``None`` where none does.

    A word that several languages share counts in each by its share: "de" says little, "dello" says much.
    """
    known = _languages_of_words()
    tokens = split_lowered(sample)
    words = [token for token in tokens if token in known]
    pattern, owner = _languages_of_letters()
    letters = [] if sample.isascii() else pattern.findall(sample.lower())
    if len({*words, *letters}) < 3 or (len(words) + len(letters)) * 6 < len(tokens):
        return None
    scores: dict[str, float] = {}
    for letter in letters:
        scores[owner[letter]] = scores.get(owner[letter], 0) + 1
    for word in words:
        codes, share = known[word]
        for code in codes:
            scores[code] = scores.get(code, 0) + share
    if "id" in scores or "ms" in scores:
        closer = max("id", "ms", key=lambda code: scores.get(code, 0))
        scores[closer] = scores.pop("id", 0) + scores.pop("ms", 0)
    first = max(scores, key=scores.__getitem__)
    most = scores.pop(first)
    return first if most >= 2 and most >= 2 * max(scores.values(), default=0) else None
