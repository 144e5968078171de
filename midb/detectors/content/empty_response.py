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
from midb.text.forms.scaffolding import ScaffoldingSection, load_frame
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
_NOT_AN_ANSWER = frozenset(
    {
        "n/a",
        "#n/a",
        "n.a",
        "n/d",
        "н/д",
        "μ/δ",
        "k.a",
        "k. a",
        "nan",
        "null",
        "nil",
        "none",
        "ns",
        "undefined",
        "tbd",
        "todo",
    }
    | {"[object object]", "not available", "not applicable", "no comment"}
)
#: Whole responses that are values of programming languages.
_PROGRAM_VALUES = frozenset({"nan", "null", "nil", "none", "undefined", "[]", "{}", "()", '""', "''"})
#: What such a response may stand in, and its full stop.
_WRAPPING = " \t\n<>[]()\"'“”„«»「」`*.。"

#: Those that are also abbreviations of something, and words of tasks that ask for one in any language.
_ABBREVIATIONS = frozenset({"ns", "n.a", "k.a", "k. a"})
_ABBREVIATED = (
    "abk",
    "abbr",
    "abr",
    "acr",
    "akr",
    "siglas",
    "sigla",
    "symbol",
    "сокращ",
    "略",
    "약어",
    "اختصار",
    "zkrat",
    "kısalt",
)

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
        elif _stands_for_an_answer(inspection, text.strip()) and not _is_an_answer(inspection, text.strip(_WRAPPING)):
            reason = f'"{text.strip()}" stands for an answer'
    if reason:
        yield EMPTY.finding(Field.RESPONSE, 0, len(text), reason)


def _stands_for_an_answer(inspection: Inspection, text: str) -> bool:
    """Whether a whole response is a word that programs and translators write where there is none."""
    words = load_frame(inspection.locale.get(ScaffoldingSection))
    return not {text.lower(), text.strip(_WRAPPING).lower()}.isdisjoint(_NOT_AN_ANSWER) or words.stands_for_no_output(
        text
    )


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
    """Whether a word that stands for nothing is meant here: as a value in a program, or because the task names it.

    A program may print nothing too. An abbreviation may be asked for, or the word for "none" be that of the source.
    """
    lowered = text.lower()
    if speaks_of_programming(inspection) and (lowered in _PROGRAM_VALUES or lowered not in _NOT_AN_ANSWER):
        return True
    if lowered in _ABBREVIATIONS and any(word in _lowered_tasks(inspection) for word in _ABBREVIATED):
        return True
    source = inspection.source.response if inspection.source else None
    if lowered == "none" and source and source.strip(_WRAPPING).lower() == lowered:
        return True  # an answer that stayed in English
    pattern = rf"(?<!\w){re.escape(lowered)}(?!\w)" if lowered.isascii() else re.escape(lowered)
    return bool(re.search(pattern, _lowered_tasks(inspection)))


def _lowered_tasks(inspection: Inspection) -> str:
    """What the task says, in the pair and in its source, in lower case."""
    return "\n".join(inspection.tasks).lower()
