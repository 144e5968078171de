"""Bold whose marks translation set apart from what they mark: ``** Sleep well **``, which Markdown shows as asterisks.

Repaired line by line, where the marks of a line pair up in one way only. Powers, code and lists of stars are no bold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.edits import Edit
from midb.text.inspection import FieldText, Inspection
from midb.text.subjects.topics import speaks_of_markup

SPACED_EMPHASIS = DefectKind(
    name="spaced-emphasis",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MINOR,
    summary="bold that Markdown does not show, for blanks inside its marks: ** so **",
    repairs=True,
)
KINDS = (SPACED_EMPHASIS,)

#: A line with two marks of bold at least; the two stars of one may be apart as well.
_LINE = re.compile(r"^[^\n]*?\*[ \t]?\*[^\n]*\*[ \t]?\*[^\n]*$", re.MULTILINE)
_MARK = re.compile(r"(?<![*\\])(?:\*\*|(?<!\S)\* \*(?=[ \t]+\S)|(?<=\S[ \t])\* \*(?!\w))(?![*])")
#: A star that makes a line an item of a list.
_BULLET = re.compile(r"[ \t]*\*[ \t]+(?!\*[ \t])")
#: What bold is made of: a word, in any script.
_WORD = re.compile(r"[^\W\d_]{2}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\u0e00-\u0e7f]")
#: Signs of calculation, of code and of tables, which have no place in bold; a single letter may be a variable.
_CALCULATION = re.compile(r"[=^/\\<>|`{}]|\d\s*[-+]\s*\d|^\s*\w+\s*[-+]")
#: An operand of a power before a mark, or behind it; the name of a type before a pointer. A single letter may be a
#: word: it is an operand only where one stands on both sides, and hardly a word besides.
_OPERAND_BEFORE = re.compile(r"(?:[\d)\]=+*/^-]|\b(?:int|char|float|double|void|long|const))\s?\Z")
_OPERAND_BEHIND = re.compile(r"\s?[\d=+*/^]")
_VARIABLE_BEFORE = re.compile(r"(?<!\w)[A-Za-z]\s?\Z")
_VARIABLE_BEHIND = re.compile(r"\s?[A-Za-z]\b")
#: What makes a line an item of a list.
_BULLET_ALONE = re.compile(r"\s*[-+*•]\s*")
#: Longer lines, and those with more marks, are no prose that anybody set bold by hand.
_LONGEST_LINE = 4_000
_MOST_MARKS = 40
#: Characters of the first bold words that a finding shows.
_SHOWN = 60
#: Languages in which a particle follows bold directly.
_UNSPACED = frozenset({"ja", "ko", "th"})


def detect(inspection: Inspection) -> Iterator[Finding]:
    """One finding per line."""
    for item in inspection.filled_fields:
        if "** " not in item.text and " **" not in item.text and "* * " not in item.text:
            continue
        found = [finding for line in _LINE.finditer(item.text) for finding in _find_on_line(item, line, inspection)]
        if found and not speaks_of_markup(inspection):
            yield from found


def _find_on_line(item: FieldText, line: re.Match[str], inspection: Inspection) -> Iterator[Finding]:
    text, start = line.group(), line.start()
    if len(text) > _LONGEST_LINE:
        return
    marks = list(_MARK.finditer(text))
    if not marks or len(marks) % 2 or len(marks) > _MOST_MARKS or _count_other_stars(text, marks):
        return
    edits: list[Edit] = []
    glues = inspection.locale.code in _UNSPACED and len(marks) == 2
    for opening, closing in zip(marks[::2], marks[1::2], strict=True):
        inner = text[opening.end() : closing.start()]
        if inner == inner.strip() and len(opening.group()) == len(closing.group()) == 2:
            continue
        if not _WORD.search(inner) or _CALCULATION.search(inner):
            return
        if not _stands_free(text[: opening.start()], text[closing.end() :], glues=glues):
            return
        edits += _close_up(item, start, text, opening, closing)
    if edits and not _touches_code(item, edits):
        shown = text[marks[0].start() : marks[1].end()]
        evidence = f"bold with blanks inside its marks: {shown[:_SHOWN]}"
        yield SPACED_EMPHASIS.finding(item.field, edits[0].start, edits[-1].end, evidence, fix=tuple(edits))


def _count_other_stars(text: str, marks: Sequence[re.Match[str]]) -> int:
    """Stars of a line that are no mark of bold; the bullet at its beginning is none of them."""
    bullet = _BULLET.match(text)
    return text.count("*") - 2 * len(marks) - bool(bullet and bullet.start() < marks[0].start())


def _stands_free(before: str, behind: str, *, glues: bool) -> bool:
    """Whether marks stand where bold begins and ends, and no operand of a power stands beside them.

    ``glues``: a letter may follow directly.
    """
    if _BULLET_ALONE.fullmatch(before):
        before = ""
    if before[-1:].isalnum() or _OPERAND_BEFORE.search(before) or _OPERAND_BEHIND.match(behind):
        return False
    if _VARIABLE_BEFORE.search(before) and _VARIABLE_BEHIND.match(behind):
        return len(_WORD.findall(before + " " + behind)) > 1
    return glues or not behind[:1].isalnum()


def _close_up(
    item: FieldText, offset: int, text: str, opening: re.Match[str], closing: re.Match[str]
) -> Iterator[Edit]:
    """The edits that take the blanks out of one pair of marks."""
    inner = text[opening.end() : closing.start()]
    lead, trail = len(inner) - len(inner.lstrip()), len(inner) - len(inner.rstrip())
    first = text[opening.start() : opening.end() + lead]
    last = text[closing.start() - trail : closing.end()]
    if first != "**":
        yield SPACED_EMPHASIS.edit(item.field, offset + opening.start(), first, "**")
    if last != "**":
        yield SPACED_EMPHASIS.edit(item.field, offset + closing.start() - trail, last, "**")


def _touches_code(item: FieldText, edits: Sequence[Edit]) -> bool:
    """Whether an edit lies in code, an address or a formula, or in what may be code."""
    return any(
        item.protected.overlaps(edit.start, edit.end) or item.possible_code.overlaps(edit.start, edit.end)
        for edit in edits
    )
