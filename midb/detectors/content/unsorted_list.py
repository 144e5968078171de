"""Lists in a wrong order: a sorted list is asked for, and two neighbours of the response stand the wrong way round.

The task is read from the English source. A translated list keeps the order of the English words, so that this is where
such lists come from. Numbers are sorted in any language, words where the locale has the alphabet; accents that make no
letter of their own do not count. Repaired where the response is exactly the given items, in another order.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.edits import Edit
from midb.domain.pairs import Field
from midb.text.forms.alphabets import LetterOrder
from midb.text.inspection import Inspection
from midb.text.quantities.arithmetic import to_ascii_signs
from midb.text.quantities.numbers import read_numeral
from midb.text.words import function_words, holds_any

UNSORTED_LIST = DefectKind(
    name="unsorted-list",
    family=DefectFamily.CONTENT,
    severity=Severity.MAJOR,
    summary="a list that was to be sorted, and is not",
    repairs=True,
    needs_source=True,
)
KINDS = (UNSORTED_LIST,)

_LONGEST_TASK = 400
_LONGEST_REPLY = 1_000
_MOST_ITEMS = 60
_VERB = r"(?:sort|arrange|order|put|list|alphabeti[sz]e|organi[sz]e|rearrange|reorder|rank)"
_ALPHABETICAL = re.compile(
    rf"\b{_VERB}\b[^.]*?\b(?:alphabetical(?:ly)?|alphabetic order)\b|^\s*alphabeti[sz]e\b", re.IGNORECASE
)
_LITTLE, _LARGE = "(?:smallest|lowest|least)", "(?:largest|biggest|highest|greatest)"
_RISING = re.compile(
    rf"\b{_VERB}\b[^.]*?\b(?:ascending|increasing|{_LITTLE} to (?:the )?{_LARGE})\b",
    re.IGNORECASE,
)
_FALLING = re.compile(
    rf"\b{_VERB}\b[^.]*?\b(?:descending|decreasing|{_LARGE} to (?:the )?{_LITTLE})\b",
    re.IGNORECASE,
)
#: What each of these holds.
_ORDERS = ("phabeti", "scending", "creasing", "st to ")
#: Tasks that ask for another order, or for more than a list.
_NOT_PLAIN = re.compile(
    r"\b(?:by|then|last|surnames?|reverse|second|each|every|letters?|code|program|function|algorithm|script|explain"
    r"|importance|priority|length|except|ignor\w*|groups?|categor\w*|python|java|sql|backwards?|z to a|z-a|steps?|how"
    r"|why|story|essay|countries|top|first|write|generate|absolute|dates?|chronological\w*|according|based)\b",
    re.IGNORECASE,
)
_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)、])\s+")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
_EDGES = " \t\"'“”‘’«»„「」『』[](){}."
#: What stands between items, the surest first: a comma without a blank may stand before decimals.
_SEPARATORS = tuple(re.compile(form) for form in (r"\s*[;；、،]\s*", r"\s*,\s+", r"[,，]"))


@dataclass(frozen=True, slots=True)
class _SortedItem:
    text: str
    start: int


def detect(inspection: Inspection) -> Iterator[Finding]:
    """The first two items of the response that stand the wrong way round."""
    source, response = inspection.source, inspection.pair.response or ""
    task = (source.instruction if source else None) or ""
    if not 0 < len(task) <= _LONGEST_TASK or not 0 < len(response) <= _LONGEST_REPLY:
        return
    sort = _read_order(task)
    if sort is None or len(inspection.pair.input or "") > _LONGEST_REPLY:
        return
    items = _split(response)
    if not 3 <= len(items) <= _MOST_ITEMS:
        return
    wrong = _find_wrong(items, sort, inspection)
    if wrong is None:
        return
    first, second = items[wrong], items[wrong + 1]
    evidence = f"“{second.text}” comes before “{first.text}” in the order that is asked for"
    fix = _repair(items, sort, inspection)
    end = second.start + len(second.text)
    yield UNSORTED_LIST.finding(Field.RESPONSE, first.start, end, evidence, fix=fix)


def _read_order(task: str) -> str | None:
    """``alphabetical``, ``rising`` or ``falling``; ``None`` where the task is another one or none of these alone."""
    if not holds_any(task.lower(), _ORDERS):
        return None
    asked = {"alphabetical": _ALPHABETICAL, "rising": _RISING, "falling": _FALLING}
    found = [name for name, pattern in asked.items() if pattern.search(task)]
    return found[0] if len(found) == 1 and not _NOT_PLAIN.search(task) else None


def _split(text: str) -> list[_SortedItem]:
    """The items of a text that is a list: on lines of their own, between commas, or words between blanks."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1:
        separator = re.compile(r"\n")
    elif separators := [one for one in _SEPARATORS if one.search(text)]:
        separator = separators[0]
    else:
        separator = re.compile(r"\s+")
    items, start = [], 0
    for match in [*separator.finditer(text), None]:
        end = match.start() if match else len(text)
        piece = text[start:end]
        mark = _MARK.match(piece)
        begin = start + (mark.end() if mark else 0)
        stripped = text[begin:end].strip(_EDGES)
        if stripped:
            items.append(_SortedItem(stripped, text.index(stripped, begin)))
        start = match.end() if match else end
    return items


def _find_wrong(items: list[_SortedItem], sort: str, inspection: Inspection) -> int | None:
    """Where two neighbours stand the wrong way round; ``None`` where they do not, or nobody can be sure."""
    compared = _compare_all([item.text for item in items], sort, inspection)
    if compared is None:
        return None
    return next((place for place, order in enumerate(compared) if order < 0), None)


def _compare_all(texts: list[str], sort: str, inspection: Inspection) -> list[int] | None:
    """For each two neighbours: 1 where they are in order, -1 where not, 0 where both ways may be right."""
    if sort == "alphabetical":
        alphabet = inspection.locale.get(LetterOrder)
        if alphabet is None or any(len(text) > 60 or len(text.split()) > 4 for text in texts):
            return None
        grammar = function_words(inspection.locale.code)
        if any(len(words := text.lower().split()) > 1 and words[0] in grammar for text in texts):
            return None  # an article before its noun may count or not
        article = alphabet.article
        if article and 0 < sum(text.startswith(article) for text in texts) < len(texts):
            return None
        read = [alphabet.read(text) for text in texts]
        if any(letters is None or not letters or letters[0] < 0 for letters in read):
            return None
        return [_compare_letters(one or [], other or []) for one, other in itertools.pairwise(read)]
    values = [_read_value(text) for text in texts]
    if any(value is None for value in values):
        return None
    numbers = [value for value in values if value is not None]
    sign = 1 if sort == "rising" else -1
    return [(b * sign > a * sign) - (b * sign < a * sign) for a, b in itertools.pairwise(numbers)]


def _compare_letters(one: list[int], other: list[int]) -> int:
    for a, b in zip(one, other, strict=False):
        if a != b:
            return 0 if a < 0 or b < 0 else 1 if a < b else -1
    return 1 if len(one) < len(other) else 0


def _read_value(text: str) -> Fraction | None:
    plain = to_ascii_signs(text).strip()
    if not _NUMBER.fullmatch(plain):
        return None
    values = read_numeral(plain.lstrip("-"))
    return (-values[0] if plain.startswith("-") else values[0]) if len(values) == 1 else None


def _repair(items: list[_SortedItem], sort: str, inspection: Inspection) -> tuple[Edit, ...]:
    """The items in their order, each at the place of another, where they are exactly those that are given."""
    given = _split(inspection.pair.input or "")
    if Counter(item.text.casefold() for item in given) != Counter(item.text.casefold() for item in items):
        return ()
    texts = [item.text for item in items]
    if len({text.casefold() for text in texts}) != len(texts):
        return ()

    def compare(one: str, other: str) -> int:
        compared = _compare_all([one, other], sort, inspection)
        return -compared[0] if compared else 0

    ordered = sorted(texts, key=functools.cmp_to_key(compare))
    if any(order < 1 for order in _compare_all(ordered, sort, inspection) or [0]):
        return ()
    pairs = zip(items, ordered, strict=True)
    return tuple(
        UNSORTED_LIST.edit(Field.RESPONSE, item.start, item.text, text) for item, text in pairs if item.text != text
    )
