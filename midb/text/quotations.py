"""Quoted text: where it stands, and which quotations are in another language than the text around them.

A quotation in a foreign script or language keeps its own typography, so typographic rules ask here first.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import regex

from midb.locales import Locale
from midb.text.languages import LanguageIdentifier, evident_language, same_language
from midb.text.protection import NOTHING, Protected, Span, Spans

#: Longer quotations are not recognised; bounds the search behind each opening mark.
_LONGEST = 300
_PAIRS = ("“”", "„“", "„”", "«»", "»«", "「」", "『』", "《》", "‹›", "‘’", '""')

#: Letters of the scripts that write apostrophes.
_ALPHABETIC = r"[0-9A-Za-z\u00c0-\u052f\u1e00-\u1fff]"

# One alternative per pair of marks. A straight single quote opens only where no letter stands before it: an apostrophe
# does not.
_QUOTATION = re.compile(
    "|".join(rf"{pair[0]}([^{pair}\n]{{1,{_LONGEST}}}){pair[1]}" for pair in _PAIRS)
    + rf"|(?<!{_ALPHABETIC})'([^'\n]{{1,{_LONGEST}}})'(?!{_ALPHABETIC})"
)
_MARKS = re.compile("[" + "".join(sorted(set("".join(_PAIRS) + "'"))) + "]")

#: Fewer letters than this say nothing about a language to lingua.
_ENOUGH_LETTERS = 20
_LETTER = re.compile(r"[^\W\d_]")


def quotations(text: str) -> Iterator[tuple[int, int]]:
    """``[start, end)`` of what stands between quotation marks, without the marks.

    >>> text = "«Oui», it's 'no' or \\"maybe\\""
    >>> [text[start:end] for start, end in quotations(text)]
    ['Oui', 'no', 'maybe']
    """
    if not _MARKS.search(text):
        return
    for match in _QUOTATION.finditer(text):
        yield match.span(match.lastindex or 0)


@functools.cache
def _own_letters(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    return regex.compile("[" + "".join(rf"\p{{{script}}}" for script in scripts) + "]")


def foreign_quotations(text: str, locale: Locale, identifier: LanguageIdentifier | None = None) -> Spans:
    """The quotations that are written in another script or language than ``locale``, without their marks.

    Without an identifier only those are found whose script or words of grammar make their language evident.
    """
    if not locale.scripts:
        return NOTHING
    spans = [
        Span(start, end, Protected.QUOTATION)
        for start, end in quotations(text)
        if _is_foreign(text[start:end], locale, identifier)
    ]
    return Spans(spans) if spans else NOTHING


def _is_foreign(content: str, locale: Locale, identifier: LanguageIdentifier | None) -> bool:
    letters = len(_LETTER.findall(content))
    if not letters:
        return False
    if 2 * len(_own_letters(locale.scripts).findall(content)) < letters:
        return True
    language = evident_language(content, NOTHING)
    if language is None and identifier is not None and letters >= _ENOUGH_LETTERS:
        language = identifier.identify(content, NOTHING)
    return language is not None and not same_language(language, locale.code)
