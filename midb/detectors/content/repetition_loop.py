"""Repetition loops: text in which a model said the same again and again, and did not stop.

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
from midb.text.forms.repetitions import Repetition, find_repetitions
from midb.text.inspection import FieldText, Inspection


class RepetitionSection(LocaleSection, table="repetition"):
    """How words begin: ``asks``, by which a task asks for something to be said again and again; ``songs``, by which it
    speaks of what is sung."""

    asks: tuple[str, ...]
    songs: tuple[str, ...] = ()


LOOP = DefectKind(
    name="repetition-loop",
    family=DefectFamily.CONTENT,
    severity=Severity.MAJOR,
    summary="a character, phrase or sentence repeated without end",
    repairs=True,
    may_change=frozenset({Invariant.LENGTH, Invariant.LANGUAGE, Invariant.CONTENT}),
)

KINDS = (LOOP,)

#: What is found in a field is no matter of the response, unless it is found there (see midb.detectors).
FIELD_BY_FIELD = True

#: From so many times on, no spelling of a cry or a laugh explains it (the longest found in real texts is 14).
CERTAIN = 40
#: What stays: one more than a cry needs to be seen as drawn out, and far from CERTAIN.
KEPT = 3
#: Units that are cut short are no longer than this; longer ones are words in languages without blanks.
LONGEST_UNIT = 3
#: Marks that sit on one letter: a second one like the first is not even drawn.
CERTAIN_MARKS = 8

#: Digits of a number that are the same, beyond which nobody wrote it: a googol has a hundred.
_MOST_DIGITS = 150

#: Longest unit that is looked for in a response; a longer one is a paragraph that was given twice.
_LONGEST_PHRASE = 400
#: A unit of fewer letters is a mark or an abbreviation.
_LEAST_LETTERS = 3
#: Units below this length are words, which refrains repeat more often than sentences.
_SENTENCE = 13
#: Repetitions from which on a word, or a sentence, is no refrain.
_MOST_WORDS = 12
_MOST_SENTENCES = 6

#: Items that come out the same: in a list of lines; in one line, where one word often has several meanings; and there
#: too where the source has different words.
_EQUAL_LINES = 3
_EQUAL_ITEMS = 4
_EQUAL_ITEMS_OF_SOURCE = 3

#: A response in one line that is longer is no list.
_LONGEST_LIST = 600
#: And neither is one with an item longer than this.
_LONGEST_ITEM = 30

#: Characters of the passage that a finding quotes.
_QUOTED = 60

#: Characters beside a loop that are looked at for data it may be part of.
_BESIDE = 200
#: Characters of a task that are searched for a request to repeat something.
_LONGEST_TASK = 4_000
#: A number of the task that is so near to the number of repetitions asks for them; smaller numbers stand everywhere.
_NEAR = 2
_LEAST_ASKED = 10

#: How the English words begin by which a task asks for repetition.
_ASKS = ("repeat", "again and again", "over and over", "over again", "times in a row", "chant", "mantra", "refrain")

#: And those by which one speaks of songs; notes say that something is sung too.
_SONGS = ("song", "lyric", "sing", "melody", "lullaby", "hymn", "jingle", "♪", "♫", "♬", "🎵", "🎶")
#: So often a syllable may come in a song without words; a model that is stuck goes on.
_MOST_SUNG = 100
#: A syllable or two, as they are sung without words.
_SUNG = regex.compile(r"(?:\p{L}\p{M}*){1,3}")

#: Units that may be cut short: letters and marks of exclamation. Not modifier letters, with which lines are drawn, nor
#: x, behind which words are hidden.
_CUT = regex.compile(r"(?:[[\p{L}\p{M}]--[\p{Lm}xX×]]|[!?！？؟])+", regex.V1)
#: Signs of encoded data beside a loop.
_ENCODED = re.compile(r"[0-9+/=_]")
#: Units of genomes and hexadecimal numbers.
_BASES = re.compile(r"[ACGTUNacgtun]+|[0-9A-Fa-f]+")
_MARKS = regex.compile(rf"(\p{{Mn}})\1{{{CERTAIN_MARKS - 1},}}")
#: What a form to fill in, or a table, is made of; and an item in brackets, which says that there is nothing to say.
_FORM = re.compile(r"_{2,}|\.{3,}|…|\||\A\s*(?:\([^()]*\)|（[^（）]*）|\[[^\[\]]*\]|<[^<>]*>)\s*\Z")
_COMMAS = ",،、，;；"
_ITEM = re.compile(rf"[^{_COMMAS}]+")
_MARKER = re.compile(r"^\s*(?:\d{1,3}[.)．、）]|[-*•‣·])\s*")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Loops of characters in all fields; of phrases and items in the response only, where they are not data."""
    for field in inspection.filled_fields:
        found = list(_find_loops(field, inspection))
        yield from found
        if field.field is Field.RESPONSE and not found:
            yield from _find_equal_items(field, inspection)


def _find_loops(field: FieldText, inspection: Inspection) -> Iterator[Finding]:
    text = field.text
    cut: list[tuple[int, int]] = []
    if not text.isascii():
        for match in _MARKS.finditer(text):
            cut.append(match.span())
            yield _marks_finding(field, match.start(), match.end())
    for run in find_repetitions(text, _LONGEST_PHRASE if field.field is Field.RESPONSE else LONGEST_UNIT):
        if any(start < run.end and run.start < end for start, end in cut):
            continue
        if _is_certain(field, run):
            sung = _is_sung(field, run, inspection)
            if not _is_asked_for(inspection, run.times) and not (sung and run.times <= _MOST_SUNG):
                yield _cut_short(field, run, sung=sung)
        elif field.field is Field.RESPONSE and _is_stuck(field, run) and not _is_asked_for(inspection, run.times):
            start = run.end - len(text[run.start : run.end].lstrip())
            unit = " ".join(text[start : start + run.period].split())
            yield LOOP.finding(field.field, start, run.end, f'"{_shorten(unit)}" {run.times} times in a row')


def _is_certain(field: FieldText, run: Repetition) -> bool:
    """Whether a run is a loop of characters that no text needs."""
    unit = field.text[run.start : run.start + run.period]
    if run.times < CERTAIN or run.period > LONGEST_UNIT or not _CUT.fullmatch(unit):
        return False
    if field.protected.overlaps(run.start, run.end):
        return False
    before = field.text[max(0, run.start - _BESIDE) : run.start].split()[-1:]
    after = field.text[run.end : run.end + _BESIDE].split()[:1]
    beside = "".join(before) + "".join(after)
    return not (
        (unit.isascii() and _ENCODED.search(beside)) or (_BASES.fullmatch(unit) and _BASES.fullmatch(beside or unit))
    )


def _is_sung(field: FieldText, run: Repetition, inspection: Inspection) -> bool:
    """Whether a run of syllables may be sung: the pair is about a song, or holds notes. One ASCII letter is no song."""
    unit = field.text[run.start : run.start + run.period]
    if not _SUNG.fullmatch(unit) or (run.period == 1 and unit.isascii()):
        return False
    section = inspection.locale.get(RepetitionSection)
    words = _SONGS + (section.songs if section else ())
    about = "\n".join((*inspection.tasks, field.text))[:_LONGEST_TASK].casefold()
    return any(word in about for word in words)


def _cut_short(field: FieldText, run: Repetition, *, sung: bool) -> Finding:
    """The finding whose fix leaves KEPT units of a loop; without a fix where it may be ``sung``."""
    unit = field.text[run.start : run.start + run.period]
    keep = KEPT * run.period
    edit = LOOP.edit(field.field, run.start + keep, field.text[run.start + keep : run.end], "")
    to_the_end = ", to the end of the text" if not field.text[run.end :].strip() else ""
    evidence = f'"{unit}" {run.times} times in a row{to_the_end}'
    return LOOP.finding(field.field, run.start, run.end, evidence, fix=() if sung else (edit,))


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


def _is_stuck(field: FieldText, run: Repetition) -> bool:
    """Whether a run of words or sentences is long enough to be no refrain; forms to fill in and tables are none."""
    unit = field.text[run.start : run.start + run.period]
    if unit.isdigit() and run.period <= LONGEST_UNIT:
        return run.end - run.start >= _MOST_DIGITS and not field.possible_code.overlaps(run.start, run.end)
    letters = sum(map(str.isalpha, unit))
    if letters < _LEAST_LETTERS or _FORM.search(unit) or any(map(str.isdigit, unit)):
        return False
    if field.protected.overlaps(run.start, run.end):
        # A sentence may hold a formula or an address; code and data may be of one line, again and again.
        told = field.protected.blank_out(field.text)[run.start : run.start + run.period]
        if field.possible_code.overlaps(run.start, run.end) or sum(map(str.isalpha, told)) < _SENTENCE:
            return False
    to_the_end = not field.text[run.end :].strip()
    enough = _MOST_WORDS if run.period < _SENTENCE else _MOST_SENTENCES
    # Two thirds of that are enough where the text ends with it: the model was stopped.
    return run.times >= (enough * 2 // 3 if to_the_end else enough)


def _find_equal_items(field: FieldText, inspection: Inspection) -> Iterator[Finding]:
    """A list whose items come out the same: synonyms that one word was translated to, points made again."""
    text = field.text
    if "\n" in text.strip():
        items, least = _split_lines(text), _EQUAL_LINES
    elif len(text) <= _LONGEST_LIST and sum(map(text.count, _COMMAS)) >= _EQUAL_ITEMS - 1:
        items, least = [], _EQUAL_ITEMS
        for start, end in _split_at_commas(text):
            if end - start > _LONGEST_ITEM:
                return
            items.append((start, end))
        if len(items) < _EQUAL_ITEMS:
            return
        of_source = _find_most_equal(field.source, list(_split_at_commas(field.source))) if field.source else None
        if of_source is not None and len(of_source) < _EQUAL_ITEMS_OF_SOURCE:
            least = _EQUAL_ITEMS_OF_SOURCE  # the source has different words where the translation has one
    else:
        return
    equal = _find_most_equal(text, items)
    if len(equal) < least:
        return
    start, end = equal[0]
    item = text[start:end]
    if sum(map(str.isalpha, item)) > 1 and not _FORM.search(item) and not _is_asked_for(inspection, len(equal)):
        evidence = f'"{_shorten(item)}" is {len(equal)} items in a row'
        yield LOOP.finding(field.field, start, equal[-1][1], evidence)


def _shorten(passage: str) -> str:
    return passage if len(passage) <= _QUOTED else passage[: _QUOTED - 1] + "…"


def _split_at_commas(text: str) -> Iterator[tuple[int, int]]:
    """Where the items of a list in one line stand."""
    return (_trim(text, match.start(), match.end()) for match in _ITEM.finditer(text))


def _split_lines(text: str) -> list[tuple[int, int]]:
    """Where the items of a list in lines stand; an empty span parts lists."""
    items: list[tuple[int, int]] = []
    position = 0
    for line in text.split("\n"):
        marker = _MARKER.match(line)
        start = position + (marker.end() if marker else len(line))
        items.append(_trim(text, start, position + len(line)))
        position += len(line) + 1
    return items


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """The range of an item without blanks around it and full stops behind it."""
    item = text[start:end]
    start += len(item) - len(item.lstrip())
    return start, max(start, start + len(item.strip().rstrip(".。")))


def _find_most_equal(text: str, items: list[tuple[int, int]]) -> list[tuple[int, int]]:
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


def _is_asked_for(inspection: Inspection, times: int) -> bool:
    """Whether the task asks for repetition: in words, or with a number near to how often it came."""
    section = inspection.locale.get(RepetitionSection)
    task = "\n".join(inspection.tasks)[:_LONGEST_TASK].casefold()
    if any(word in task for word in _ASKS + (section.asks if section else ())):
        return True
    asked = (int(number) for number in re.findall(r"(?<!\d)\d{2,4}(?!\d)", task))
    return times >= _LEAST_ASKED and any(abs(number - times) <= _NEAR for number in asked)
