"""Marks that want a blank before them, as French sets them. Knows the marks of no language: a locale names them.

Swiss print sets no such blank, and Canadian print only before some marks. So the manner of the pair itself is followed:
a blank is missing only where the pair has it elsewhere, unless the conventions of print are asked for.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator

import regex
from pydantic import BaseModel, ConfigDict

from midb.text.forms.lines import Line, Lines
from midb.text.inspection import FieldText, Inspection

_BLANKS = " \u00a0\u202f"
_END = r"(?=[\s\"”»*_]|\Z)"


class SpacedMarks(BaseModel):
    """``groups``: marks that one publisher sets alike; the marks of a later group are likelier to have no blank.

    ``no_break``: the blank of print before each mark, and after the opening one. ``foreign``: what shows
    that a clause is not in the language: remains of the source keep their own manner.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    groups: tuple[str, ...]
    opening: str
    closing: str
    no_break: dict[str, str]
    foreign: str

    @functools.cached_property
    def marks(self) -> str:
        return str(regex.escape("".join(self.groups)))

    @functools.cached_property
    def with_blank(self) -> regex.Pattern[str]:
        return regex.compile(rf"(?<=\S)(?P<blank>[{_BLANKS}])(?P<mark>[{self.marks}]){_END}")

    @functools.cached_property
    def without_blank(self) -> regex.Pattern[str]:
        return regex.compile(rf"(?<=[\w)\]»”\"'’%°€$*])(?P<mark>[{self.marks}])(?=[!?]{{0,3}}{_END})")

    @functools.cached_property
    def around_quotation(self) -> regex.Pattern[str]:
        return regex.compile(rf"(?<={self.opening})[{_BLANKS}](?=\S)|(?<=\S)[{_BLANKS}](?={self.closing})")

    @functools.cached_property
    def foreign_pattern(self) -> regex.Pattern[str]:
        return regex.compile(self.foreign, regex.IGNORECASE)


def find_missing_blanks(
    item: FieldText, lines: Lines, spaced: SpacedMarks, inspection: Inspection
) -> Iterator[tuple[int, str, str]]:
    """Where a blank is missing: (offset, mark, the blank that belongs there)."""
    candidates = [match for match in spaced.without_blank.finditer(item.text)]
    if not candidates:
        return
    manner = _find_manner(spaced, inspection)
    for match in candidates:
        mark = match.group("mark")
        group = next(index for index, group in enumerate(spaced.groups) if mark in group)
        # Whoever sets a blank before a mark of a later group sets one before those of the earlier groups as well.
        seen = sum((manner[later] for later in range(group, len(spaced.groups))), Counter[str]())
        if inspection.typography:
            blank = _choose_no_break(seen, spaced.no_break[mark])
        else:
            blank = max(seen, key=lambda kind: seen[kind], default="")
        start, end = match.span("mark")
        if not blank or _keeps_its_manner(item.text, lines.at(start), spaced, start):
            continue
        if lines.are_native_prose(start, end, inspection):
            yield start, mark, blank


def find_plain_blanks(item: FieldText, lines: Lines, spaced: SpacedMarks) -> Iterator[tuple[int, str, str]]:
    """Where a line may break at the blank before a mark: (offset, mark, the no-break blank of print)."""
    text = item.text
    for match in (*spaced.with_blank.finditer(text), *spaced.around_quotation.finditer(text)):
        start, end = match.span()
        if text[start] == " " and lines.are_prose(start, end):
            mark = text[start - 1] if text[start - 1] == spaced.opening else text[start + 1]
            yield start, mark, spaced.no_break[mark]


def _choose_no_break(seen: Counter[str], print_blank: str) -> str:
    """The no-break blank that the pair uses itself, else the one of print."""
    own = [blank for blank, _ in seen.most_common() if blank != " "]
    return own[0] if own else print_blank


def _find_manner(spaced: SpacedMarks, inspection: Inspection) -> list[Counter[str]]:
    """Per group of marks, which blanks the pair sets before them, and how often."""
    manner: list[Counter[str]] = [Counter() for _ in spaced.groups]
    for item in inspection.filled_fields:
        for match in spaced.with_blank.finditer(item.text):
            for index, group in enumerate(spaced.groups):
                if match.group("mark") in group:
                    manner[index][match.group("blank")] += 1
    return manner


#: Characters of the clause around a mark that are looked at, before and after it.
_BEFORE = 80
_AFTER = 40

_OPEN_QUOTATION = regex.compile(r"(?:[\"“«‘]|(?<!\w)')[^\"”»’]*\Z")


def _keeps_its_manner(text: str, line: Line, spaced: SpacedMarks, position: int) -> bool:
    """Whether the clause around a mark is foreign, or a title, which is set as it was found."""
    before = regex.split(r"[.!?…;]\s", text[max(line.start, position - _BEFORE) : position])[-1]
    after = text[position + 1 : min(line.end, position + _AFTER)]
    if spaced.foreign_pattern.search(before) or spaced.foreign_pattern.search(after):
        return True
    return text[position] == ":" and _is_title(before, after)


def _is_title(before: str, after: str) -> bool:
    """Whether a colon seems to divide a title: capitals on both sides, or within a quotation not yet closed."""
    if _OPEN_QUOTATION.search(before):
        return True
    words = regex.findall(r"\p{L}[\w'’-]*", before.rsplit(",")[-1])
    return len(words) > 1 and words[-1][0].isupper() and bool(regex.match(r"\s\p{Lu}", after))
