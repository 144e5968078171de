"""The lines of a field, and which of them are prose whose punctuation may be judged."""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator

from midb.text.code.signs import find_literals, punctuates_as_code
from midb.text.forms.chinese import find_chinese_sentences, may_be_chinese
from midb.text.inspection import FieldText, Inspection
from midb.text.languages import IDENTIFIABLE_LENGTH, same_language
from midb.text.quotations import find_quotations
from midb.text.spans import NO_SPANS

#: What stands before the semicolon of an entity.
_ENTITY_BEGIN = re.compile(r"&#?\w{1,30}\Z")


class Line:
    """One line of a text, without its end."""

    def __init__(self, start: int, text: str) -> None:
        self.start = start
        self.text = text

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @functools.cached_property
    def may_be_code(self) -> bool:
        """Whether the line may be written for a machine: code, or a row of a table."""
        return punctuates_as_code(self.text)

    @functools.cached_property
    def word_count(self) -> int:
        """How many words the line has, as blanks part them."""
        return len(self.text.split())

    @functools.cached_property
    def half_width_brackets(self) -> int:
        """How many of the round brackets of ASCII the line has."""
        return self.text.count("(") + self.text.count(")")

    @functools.cached_property
    def _literals(self) -> list[tuple[int, int]]:
        return list(find_literals(self.text))

    def is_in_literal(self, position: int) -> bool:
        """Whether a position of the text lies in ``[...]`` or ``{...}``, where a mark is syntax."""
        offset = position - self.start
        index = bisect_right(self._literals, (offset, 0)) - 1
        return index >= 0 and self._literals[index][0] < offset < self._literals[index][1] - 1


class Lines:
    """The lines of a field, each looked up and examined once."""

    def __init__(self, item: FieldText) -> None:
        self._item = item
        self._lines: dict[int, Line] = {}
        self._languages: dict[tuple[int, int], str | None] = {}

    @functools.cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self._item.text))]

    def at(self, position: int) -> Line:
        """The line a position lies in."""
        index = bisect_right(self._starts, position) - 1
        if index not in self._lines:
            start = self._starts[index]
            end = self._starts[index + 1] - 1 if index + 1 < len(self._starts) else len(self._item.text)
            self._lines[index] = Line(start, self._item.text[start:end])
        return self._lines[index]

    def __iter__(self) -> Iterator[Line]:
        return (self.at(start) for start in self._starts)

    def are_native_prose(self, start: int, end: int, inspection: Inspection) -> bool:
        """Whether ``[start, end)`` is prose in the language of the pair, and not in a quotation that may be foreign."""
        if not self.are_prose(start, end):
            return False
        line = self.at(start)
        if not self._is_native(line.start, line.end, inspection):
            return False
        index = bisect_right(self._quotations, (start, len(self._item.text))) - 1
        if index < 0 or start >= self._quotations[index][1]:
            return True
        # Too short to be sure of, but a wrong guess here leaves a mark as it is.
        return same_language(self._identify(*self._quotations[index], inspection), inspection.locale.code)

    def _is_native(self, start: int, end: int, inspection: Inspection) -> bool:
        """Whether a line (or, where that is too short to tell, its field) is in the language of the pair."""
        long = end - start >= IDENTIFIABLE_LENGTH
        language = self._identify(start, end, inspection) if long else self._item.language
        return same_language(language, inspection.locale.code)

    def _identify(self, start: int, end: int, inspection: Inspection) -> str | None:
        """The language of one range of the text, identified once."""
        if (start, end) not in self._languages:
            self._languages[start, end] = inspection.identifier.identify(self._item.text[start:end], NO_SPANS)
        return self._languages[start, end]

    @functools.cached_property
    def _quotations(self) -> list[tuple[int, int]]:
        return list(find_quotations(self._item.text))

    def are_prose(self, start: int, end: int) -> bool:
        """Whether ``[start, end)`` is no code, not protected, and in no table, literal or entity.

        Nor in a phrase that the record wants word for word, nor in a Chinese sentence.
        """
        item, line = self._item, self.at(start)
        if item.protected.overlaps(start, end) or line.may_be_code or line.is_in_literal(start):
            return False
        if item.possible_code.overlaps(start, end) or self._ends_entity(start):
            return False
        return not (item.demanded.overlaps(start, end) or self._is_chinese(start))

    def _is_chinese(self, position: int) -> bool:
        """Whether a position lies in a Chinese sentence (or at its end), in a text that may be Japanese or Korean."""
        index = bisect_right(self._chinese, (position, len(self._item.text))) - 1
        return index >= 0 and position <= self._chinese[index][1]

    @functools.cached_property
    def _chinese(self) -> list[tuple[int, int]]:
        text = self._item.text
        if not text.isascii() and may_be_chinese(text) and self._item.language == "zh":
            return [(0, len(text))]
        return list(find_chinese_sentences(text))

    def _ends_entity(self, position: int) -> bool:
        """Whether a position is the semicolon of ``&amp;``."""
        text = self._item.text
        return text[position : position + 1] == ";" and bool(
            _ENTITY_BEGIN.search(text, max(0, position - 32), position)
        )
