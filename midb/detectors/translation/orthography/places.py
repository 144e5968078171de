"""Places of one field where letters are written wrongly, and the findings that are made of them.

Knows no language. A rule yields places; whether one may be touched is asked here, once for all rules.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from midb.domain.defects import DefectKind, Finding
from midb.text.inspection import FieldText, Inspection, find_phrase
from midb.text.protection import merge_spans
from midb.text.spans import Spans

#: Characters of a place that a finding quotes.
_QUOTED = 30
#: Characters that it tells by number.
_NUMBERED = 3


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at ``start``, what ought to stand there (``None`` where that is not certain), and why."""

    start: int
    before: str
    after: str | None
    reason: str

    @property
    def end(self) -> int:
        return self.start + len(self.before)


#: How far from a place the rest of its word is looked for.
_REACH = 80
_TOKEN_BEGIN = re.compile(r"[\w\u0300-\u036f\u3099\u309a./:%@~-]+\Z")
_TOKEN_END = re.compile(r"[\w\u0300-\u036f\u3099\u309a./:%@~-]*")
#: A bracket of a placeholder or of a tag, and the other behind the same name.
_OPENED = re.compile(r"[{<][^{}<>\s]*\Z")
_CLOSED = re.compile(r"[^{}<>\s]{0,80}[}>]")

#: A rule: every place of a text that it is about, in text order.
Rule = Callable[[str], Iterable[Place]]


def replace_matches(pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str | None], reason: str) -> Rule:
    """The rule that puts something else wherever a pattern matches; ``None`` says that nobody knows what.

    >>> list(replace_matches(re.compile("ae"), lambda match: "ä", "ä in two letters")("aehre"))
    [Place(start=0, before='ae', after='ä', reason='ä in two letters')]
    """

    def find(text: str) -> Iterator[Place]:
        for match in pattern.finditer(text):
            yield Place(match.start(), match.group(), replace(match), reason)

    return find


class OpenText:
    """What of a field is text: no code, address or placeholder, and nothing that the record wants word for word.

    ``quotations``: what the task quotes and the response uses is wanted as well.
    """

    def __init__(self, item: FieldText, inspection: Inspection, *, quotations: bool) -> None:
        self._item = item
        self._inspection = inspection
        self._quotations = quotations

    @functools.cached_property
    def _wanted(self) -> Spans:
        if self._quotations:
            return self._item.demanded
        found = (find_phrase(phrase, self._item.text) for phrase in self._inspection.demands)
        return Spans(merge_spans([span for spans in found for span in spans]))

    def holds(self, place: Place) -> bool:
        """Whether a place may be judged."""
        item = self._item
        start, end = _find_token(item.text, place)
        if item.protected.overlaps(start, end) or item.possible_code.overlaps(place.start, place.end):
            return False
        if _OPENED.search(item.text, max(0, start - 1), place.start) and _CLOSED.match(item.text, place.end):
            return False
        return not self._wanted.overlaps(place.start, place.end)


def _find_token(text: str, place: Place) -> tuple[int, int]:
    """Where the word of a place begins and ends, with what may be the rest of an address or of the name of a file.

    In parts, letters are none of those that such names are known by.
    """
    before = _TOKEN_BEGIN.search(text, max(0, place.start - _REACH), place.start)
    behind = _TOKEN_END.match(text, place.end, place.end + _REACH)
    return (before.start() if before else place.start), (behind.end() if behind else place.end)


def tell(kind: DefectKind, item: FieldText, places: Iterable[Place]) -> Iterator[Finding]:
    """One finding for each reason, of what is repaired and of what is not; its edits are the places."""
    groups: dict[tuple[str, bool], list[Place]] = defaultdict(list)
    for place in places:
        groups[place.reason, place.after is not None].append(place)
    for (reason, repaired), group in groups.items():
        first = group[0]
        shown = f'"{_shorten(first.before)}"'
        if first.after is not None:
            shown += f' is "{_shorten(first.after)}"{_name_difference(first.before, first.after)}'
        times = f", {len(group)} places" if group[1:] else ""
        edits = [kind.edit(item.field, place.start, place.before, place.after or "") for place in group if repaired]
        yield kind.finding(item.field, first.start, first.end, f"{reason}: {shown}{times}", fix=tuple(edits))


def _shorten(text: str) -> str:
    return text if len(text) <= _QUOTED else text[: _QUOTED - 1] + "…"


def _name_difference(before: str, after: str) -> str:
    """The characters in which two texts differ, by number, for many of them look the same; empty where it is long.

    >>> _name_difference("\u00b5άζα", "\u03bcάζα")
    ' (U+00B5 is U+03BC)'
    """
    while before and after and before[0] == after[0]:
        before, after = before[1:], after[1:]
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    if not before or not after or max(len(before), len(after)) > _NUMBERED:
        return ""
    old, new = (" ".join(f"U+{ord(character):04X}" for character in text) for text in (before, after))
    return f" ({old} is {new})"
