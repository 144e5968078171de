"""Lists of the wrong length: an instruction asks for so many things, and the response lists more or fewer.

Only a number right beside the request counts, only if the instruction names no other, and only a list that is one
beyond doubt. Limits, measures (words, lines, minutes) and numbers per item are no such requests.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.pairs import Field
from midb.locales import LocaleSection, load
from midb.text.forms.lists import ItemList, find_only_list
from midb.text.inspection import Inspection, PairTask
from midb.text.quantities.numbers import ASCII_DIGITS, NumberWords
from midb.text.words import holds_any

#: No one asks for longer lists, and none is counted at a glance.
_MOST = 100

#: Longer instructions hold more than one request.
_LONGEST_INSTRUCTION = 1_000


class Order(StrEnum):
    """Where the number of a request stands, as in "name five ...", "name ... five" and "... five name"."""

    ADJACENT = "adjacent"
    COUNT_LAST = "count-last"
    REQUEST_LAST = "request-last"


class ItemCountWords(LocaleSection, table="item_count"):
    """How an instruction asks for a number of things.

    ``requests`` ask for things ("name"), ``writers`` likewise where the number stands right beside them ("write");
    ``makers`` do so only with one of ``lists`` ("make" with "a list of"). ``steps`` are phrases with NUMBER in them
    ("in NUMBER steps"), for which the list is one of steps.
    ``fillers`` may stand before the number. ``counters`` may stand after it, or must (``counted``). ``prefixes`` are
    written together with it. Where the request comes last, ``gap`` and ``list_gap`` are patterns for what may stand
    between the number and a request or a maker. ``vague`` phrases ("at least") make every number inexact. ``measures``
    (words, minutes) are counted without being items: up to ``reach`` words after the number, or right before it where
    it comes last; not where one of ``items`` begins with such a word. A phrase is made of whole words, except that a
    ``*`` at one end stands for any letters, and that without ``blanks`` the language does not set words apart.
    """

    order: Order
    requests: tuple[str, ...]
    makers: tuple[str, ...]
    writers: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    fillers: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    counted: bool = False
    prefixes: tuple[str, ...] = ()
    gap: str = ""
    list_gap: str = ""
    blanks: bool = True
    vague: tuple[str, ...]
    measures: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    reach: int = 2


ITEM_COUNT = DefectKind(
    name="item-count-mismatch",
    family=DefectFamily.CONTENT,
    severity=Severity.MAJOR,
    summary="a list with more or fewer items than the instruction asks for",
    needs=(ItemCountWords, NumberWords),
)
KINDS = (ITEM_COUNT,)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """The response's list, where its length is not the one asked for."""
    response = inspection.pair.response
    if not response:
        return
    asked, steps = inspection.task.tell(_read_request)
    found = find_only_list(response) if asked or steps else None
    if steps and found is not None and _is_introduced_at_length(response, found):
        return  # a list of something else, and the steps elsewhere
    asked = asked or steps
    if asked is None or found is None or len(found) == asked or _counts_otherwise(found, asked):
        return
    evidence = f"the instruction asks for {asked}, the list has {len(found)}"
    source = find_only_list(inspection.source.response or "") if inspection.source else None
    if source is not None:
        evidence += f"; the English source has {len(source)}" + (" too" if len(source) == len(found) else "")
    yield ITEM_COUNT.finding(Field.RESPONSE, found.start, found.end, evidence)


def _read_request(task: PairTask) -> tuple[int | None, int | None]:
    """How many things an instruction asks for; if for none, in how many steps it wants something told."""
    patterns = _load_patterns(task.locale.code)
    if not task.instruction or patterns is None or len(task.instruction) > _LONGEST_INSTRUCTION:
        return None, None
    asked = patterns.find_count(task.instruction)
    return asked, None if asked else patterns.find_steps(task.instruction)


def _is_introduced_at_length(response: str, found: ItemList) -> bool:
    """Whether more than one line stands before a list, or behind it."""
    ends = (response[: found.start], response[found.end :])
    return any(sum(bool(line.strip()) for line in end.split("\n")) > 1 for end in ends)


def _counts_otherwise(found: ItemList, asked: int) -> bool:
    """Lists that hold the right number in another way: several things per item, questions with their answers."""
    listing = sum(bool(re.search(r"[,;、，؛،]|\s(?:/|\+|&)\s", item)) for item in found.items)
    if len(found) < asked and listing == len(found):
        return True
    questions = sum(item.rstrip().endswith(("?", "？", ";", "؟")) for item in found.items)
    return len(found) > asked and questions == asked


_DIGIT = re.compile(r"\d")


class _CountPatterns:
    """How one language asks for a number of things, as regular expressions."""

    def __init__(self, words: ItemCountWords, numbers: NumberWords) -> None:
        self._numbers = numbers
        number = _number_pattern(words, numbers)
        beside = words.order is not Order.COUNT_LAST
        requests = _phrase_pattern((*words.requests, *(words.writers if beside else ())), blanks=words.blanks)
        makers = _phrase_pattern(words.makers, blanks=words.blanks)
        if words.order is Order.REQUEST_LAST:
            asked = rf"{number}(?=(?:{words.gap}{requests}|{words.list_gap}{makers}))"
        else:
            fillers = rf"(?:[\s\-]{_phrase_pattern(words.fillers, blanks=True)})*" if words.fillers else ""
            lists = _phrase_pattern(words.lists, blanks=words.blanks)
            head = rf"(?:(?:{requests}|{makers}){fillers}\s*{lists}|{requests}){fillers}"
            asked = head + (r"[\s\-]\s*" if words.order is Order.ADJACENT else r"[^\n.?!]{0,80}?") + number
        self._asked = re.compile(asked, re.IGNORECASE)
        self._steps = re.compile(_steps_pattern(words, numbers), re.IGNORECASE)
        self._number = re.compile(number, re.IGNORECASE)
        self._spoken = tuple({_fold(word) for forms in numbers.words.values() for word in forms})
        begin = (re.search(r"\w+", word) for word in self._spoken)
        delimited = words.blanks and not words.counted and not words.prefixes
        self._beginnings = frozenset(found.group() for found in begin if found) if delimited else None
        self._vague = re.compile(_phrase_pattern(words.vague, blanks=words.blanks), re.IGNORECASE)
        items = f"(?!{_phrase_pattern(words.items, blanks=words.blanks)})" if words.items else ""
        measures = _phrase_pattern(words.measures, blanks=words.blanks) if words.measures else "(?!)"
        if words.order is Order.COUNT_LAST:  # the noun comes first: "ingredients five things"
            self._measures = re.compile(rf"{measures}\s*{number}", re.IGNORECASE)
        else:
            between = rf"{number}\s*(?:\S+\s+){{0,{words.reach}}}?の?"
            self._measures = re.compile(between + items + measures, re.IGNORECASE)

    def may_count(self, instruction: str) -> bool:
        """Whether there is a number at all: cheap to see, and most instructions have none."""
        if _DIGIT.search(instruction):
            return True
        return holds_any(_fold(instruction), self._spoken)

    def find_count(self, instruction: str) -> int | None:
        """How many things an instruction asks for, ``None`` where that is not plain."""
        if not self.may_count(instruction):
            return None
        if self._beginnings is not None and not _DIGIT.search(instruction):
            # The number is a word of its own: a look at all words is faster than one for any of these words.
            tokens = re.findall(r"\w+", _fold(instruction))
            if self._beginnings.isdisjoint(tokens):
                return None
        text = instruction.translate(ASCII_DIGITS)
        match = self._asked.search(text) if self._number.search(text) else None
        return None if match is None or self._measures.search(text) else self._read(match, text)

    def find_steps(self, instruction: str) -> int | None:
        """In how many steps an instruction wants something told, ``None`` where that is not plain."""
        if not self.may_count(instruction):
            return None
        text = instruction.translate(ASCII_DIGITS)
        match = self._steps.search(text)
        return None if match is None else self._read(match, text)

    def _read(self, match: re.Match[str], text: str) -> int | None:
        """The number of a request, where it is exact and the only one."""
        if self._vague.search(text):
            return None
        others = [other for other in self._number.finditer(text) if other.start("number") != match.start("number")]
        if any(2 <= (self._numbers.value(other["number"]) or 0) <= _MOST for other in others):
            return None
        asked = self._numbers.value(match["number"])
        return asked if asked and 2 <= asked <= _MOST else None


def _fold(text: str) -> str:
    """A text without capitals, as patterns that ignore them compare: the capital of i may have a dot."""
    return text.lower().replace("i\u0307", "i")


@functools.cache
def _load_patterns(code: str) -> _CountPatterns | None:
    """The patterns of a language, compiled once per process; ``None`` for one without the tables."""
    locale = load(code)
    words, numbers = locale.get(ItemCountWords), locale.get(NumberWords)
    return _CountPatterns(words, numbers) if words and numbers else None


def _number_pattern(words: ItemCountWords, numbers: NumberWords) -> str:
    """A pattern for a number of things: no range, no decimal, no part of a longer word or number."""
    spoken = [word for forms in numbers.words.values() for word in forms]
    if words.blanks:
        before, after = r"(?<![\w\-–/.,:])", "" if words.counted else r"(?![\w\-–/%°]|[.,:]\d)"
    else:
        before, after = r"(?<![第約\d])" + "".join(f"(?<!{re.escape(word)})" for word in spoken), ""
    prefix = _phrase_pattern(words.prefixes, blanks=False) + "?" if words.prefixes else ""
    counter = rf"\s?{_phrase_pattern(words.counters, blanks=False)}" if words.counters else ""
    if counter and not words.counted:
        counter = rf"(?:{counter}(?!\w))?"
    return rf"{before}{prefix}(?P<number>\d{{1,3}}|{_phrase_pattern(spoken, blanks=False)}){after}{counter}"


def _steps_pattern(words: ItemCountWords, numbers: NumberWords) -> str:
    """A pattern for "in five steps"; one that never matches where the language has no such phrase."""
    spoken = _phrase_pattern([word for forms in numbers.words.values() for word in forms], blanks=False)
    number = rf"(?P<number>\d{{1,2}}|{spoken})"
    phrases = []
    for phrase in words.steps:
        before, after = (re.escape(part).replace(r"\ ", r"\s+") for part in phrase.strip("*").split("NUMBER"))
        end = r"\w*" if phrase.endswith("*") else r"(?!\w)" if words.blanks else ""
        begin = r"(?<!\w)" if words.blanks and not phrase.startswith("*") else ""
        phrases.append((f"{begin}{before}", f"{after}{end}"))
    if not phrases:
        return "(?!)"
    starts, ends = ("|".join(dict.fromkeys(parts)) for parts in zip(*phrases, strict=True))
    return f"(?:{starts}){number}(?:{ends})"


def _phrase_pattern(phrases: Sequence[str], *, blanks: bool) -> str:
    """A pattern for any of the phrases, longest first; with ``blanks`` each ends where a word does, or at its star."""
    patterns = []
    for phrase in sorted(phrases, key=len, reverse=True):
        pattern = re.escape(phrase.strip("*")).replace(r"\ ", r"\s+")
        if blanks and not phrase.startswith("*"):
            pattern = rf"(?<!\w){pattern}"
        if blanks and not phrase.endswith("*"):
            pattern = rf"{pattern}(?!\w)"
        patterns.append(pattern)
    return f"(?:{'|'.join(patterns)})"
