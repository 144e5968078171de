"""Quoted text: where it stands, whatever quotation marks a language writes. Knows no language.

What is quoted may be in another language and keeps its own typography, so that many rules ask here first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Longer quotations are not recognised; bounds the search behind each opening mark.
_LONGEST = 300
_PAIRS = ("“”", "„“", "„”", "«»", "»«", "「」", "『』", "《》", "‹›", "‘’", '""')

#: Letters of the scripts that write apostrophes.
_ALPHABETIC = r"[0-9A-Za-z\u00c0-\u052f\u1e00-\u1fff]"

# One alternative per pair of marks. A straight single quote opens a quotation only where no letter stands before it;
# after a letter it is an apostrophe.
_QUOTATION = re.compile(
    "|".join(rf"{pair[0]}([^{pair}\n]{{1,{_LONGEST}}}){pair[1]}" for pair in _PAIRS)
    + rf"|(?<!{_ALPHABETIC})'([^'\n]{{1,{_LONGEST}}})'(?!{_ALPHABETIC})"
)
_MARKS = re.compile("[" + "".join(sorted(set("".join(_PAIRS) + "'"))) + "]")


def find_quotations(text: str) -> Iterator[tuple[int, int]]:
    """``[start, end)`` of what stands between quotation marks, without the marks.

    >>> text = "«Oui», it's 'no' or \\"maybe\\""
    >>> [text[start:end] for start, end in find_quotations(text)]
    ['Oui', 'no', 'maybe']
    """
    if not _MARKS.search(text):
        return
    for match in _QUOTATION.finditer(text):
        yield match.span(match.lastindex or 0)
