"""Broken numbering: a list that counts 1, 2, 2, 4.

Only lists whose every item stands on a line of its own, in one style and at one depth, are looked at. Knows the ways
lists are numbered and the digits of all scripts, no language.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.text.inspection import FieldText, Inspection
from midb.text.languages import find_evident_language, same_language
from midb.text.prose import find_english_words

NUMBERING = DefectKind(
    name="broken-numbering",
    family=DefectFamily.CONTENT,
    severity=Severity.MINOR,
    summary="a numbered list that repeats or skips a number",
    repairs=True,
    may_change=frozenset({Invariant.NUMBERS}),
)

KINDS = (NUMBERING,)

#: What is found in a field is no matter of the response, unless it is found there (see midb.detectors).
FIELD_BY_FIELD = True

_ITEM = re.compile(
    r"^(?P<lead>[ \t]*(?:#{1,6} |\*\*|__)?[(（]?)(?P<number>\d{1,3})(?P<close>[.)）．、]|\.\)| ?[-–](?= ))"
    r"(?!\d)(?P<text>[^\n]*)",
    re.MULTILINE,
)
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+")

_BLANK_LINE = re.compile(r"\n[ \t]*\n")
#: A line of prose from the margin, which belongs to no entry above it.
_FROM_MARGIN = re.compile(r"\n*[^\s\d\-*•+|>#`](?:[^\n]*\s\S|[^\n\x00-\x7f]{6})")

#: An entry of fewer letters is too short for its language to be told.
_LEAST_LETTERS = 10

#: Fewer items than these prove no sequence.
_SHORTEST = 3

#: An entry below this length that does not end like a sentence may be a name in a ranking.
_SHORT = 40

#: Longer numbers in the text of an entry are not looked at: no list has so many steps.
_MOST_DIGITS = 3


@dataclass(frozen=True, slots=True)
class _Item:
    """One line of a list: where its number stands, how it is written, what it says."""

    start: int
    written: str
    text: str
    end: int

    @property
    def number(self) -> int:
        return int(self.written)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """One finding per broken list."""
    for field in inspection.filled_fields:
        if "\n" not in field.text:
            continue
        for items in _find_lists(field):
            yield from _examine_list(field, items, inspection)


def _find_lists(field: FieldText) -> Iterator[list[_Item]]:
    """The lists of a text: items of one style and depth. A style that starts anew is left alone.

    Lists inside lists are often not indented (1. A, 1. a, 2. b, 2. B), and then no number is provably wrong.
    """
    styles: dict[tuple[str, str], list[_Item]] = defaultdict(list)
    for match in _ITEM.finditer(field.text):
        if field.protected.overlaps(match.start("number"), match.end("number")):
            continue
        item = _Item(match.start("number"), match["number"], match["text"], match.end())
        styles[match["lead"], match["close"]].append(item)
    for items in styles.values():
        ones = sum(item.number <= 1 for item in items)
        if len(items) >= _SHORTEST and items[0].number == 1 and ones == 1:
            yield items


def _examine_list(field: FieldText, items: Sequence[_Item], inspection: Inspection) -> Iterator[Finding]:
    numbers = [item.number for item in items]
    wrong = [index for index, number in enumerate(numbers) if number != index + 1]
    if not wrong or _counts_something_else(items):
        return
    first = wrong[0]
    item = items[first]
    repeated = item.number == first
    only_one = len(wrong) == 1 and (repeated or first < len(items) - 1)
    # One number came twice, and the list counted on from it: 1, 2, 2, 3, 4.
    shifted = repeated and numbers[first:] == list(range(first, len(numbers)))
    # Numbers were left out, and the same list of the source has none left out.
    skipped = all(a < b for a, b in pairwise(numbers)) and _source_counts_on(field, len(items))
    if not (only_one or shifted or skipped):
        return
    pair = [items[first - 1].text, item.text]
    if repeated and (
        _shares_number(pair) or _is_told_again(field.text, items, first) or _are_in_two_languages(pair, inspection)
    ):
        return
    to_change = [item] if only_one else items[first:]
    # Two short entries under one number may share a rank; where the source counts on, they do not.
    provable = _source_counts_on(field, len(items)) or not (repeated and all(map(_may_be_a_name, pair)))
    if not (only_one or skipped):  # "go on with step 4" would mean another step after renumbering
        provable = provable and not any(_mentions(entry.text, range(first, len(items) + 1)) for entry in items)
    fix = tuple(
        NUMBERING.edit(field.field, entry.start, entry.written, _write_number(place, entry.written))
        for place, entry in enumerate(to_change, start=first + 1)
    )
    inherited = ", as in the source" if _read_numbers(field.source) == numbers else ""
    around = ", ".join(map(str, numbers[max(0, first - 2) : first + 2]))
    evidence = f"counts {around}: {item.number} where {first + 1} is next{inherited}"
    end = item.start + len(item.written)
    yield NUMBERING.finding(field.field, item.start, end, evidence, fix=fix if provable else ())


def _counts_something_else(items: Sequence[_Item]) -> bool:
    """Whether the numbers are part of what is said: dates ("2 May", "5 May"), editions, chapters, prices.

    Then the word after the number comes again and again.
    """
    words = [match.group().casefold() for item in items if (match := _WORD.match(item.text.lstrip(" *_")))]
    return len(words) > len(set(words)) + len(words) // 3


def _may_be_a_name(text: str) -> bool:
    """Whether an entry is short and ends like no sentence, as the names of a ranking do."""
    return len(text) < _SHORT and not text.rstrip(" \t*_").endswith((".", "!", "?", "。", "！", "？", "؟"))


def _shares_number(pair: Sequence[str]) -> bool:
    """Whether two entries name the same number: a score, by which they share a rank."""
    first, second = (set(_NUMBER.findall(text)) for text in pair)
    return bool(first & second)


def _is_told_again(text: str, items: Sequence[_Item], index: int) -> bool:
    """Whether a paragraph stands before an entry that repeats a number, and before no other: the list was left.

    Then somebody comes back to a step, to correct it or to explain it once more.
    """
    paragraphs = [_has_paragraph(text[before.end : item.start]) for before, item in pairwise(items)]
    return paragraphs[index - 1] and sum(paragraphs) == 1


def _has_paragraph(between: str) -> bool:
    """Whether text from the margin stands behind a blank line in what stands between two entries."""
    return any(_FROM_MARGIN.match(part) for part in _BLANK_LINE.split(between)[1:])


def _are_in_two_languages(pair: Sequence[str], inspection: Inspection) -> bool:
    """Whether two entries under one number are in two languages: a sentence and its translation."""
    if any(sum(map(str.isalpha, text)) < _LEAST_LETTERS for text in pair):
        return False
    english = [len(find_english_words(text, inspection.locale)) for text in pair]
    if min(english) == 0 and max(english) > 1:
        return True
    # Of two short sentences at least one must show its language by its words: a guess errs too often.
    evident = [find_evident_language(text) for text in pair]
    if not any(evident):
        return False
    first, second = (known or inspection.identifier.identify(text) for known, text in zip(evident, pair, strict=True))
    return first is not None and second is not None and not same_language(first, second)


def _source_counts_on(field: FieldText, count: int) -> bool:
    """Whether the English source numbers the same list 1 to ``count``."""
    return _read_numbers(field.source) == list(range(1, count + 1))


def _read_numbers(source: str | None) -> list[int]:
    """The numbers of all list items of the English source, in order."""
    return [int(match["number"]) for match in _ITEM.finditer(source or "")]


def _mentions(text: str, numbers: range) -> bool:
    """Whether a text names one of the numbers: it may mean the step, which renumbering would move."""
    return any(int(found) in numbers for found in _NUMBER.findall(text) if len(found) <= _MOST_DIGITS)


def _write_number(number: int, model: str) -> str:
    """A number in the digits of ``model``.

    >>> _write_number(13, "٣"), _write_number(3, "２")
    ('١٣', '３')
    """
    zero = ord(model[0]) - unicodedata.digit(model[0])
    return "".join(chr(zero + int(digit)) for digit in str(number))
