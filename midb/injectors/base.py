"""What every injector is made of: a clean pair, the defects that could be put into it, and the texts they stand in."""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from midb.domain.edits import Edit, apply, sort_edits
from midb.domain.pairs import Field, InstructionPair
from midb.locales import Locale, load

#: Fenced and inline code, addresses, formulas, placeholders, names of files.
CODE = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]+`|\$[^$\n]+\$|\{[^{}\n]*\}|https?://\S+|(?<!\S)\S+@\S+|(?<!\w)\w+\.[a-z]{2,4}\b",
    re.DOTALL,
)


class Expectation(StrEnum):
    """What is to be expected of a checker: the very text of before, or at least a finding at the place."""

    REPAIRED = "repaired"
    FLAGGED = "flagged"


@dataclass(frozen=True, slots=True)
class CleanPair:
    """A pair without defects, the code of its language, and the English source where there is one."""

    pair: InstructionPair
    language: str
    source: InstructionPair | None = None

    @property
    def locale(self) -> Locale:
        """What is known about the pair's language."""
        return load(self.language)

    def texts(self) -> Iterator[tuple[Field, str]]:
        """The fields that hold more than blanks."""
        return ((field, text) for field, text in self.pair.texts() if text.strip())

    def source_text(self, field: Field) -> str:
        """The same field of the English source; empty where there is none."""
        return (self.source.text(field) or "") if self.source else ""

    @property
    def response(self) -> str:
        """The response; empty where the pair has none."""
        return self.pair.response or ""


@dataclass(frozen=True, slots=True)
class Injection:
    """A defect as edits of a clean pair: ``before`` is what stood there, ``after`` the defect.

    ``form`` names how it was made; a kind has several. ``convention``: it offends only against a convention of print.
    ``of_pair``: the task and its answer no longer belong together, so that it may be told of in any field.
    """

    form: str
    edits: tuple[Edit, ...]
    expected: Expectation = Expectation.REPAIRED
    convention: bool = False
    of_pair: bool = False

    @property
    def field(self) -> Field:
        """The field it stands in; a defect stands in one."""
        return self.edits[0].field

    def applied(self, pair: InstructionPair) -> InstructionPair:
        """The pair with the defect in it."""
        return apply(pair, self.edits)

    def sorted_edits(self) -> list[Edit]:
        """The edits in text order."""
        return sort_edits(self.edits)

    def places(self) -> list[tuple[int, int]]:
        """``[start, end)`` of each edit's result in the defective text, in text order."""
        shift, places = 0, []
        for edit in self.sorted_edits():
            places.append((edit.start + shift, edit.start + shift + len(edit.after)))
            shift += len(edit.after) - len(edit.before)
        return places


#: Every defect of one kind that could be put into a pair. The random numbers choose values, such as a wrong result.
Propose = Callable[[CleanPair, Random], Iterable[Injection]]


@dataclass(frozen=True, slots=True)
class Injector:
    """Puts defects of one kind into clean pairs. ``arises`` says where such defects come from in the wild."""

    kind: str
    arises: str
    propose: Propose

    def inject(self, clean: CleanPair, random: Random, *, typography: bool = True) -> Injection | None:
        """One of the possible defects, each form as likely as the others; ``None`` where the pair has no place for one.

        Without ``typography`` nothing is injected that offends only against a convention of print.
        """
        by_form: dict[str, list[Injection]] = {}
        for injection in self.propose(clean, random):
            changes = any(edit.before != edit.after for edit in injection.edits)
            if changes and (typography or not injection.convention):
                by_form.setdefault(injection.form, []).append(injection)
        if not by_form:
            return None
        return random.choice(by_form[random.choice(sorted(by_form))])


def change(
    kind: str,
    form: str,
    field: Field,
    start: int,
    before: str,
    after: str,
    expected: Expectation = Expectation.REPAIRED,
) -> Injection:
    """An injection of one edit: ``before``, which stands at ``start``, becomes ``after``."""
    return Injection(form, (Edit(field, start, start + len(before), before, after, kind),), expected)


def rewrite(
    kind: str, form: str, field: Field, before: str, after: str, expected: Expectation = Expectation.REPAIRED
) -> Injection:
    """An injection that replaces a whole text, told as the part that differs."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return change(
        kind, form, field, start, before[start : len(before) - end], after[start : len(after) - end], expected
    )


@functools.lru_cache(maxsize=8)
def code_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Where fenced and inline code, addresses and formulas stand: most defects of prose do not arise in them.

    >>> code_ranges("a `b` http://c.d")
    ((2, 5), (6, 16))
    """
    return tuple(match.span() for match in CODE.finditer(text))


def is_outside(start: int, end: int, ranges: Sequence[tuple[int, int]]) -> bool:
    """Whether nothing of ``[start, end)`` lies in one of the ranges, which are in order and do not overlap.

    >>> is_outside(1, 2, [(2, 5)]), is_outside(4, 9, [(2, 5)]), is_outside(5, 9, [(2, 5)])
    (True, False, True)
    """
    before = bisect.bisect_left(ranges, end, key=lambda found: found[0])
    return before == 0 or ranges[before - 1][1] <= start
