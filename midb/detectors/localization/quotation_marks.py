"""Straight quotation marks where print has a pair of its own: "so", „so“, « so », 「so」.

A convention, not an error. Marks are paired within a line and only where their neighbours agree with the pairing; a
line in which one mark is left over, or that may be code, data, inches or seconds, stays as it is.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import regex

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.locales import LocaleSection
from midb.text.forms.lines import Line, Lines
from midb.text.inspection import FieldText, Inspection
from midb.text.subjects.punctuation_tasks import is_about_punctuation


class QuotationMarks(LocaleSection, table="quotation-marks"):
    """``primary`` and ``nested`` pairs of the language; ``others``: pairs that are used beside the primary one.

    ``inner``: the blank between a mark and what it quotes. ``joins``: where a word may touch a mark from outside, as in
    scripts without blanks and where endings follow: "before", "after" or both. ``letters``: what a line must hold to
    be in the language at all.
    """

    primary: tuple[str, str]
    nested: tuple[str, str]
    others: tuple[tuple[str, str], ...] = ()
    inner: str = ""
    joins: frozenset[Literal["before", "after"]] = frozenset()
    letters: str = ""

    @functools.cached_property
    def letter(self) -> regex.Pattern[str]:
        """One of ``letters``."""
        return regex.compile(self.letters)

    @functools.cached_property
    def pairs(self) -> tuple[tuple[tuple[str, str], regex.Pattern[str]], ...]:
        """The pairs a text may use, and how each is found in it."""
        return tuple(
            (pair, regex.compile(rf"{pair[0]}(?P<inner>[ \u00a0\u202f]?)[^{''.join(pair)}\n]{{1,300}}{pair[1]}"))
            for pair in (self.primary, *self.others)
        )


QUOTATION_MARKS = DefectKind(
    name="quotation-marks",
    family=DefectFamily.LOCALIZATION,
    severity=Severity.MINOR,
    summary='straight quotation marks ("...") where the language prints its own',
    repairs=True,
    convention=True,
    needs=(QuotationMarks,),
)
KINDS = (QUOTATION_MARKS,)


@dataclass(frozen=True, slots=True)
class _Quotation:
    """Two straight marks and what stands between them."""

    item: FieldText
    start: int
    end: int

    @property
    def content(self) -> str:
        return self.item.text[self.start + 1 : self.end - 1]


@dataclass(frozen=True, slots=True)
class _Style:
    """How the pair sets its quotations."""

    primary: tuple[str, str]
    nested: tuple[str, str]
    inner: str


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Every straight quotation, unless the pair is about punctuation or holds a program."""
    section = inspection.locale.get(QuotationMarks)
    if section is None or not any('"' in item.text for item in inspection.fields):
        return
    if is_about_punctuation(inspection) or _has_program(inspection):
        return
    found = [
        quotation
        for item in inspection.filled_fields
        if '"' in item.text and not item.is_in_another_language(inspection.locale.code)
        for quotation in _find_in_field(item, section)
    ]
    if not found:
        return
    style = _choose_style(section, inspection)
    kept = _find_kept_elsewhere(found, inspection)
    for quotation in found:
        if quotation.content not in kept and (finding := _finding(quotation, style)):
            yield finding


def _has_program(inspection: Inspection) -> bool:
    """Whether the pair holds a program: what it quotes may be a string, and what quotes it syntax."""
    for item in inspection.filled_fields:
        if any("\n" in item.text[span.start : span.end] for span in item.code):
            return True
        if '"' in item.text and any(line.may_be_code for line in Lines(item)):
            return True
    return False


#: What may stand before an opening and after a closing mark.
_OPENS_AFTER = regex.compile(r"[\s(\[{¿¡—–\-/:：*_>“„«「『（、。，！？]")
_CLOSES_BEFORE = regex.compile(r"[\s.,;:!?)\]}…—–\-/'’*_<»“”」』（）、。，；：！？]")
#: Signs that a line is data or code: "key": value, ["a"], name="a", f("a"), 5"x7", a query, an escaped mark.
_DATA = regex.compile(
    r"\A\s*[\"][^\"]*\"\s*:\s*[\[{\"\d]|[\[{]\s*\"|\"\s*[\]}]|=\s*\"|\"\s*=|\w\(\"|\\\"|\"\"|\d\"\s*[x×]|\"\s+\p{Lu}{2,4}\s+[(\"]|\"[,;]\""
)


def _find_in_field(item: FieldText, section: QuotationMarks) -> Iterator[_Quotation]:
    text = item.text
    if text.count('"') == 2 and "\n" in text:
        start, end = text.find('"'), text.rfind('"')
        if "\n" in text[start:end] and _is_block(text, start, end) and not item.protected.overlaps(start, end + 1):
            yield _Quotation(item, start, end + 1)
            return
    for line in Lines(item):
        if '"' in line.text and section.letter.search(line.text) and not _DATA.search(line.text):
            yield from _find_in_line(item, line, section)


def _is_block(text: str, start: int, end: int) -> bool:
    """Whether two marks on different lines begin and end a passage: one at the start, one at the end of its line."""
    begins = start == 0 or text[start - 1] == "\n"
    ends = end + 1 == len(text) or text[end + 1] == "\n"
    return begins and ends and not text[start + 1].isspace() and not text[end - 1].isspace()


def _find_in_line(item: FieldText, line: Line, section: QuotationMarks) -> Iterator[_Quotation]:
    marks = [match.start() for match in regex.finditer('"', line.text)]
    if len(marks) % 2:
        return
    pairs = list(zip(marks[::2], marks[1::2], strict=True))
    if not all(_is_pair(line.text, opening, closing, section) for opening, closing in pairs):
        return
    for opening, closing in pairs:
        quotation = _Quotation(item, line.start + opening, line.start + closing + 1)
        content = quotation.content
        if not regex.search(r"\p{L}", content) or "\\" in content:  # "\\n" is a string of a program
            continue
        if item.demanded.holds(quotation.start) or item.demanded.holds(quotation.end - 1):
            continue
        if not any(spans.overlaps(quotation.start, quotation.end) for spans in (item.protected, item.possible_code)):
            yield quotation


def _is_pair(text: str, opening: int, closing: int, section: QuotationMarks) -> bool:
    """Whether the neighbours of two marks agree that the first opens and the second closes."""
    if closing == opening + 1 or text[opening + 1].isspace() or text[closing - 1].isspace():
        return False
    before, after = text[opening - 1] if opening else "", text[closing + 1] if closing + 1 < len(text) else ""
    opens = not before or _OPENS_AFTER.match(before) or ("before" in section.joins and before.isalpha())
    closes = not after or _CLOSES_BEFORE.match(after) or ("after" in section.joins and after.isalpha())
    return bool(opens and closes)


def _choose_style(section: QuotationMarks, inspection: Inspection) -> _Style:
    """The pair of marks that the texts use themselves, if it is one only, else that of the language."""
    used: Counter[tuple[str, str]] = Counter()
    inner: Counter[str] = Counter()
    for item in inspection.filled_fields:
        for pair, pattern in section.pairs:
            for match in pattern.finditer(item.text) if pair[0] in item.text else ():
                used[pair] += 1
                inner[match.group("inner")] += 1
    if len(used) != 1:
        return _Style(section.primary, section.nested, section.inner)
    own = next(iter(used))
    blank = inner.most_common(1)[0][0] or ""
    if own == section.primary:
        return _Style(own, section.nested, section.inner if blank == " " else blank)
    return _Style(own, section.nested if section.nested != own else section.primary, blank)


def _find_kept_elsewhere(found: list[_Quotation], inspection: Inspection) -> set[str]:
    """What is also quoted by straight marks at a place that stays as it is: a pair must not quote it in two ways."""
    places = Counter(quotation.content for quotation in found)
    between = Counter(part for item in inspection.filled_fields for part in item.text.split('"')[1:-1])
    return {content for content, count in places.items() if between[content] > count}


def _finding(quotation: _Quotation, style: _Style) -> Finding | None:
    """The repair of one quotation; what is quoted within it takes the nested marks."""
    item, start, end = quotation.item, quotation.start, quotation.end
    opening, closing = style.nested if _is_inside(item.text, start, style.primary) else style.primary
    inner = style.inner if opening == "«" else ""
    fix = [
        QUOTATION_MARKS.edit(item.field, start, '"', opening + inner),
        QUOTATION_MARKS.edit(item.field, end - 1, '"', inner + closing),
    ]
    within = [match for match in regex.finditer("[" + "".join(style.primary) + "]", quotation.content)]
    paired = [match.group() for match in within] == list(style.primary) * (len(within) // 2)
    if not paired or (within and any(mark in quotation.content for mark in style.nested)):
        return None
    for match in within:
        nested = style.nested[style.primary.index(match.group())]
        fix.append(QUOTATION_MARKS.edit(item.field, start + 1 + match.start(), match.group(), nested))
    return QUOTATION_MARKS.finding(item.field, start, end, f'"…" for {opening}{inner}…{inner}{closing}', fix=tuple(fix))


def _is_inside(text: str, position: int, pair: tuple[str, str]) -> bool:
    """Whether a position lies between the marks of a pair on its line."""
    if pair[0] not in text:
        return False
    start = text.rfind("\n", 0, position) + 1
    return text.rfind(pair[0], start, position) > text.rfind(pair[1], start, position)
