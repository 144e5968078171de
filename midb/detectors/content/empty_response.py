"""Empty responses: no text, only blanks, only punctuation, or a placeholder that a program wrote.

A response the corpus does not have (``None``) is not an empty one. Where a task is about signs, a sign may be the
whole answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.pairs import Field
from midb.locales import LocaleSection
from midb.text.inspection import Inspection
from midb.text.subjects.topics import speaks_of_programming


class EmptyResponseSection(LocaleSection, table="empty_response"):
    """``signs``: how the words begin by which a task asks for a sign: punctuation, symbol, operator, Morse code."""

    signs: tuple[str, ...]


EMPTY = DefectKind(
    name="empty-response",
    family=DefectFamily.CONTENT,
    severity=Severity.CRITICAL,
    summary="the response says nothing",
)

KINDS = (EMPTY,)

#: The same words for signs in English: the instruction may have stayed English, or the source may say it.
_SIGNS = ("punctuat", "symbol", "sign", "operator", "character", "morse", "ascii", "emoticon", "braille", "bracket")

#: Whole responses that say that there is none.
_NOT_AN_ANSWER = frozenset({"n/a", "#n/a", "nan", "null", "nil", "undefined", "tbd", "todo", "[object object]"})
#: Whole responses that are values of programming languages.
_PROGRAM_VALUES = frozenset({"nan", "null", "nil", "undefined", "[]", "{}", "()", '""', "''"})

#: Longer texts are not looked at: nobody writes so much punctuation for an answer.
_LONGEST = 60


def detect(inspection: Inspection) -> Iterator[Finding]:
    """At most one finding, over the whole response."""
    response = inspection.field(Field.RESPONSE)
    if response is None:
        return
    text = response.text
    reason = ""
    if not text:
        reason = "the response is empty"
    elif len(text) <= _LONGEST or not text.strip():
        seen = "".join(c for c in text if not c.isspace() and unicodedata.category(c)[0] != "C")
        if not seen:
            reason = "the response is blank"
        elif not any(_says_something(c) for c in seen) and not _asks_for_a_sign(inspection, seen):
            reason = f'the response is only "{text.strip()}"'
        elif text.strip().lower() in _NOT_AN_ANSWER and not _is_an_answer(inspection, text.strip()):
            reason = f'"{text.strip()}" stands for an answer'
    if reason:
        yield EMPTY.finding(Field.RESPONSE, 0, len(text), reason)


def _says_something(character: str) -> bool:
    """Letters, marks, digits, and symbols such as emoji and mathematical signs."""
    return unicodedata.category(character)[0] in "LMNS" and character not in "`^~|"


def _asks_for_a_sign(inspection: Inspection, signs: str) -> bool:
    """Whether the task may be answered by these signs alone."""
    section = inspection.locale.get(EmptyResponseSection)
    words = _SIGNS + (section.signs if section else ())
    asked = _lowered_tasks(inspection)
    if any(word in asked for word in words) or "__" in asked:
        return True
    if signs in _PROGRAM_VALUES:
        return speaks_of_programming(inspection)
    # One of the signs that the task offers ("? or !"). Not dashes and points: they stand in every text, and are written
    # where somebody has nothing to say.
    offered = re.search(rf"[\s\"'“”‘’«»„「『(`]{re.escape(signs)}[\s\"'“”‘’«»」』)`,;]", asked)
    return bool(offered) and not re.fullmatch(r"[-–—_.…*#]+", signs)


def _is_an_answer(inspection: Inspection, text: str) -> bool:
    """Whether a word that stands for nothing is meant here: as a value in a program, or because the task names it."""
    if text.lower() in _PROGRAM_VALUES and speaks_of_programming(inspection):
        return True
    return text.lower() in _lowered_tasks(inspection)


def _lowered_tasks(inspection: Inspection) -> str:
    """What the task says, in the pair and in its source, in lower case."""
    return "\n".join(inspection.tasks).lower()
