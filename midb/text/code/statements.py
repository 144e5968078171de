"""Statements of a program whose keywords were translated, proved by their form: ``Chọn * từ khách_hàng``.

A star between two words is a query's, and a range in brackets before a colon, with an indented statement below it, a
loop's. In prose neither stands so. Knows from a locale what the keywords become.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from midb.locales import LocaleSection
from midb.text.words import any_of


class CodeStatements(LocaleSection, table="code_statements"):
    """What ``select`` and ``from`` become in a query, and ``for`` and ``range`` in a loop, in lower case."""

    select: tuple[str, ...]
    from_: tuple[str, ...]
    loop: tuple[str, ...]
    range: tuple[str, ...]

    @functools.cached_property
    def patterns(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """A pattern for queries and one for loops; the line alone is the match."""
        return _compile_patterns(self)

    @staticmethod
    def may_stand_in(text: str) -> bool:
        """Whether a text has a sign that such a statement needs: most have none."""
        return "*" in text or "(" in text


#: The body of a loop: indented, and a call or an assignment.
_BODY = r"\n[ \t]{2,}[^\W\d][\w.]*(?: [^\W\d]\w*){0,2} ?(?:\([^\n]*\)|[-+*/]?=[ \t]?\S)"
#: What a range runs over.
_BOUNDS = r"\([ \t]*[\w.]+(?:[ \t]*,[ \t]*[-\w.+]+){0,2}[ \t]*(?:\)|\([^()\n]*\)[ \t]*\))"


def _compile_patterns(section: CodeStatements) -> tuple[re.Pattern[str], re.Pattern[str]]:
    select, from_ = any_of(section.select), any_of(section.from_)
    star = r"[ \t]*(?:\*|\\\*)[ \t]*"
    query = rf"(?<!\w)(?:{select}{star}(?:{from_}|from)|select{star}{from_})(?![^\W_])[ \t]*[^\n]{{0,200}}"
    loop = any_of(section.loop)
    # A loop of a language that puts its preposition last has its word behind the range.
    range_ = rf"(?:{any_of(section.range)}|range)"
    head = rf"(?:{loop}(?!\w)[^\n()]{{0,40}}{range_}|{range_})"
    tail = rf"(?:(?<=\))[^\n()]{{0,30}}{loop}[^\n()]{{0,10}})?"
    glued = rf"^[ \t]*{loop}[ \t]+(?:\w+[ \t]+){{1,3}}{range_}{_BOUNDS}[ \t]*:[ \t]*$"
    blocks = rf"^[ \t]*[^\n()]{{0,12}}?{head}[ \t]?{_BOUNDS}{tail}[ \t]*[:：][ \t]*$(?={_BODY})"
    flags = re.IGNORECASE | re.MULTILINE
    return re.compile(query, flags), re.compile(rf"{glued}|{blocks}", flags)


def find_translated_statements(text: str, section: CodeStatements) -> Iterator[tuple[int, int]]:
    """``[start, end)`` of each statement that can be nothing but code with translated keywords, without outer blanks.

    >>> german = CodeStatements(select=("wähle",), from_=("aus",), loop=("für",), range=("bereich",))
    >>> text = "Abfrage: WÄHLE * AUS Kunden" + chr(10) + "für i in bereich(3):" + chr(10) + "    drucke(i)"
    >>> [text[start:end] for start, end in find_translated_statements(text, german)]
    ['WÄHLE * AUS Kunden', 'für i in bereich(3):']
    """
    query, loop = section.patterns
    if "*" in text:
        yield from (_trim(match) for match in query.finditer(text))
    if "(" in text:
        for match in loop.finditer(text):
            # English keywords with an own name between them are no translation.
            if not _ENGLISH_LOOP.match(match.group()):
                yield _trim(match)


_ENGLISH_LOOP = re.compile(r"\s*(?:async )?for [\w, ]+ in range\(", re.IGNORECASE)


def _trim(match: re.Match[str]) -> tuple[int, int]:
    """The range of a match without the blanks at its ends."""
    found = match.group()
    return match.start() + len(found) - len(found.lstrip()), match.start() + len(found.rstrip())
