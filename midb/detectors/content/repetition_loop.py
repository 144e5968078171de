"""Repetition loops: text in which a model got stuck.

A character, or a unit of two or three, repeated forty times is no language and is cut short; a list item, a phrase or
a sentence that comes again at once is flagged, because refrains, chants and drills do that too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import regex

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.pairs import Field
from midb.locales import LocaleSection
from midb.text.forms.periods import Run, runs
from midb.text.inspection import FieldText, Inspection


class RepetitionSection(LocaleSection, table="repetition"):
    """``asks``: how the words begin by which a task asks for something to be said again and again."""

    asks: tuple[str, ...]


LOOP = DefectKind(
    name="repetition-loop",
    family=DefectFamily.CONTENT,
    severity=Severity.MAJOR,
    summary="a character, phrase or sentence repeated without end",
    repairs=True,
    may_change=frozenset({Invariant.LENGTH, Invariant.LANGUAGE, Invariant.CONTENT}),
)

KINDS = (LOOP,)

#: From so many times on, no spelling of a cry or a laugh explains it (the longest found in real texts is 14).
CERTAIN = 40
#: What stays: one more than a cry needs to be seen as drawn out, and far from CERTAIN.
KEPT = 3
#: Units that are cut short are no longer than this; longer ones are words in languages without blanks.
LONGEST_UNIT = 3
#: Marks that sit on one letter: a second one like the first is not even drawn.
CERTAIN_MARKS = 8

#: A response in one line that is longer is no list, and neither is one with an item longer than this.
_LONGEST_LIST, _LONGEST_ITEM = 600, 30

_ASKS = ("repeat", "again and again", "over and over", "over again", "times in a row", "chant", "mantra", "refrain")

# Letters (not the modifier letters that draw lines, nor x, which hides words) and marks of exclamation.
_CUT = regex.compile(r"(?:[[\p{L}\p{M}]--[\p{Lm}xX×]]|[!?！？؟])+", regex.V1)
_ENCODED = re.compile(r"[0-9+/=_]")
_BASES = re.compile(r"[ACGTUNacgtun]+|[0-9A-Fa-f]+")
_MARKS = regex.compile(rf"(\p{{Mn}})\1{{{CERTAIN_MARKS - 1},}}")
_FORM = re.compile(r"_{2,}|\.{3,}|…|\|")
_ITEM = re.compile(r"[^,،、，;；]+")
_MARKER = re.compile(r"^\s*(?:\d{1,3}[.)．、）]|[-*•‣·])\s*")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Loops of characters in all fields; of phrases and items in the response only, where they are not data."""
    for field in inspection.written():
        found = list(_loops(field, inspection))
        yield from found
        if field.field is Field.RESPONSE and not found:
            yield from _items(field, inspection)


def _loops(field: FieldText, inspection: Inspection) -> Iterator[Finding]:
    text = field.text
    cut: list[tuple[int, int]] = []
    if not text.isascii():
        for match in _MARKS.finditer(text):
            cut.append(match.span())
            yield _marks_finding(field, match.start(), match.end())
    for run in runs(text, 400 if field.field is Field.RESPONSE else LONGEST_UNIT):
        if any(start < run.end and run.start < end for start, end in cut):
            continue
        if _is_certain(field, run):
            if not _asked_for(inspection, run.times):
                yield _cut_short(field, run)
        elif field.field is Field.RESPONSE and _is_stuck(field, run) and not _asked_for(inspection, run.times):
            start = run.end - len(text[run.start : run.end].lstrip())
            unit = " ".join(text[start : start + run.period].split())
            shown = unit if len(unit) <= 60 else unit[:59] + "…"
            yield LOOP.finding(field.field, start, run.end, f'"{shown}" {run.times} times in a row')


def _is_certain(field: FieldText, run: Run) -> bool:
    """Whether a run is a loop of characters that no text needs."""
    unit = field.text[run.start : run.start + run.period]
    if run.times < CERTAIN or run.period > LONGEST_UNIT or not _CUT.fullmatch(unit):
        return False
    if field.protected.overlaps(run.start, run.end):
        return False
    before = field.text[max(0, run.start - 200) : run.start].split()[-1:]
    after = field.text[run.end : run.end + 200].split()[:1]
    beside = "".join(before) + "".join(after)
    return not (_ENCODED.search(beside) or (_BASES.fullmatch(unit) and _BASES.fullmatch(beside or unit)))


def _cut_short(field: FieldText, run: Run) -> Finding:
    unit = field.text[run.start : run.start + run.period]
    keep = KEPT * run.period
    edit = LOOP.edit(field.field, run.start + keep, field.text[run.start + keep : run.end], "")
    to_the_end = ", to the end of the text" if not field.text[run.end :].strip() else ""
    evidence = f'"{unit}" {run.times} times in a row{to_the_end}'
    return LOOP.finding(field.field, run.start, run.end, evidence, fix=(edit,))


def _marks_finding(field: FieldText, start: int, end: int) -> Finding:
    """One mark stays on a letter; marks on a blank go, and so do blanks left at the end of a line."""
    text = field.text
    base = text[start - 1 : start]
    if base.strip():
        cut_from = start + 1
    else:
        cut_from = len(text[:start].rstrip(" \t")) if text[end : end + 1] in ("", "\n") else start
    name = unicodedata.name(text[start], "mark").lower()
    edit = LOOP.edit(field.field, cut_from, text[cut_from:end], "")
    return LOOP.finding(field.field, start, end, f"{name} {end - start} times on one place", fix=(edit,))


def _is_stuck(field: FieldText, run: Run) -> bool:
    """Whether a run of words or sentences is long enough to be no refrain; forms to fill in and tables are none."""
    unit = field.text[run.start : run.start + run.period]
    letters = sum(map(str.isalpha, unit))
    if letters < 3 or _FORM.search(unit) or any(map(str.isdigit, unit)):
        return False
    if field.protected.overlaps(run.start, run.end):
        return False
    to_the_end = not field.text[run.end :].strip()
    enough = 12 if run.period < 13 else 6
    return run.times >= (enough * 2 // 3 if to_the_end else enough)


def _items(field: FieldText, inspection: Inspection) -> Iterator[Finding]:
    """A list whose items come out the same: synonyms that one word was translated to, points made again."""
    text = field.text
    if "\n" in text.strip():
        items, least = _lines(text), 3
    elif len(text) <= _LONGEST_LIST:
        items, least = _enumerated(text), 4
        if len(items) < 4 or any(end - start > _LONGEST_ITEM for start, end in items):
            return
        if field.source and len(_most_equal(field.source, _enumerated(field.source))) < 3:
            least = 3  # the source has different words where the translation has one
    else:
        return
    equal = _most_equal(text, items)
    if len(equal) < least:
        return
    start, end = equal[0]
    item = text[start:end]
    if sum(map(str.isalpha, item)) > 1 and not _FORM.search(item) and not _asked_for(inspection, len(equal)):
        shown = item if len(item) <= 60 else item[:59] + "…"
        yield LOOP.finding(field.field, start, equal[-1][1], f'"{shown}" is {len(equal)} items in a row')


def _enumerated(text: str) -> list[tuple[int, int]]:
    """Where the items of a list in one line stand."""
    return [_trimmed(text, match.start(), match.end()) for match in _ITEM.finditer(text)]


def _lines(text: str) -> list[tuple[int, int]]:
    """Where the items of a list in lines stand; an empty span parts lists."""
    items: list[tuple[int, int]] = []
    position = 0
    for line in text.split("\n"):
        marker = _MARKER.match(line)
        start = position + (marker.end() if marker else len(line))
        items.append(_trimmed(text, start, position + len(line)))
        position += len(line) + 1
    return items


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    item = text[start:end]
    start += len(item) - len(item.lstrip())
    return start, max(start, start + len(item.strip().rstrip(".。")))


def _most_equal(text: str, items: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of items that read the same."""
    best: list[tuple[int, int]] = []
    run: list[tuple[int, int]] = []
    last = ""
    for start, end in items:
        item = text[start:end].casefold()
        if item and item == last:
            run.append((start, end))
        else:
            run = [(start, end)]
        last = item
        best = run if item and len(run) > len(best) else best
    return best


def _asked_for(inspection: Inspection, times: int) -> bool:
    """Whether the task asks for repetition: in words, or with a number near to how often it came."""
    section = inspection.locale.get(RepetitionSection)
    pairs = [pair for pair in (inspection.pair, inspection.source) if pair is not None]
    task = "\n".join(text for pair in pairs for text in (pair.instruction, pair.input) if text)[:4000].casefold()
    if any(word in task for word in _ASKS + (section.asks if section else ())):
        return True
    return times >= 10 and any(abs(int(number) - times) <= 2 for number in re.findall(r"(?<!\d)\d{2,4}(?!\d)", task))
