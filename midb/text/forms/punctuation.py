"""What the detectors of punctuation share: pairs that are about punctuation, lines that are code. Detects nothing."""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator

from midb.locales import Locale, LocaleSection
from midb.text.inspection import FieldText, Inspection
from midb.text.languages import same_language
from midb.text.protection import NOTHING
from midb.text.quotations import quotations


class PunctuationTasks(LocaleSection, table="punctuation"):
    """``about``: patterns by which an instruction shows that marks or mistakes are its very subject.

    Such a pair ("correct the errors", "where does the comma go", "as CSV") holds wrong punctuation on purpose.
    """

    about: tuple[str, ...]

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(self.about), re.IGNORECASE)


def is_about_punctuation(inspection: Inspection) -> bool:
    """Whether the pair's marks are its subject, so that none of them may be judged."""
    tasks = inspection.locale.get(PunctuationTasks)
    return tasks is not None and bool(tasks.pattern.search(inspection.pair.instruction or ""))


#: Characters from which on the language of a text is identified well enough to be believed against what was declared.
_IDENTIFIABLE = 40


def is_foreign(item: FieldText, locale: Locale) -> bool:
    """Whether a field is long enough to say that it is in another language than the pair, which has its own marks."""
    long = len(item.text) >= _IDENTIFIABLE and item.language is not None
    return long and not same_language(item.language, locale.code)


#: Code that stands outside any fence. Prose that looks like it is left alone, which costs little.
_CODE = re.compile(
    r"^[ \t]*(?:def|class|import|from|return|print|elif|public|private|static|void|int|float|char|const|let|var"
    r"|function|select|insert|update|delete|create|include|using|while|for|if|else)\b[^\n]*[(){}:;=*#<>]"
    r"|^[ \t]*(?:#include|//|/\*|\*/|#!|<\?|<!|>>>|\$ )"
    r"|[{}][ \t]*$|\)[ \t]*;|\w\.\w+\(|==|!=|=>|::|&&|\|\||</?[a-z]+[ >/]",
    re.IGNORECASE,
)

#: A row of a table, whose marks separate cells.
_ROW = re.compile(r"\|.*\||\t")

#: A list or record as programs write it.
_LITERAL = re.compile(r"\[[^\[\]\n]*\]|\{[^{}\n]*\}")


class Line:
    """One line of a text, without its end."""

    def __init__(self, start: int, text: str) -> None:
        self.start = start
        self.text = text

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @functools.cached_property
    def is_code(self) -> bool:
        """Whether the line is written for a machine: code, or a row of a table."""
        return bool(_CODE.search(self.text) or _ROW.search(self.text))

    @functools.cached_property
    def words(self) -> int:
        return len(self.text.split())

    @functools.cached_property
    def half_width_brackets(self) -> int:
        return self.text.count("(") + self.text.count(")")

    @functools.cached_property
    def _literals(self) -> list[tuple[int, int]]:
        return [match.span() for match in _LITERAL.finditer(self.text)]

    def in_literal(self, position: int) -> bool:
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
        return same_language(self._identified(*self._quotations[index], inspection), inspection.locale.code)

    def _is_native(self, start: int, end: int, inspection: Inspection) -> bool:
        """Whether a line (or, where that is too short to tell, its field) is in the language of the pair."""
        long = end - start >= _IDENTIFIABLE
        language = self._identified(start, end, inspection) if long else self._item.language
        return same_language(language, inspection.locale.code)

    def _identified(self, start: int, end: int, inspection: Inspection) -> str | None:
        if (start, end) not in self._languages:
            self._languages[start, end] = inspection.identifier.identify(self._item.text[start:end], NOTHING)
        return self._languages[start, end]

    @functools.cached_property
    def _quotations(self) -> list[tuple[int, int]]:
        return list(quotations(self._item.text))

    def are_prose(self, start: int, end: int) -> bool:
        """Whether ``[start, end)`` is neither protected nor in code, in a table or in a literal."""
        line = self.at(start)
        return not (self._item.protected.overlaps(start, end) or line.is_code or line.in_literal(start))
