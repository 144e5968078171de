"""Texts of a web page around what was copied from it: "Copy code", "Regenerate response", footnote marks such as [3].

A button stands on a line of its own. It is taken out where it stands as the page has it: above code, or at the end. A
mark that leads to no note is flagged. What the task speaks of is left alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit
from midb.locales import LocaleSection, load
from midb.text.code.tokens import FENCE_LANGUAGES
from midb.text.inspection import FieldText, Inspection
from midb.text.subjects.named_markup import names_piece
from midb.text.subjects.topics import speaks_of_programming
from midb.text.words import any_of


class PageLeftovers(LocaleSection, table="page_leftovers"):
    """What pages say in a language, in lower case.

    ``copy_code`` and ``regenerate``: texts of buttons. ``unsourced``: the note in brackets that a source is missing.
    ``about``: parts of words by which a task says that sources or notes are its subject.
    """

    copy_code: tuple[str, ...]
    regenerate: tuple[str, ...]
    unsourced: tuple[str, ...]
    about: tuple[str, ...]


# fmt: off
_ENGLISH = PageLeftovers(
    copy_code=("copy code",),
    regenerate=("regenerate response", "regenerate", "stop generating", "continue generating"),
    unsourced=("citation needed", "clarification needed", "better source needed", "according to whom?"),
    about=(
        "citation", "cite", "footnote", "reference", "bibliograph", "source", "wikipedia", "endnote", "bracket",
    ),
)
# fmt: on

PAGE_LEFTOVER = DefectKind(
    name="page-leftover",
    family=DefectFamily.CONTENT,
    severity=Severity.MINOR,
    summary="texts of a web page: buttons such as Copy code, footnote marks without notes",
    repairs=True,
    # A button may stand inside the fence of the code that it copies.
    may_change=frozenset({Invariant.PROTECTED, Invariant.LENGTH, Invariant.LANGUAGE}),
)
KINDS = (PAGE_LEFTOVER,)

#: The first line of a fence, and a line that names a programming language, as the page shows it above the button.
_FENCE_LINE = re.compile(r"[ \t]*(?:`{3,}|~{3,})[\w+#-]*[ \t]*")
#: Buttons that a newer page has instead; the words are ordinary ones, so that what stands around them must tell.
_PLAIN_BUTTONS = frozenset({"copy", "edit"})

_NOT_BLANK = re.compile(r"\S")

#: A mark behind a word or the end of a sentence, as notes have it.
_NOTE = re.compile(
    r"(?:(?<=[^\W\d_]{3})|(?<=[.,;:!?。、，؟\"”»’)\]])) ?(?P<mark>\[(?P<number>[1-9]\d{0,2})\])(?![\w(\[:=])"
)
#: A list of notes: a line that begins with a mark, a heading or an address that belongs to one.
_LIST_OF_NOTES = re.compile(r"^[ \t>*-]*(?:\[\d{1,3}\]|\^\d{0,3}|\[\^\d{1,3}\]:)[:.]?[ \t]*\S", re.MULTILINE)
#: Marks of which one alone is enough where it follows a sentence; elsewhere so many different ones are.
_LEAST_NOTES = 2
#: Notes that are counted; a text with more is one of a page all the same.
_MOST_NOTES = 200


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Buttons, and marks of notes that are not there."""
    for item in inspection.filled_fields:
        if "\n" in item.text:
            yield from _find_buttons(item, inspection)
        if "[" in item.text:
            yield from _find_notes(item, inspection)


@functools.cache
def _load_buttons(code: str) -> tuple[re.Pattern[str], frozenset[str]]:
    """A pattern for lines that are a button of either sort, and the texts of those that copy."""
    sections = [section for section in (load(code).get(PageLeftovers), _ENGLISH) if section is not None]
    copying = [text for section in sections for text in section.copy_code]
    asking = [text for section in sections for text in section.regenerate]
    texts = any_of((*copying, *asking, *_PLAIN_BUTTONS))
    pattern = re.compile(rf"^[ \t]*({texts})[ \t]*$", re.MULTILINE | re.IGNORECASE)
    return pattern, frozenset(map(str.casefold, (*copying, *_PLAIN_BUTTONS)))


def _find_buttons(item: FieldText, inspection: Inspection) -> Iterator[Finding]:
    pattern, copying = _load_buttons(inspection.locale.code)
    text = item.text
    found = list(pattern.finditer(text))
    if not found:
        return
    spoken_of = {button for button in {match[1] for match in found} if _is_spoken_of(button, item, inspection, found)}
    content = text.rstrip()
    removed = False  # the line above was such a button
    for match, above in zip(found, _find_lines_above(text, found), strict=True):
        button, start, end = match[1], *match.span(1)
        copies = button.casefold() in copying
        opened = (removed and pattern.fullmatch(above) is not None) or _opens_code(above)
        removed = False
        if button in spoken_of or (button.casefold() in _PLAIN_BUTTONS and not opened):
            continue
        if item.code.holds(start) and not opened:
            continue  # a line of a program or of its page
        last = end >= len(content)
        certain = (opened or _is_above_code(item, end)) if copies else last and not above.endswith((":", "："))
        removed = certain and above != ""
        fix = (_remove_line(item, match, len(content) if last else None),) if removed else ()
        yield PAGE_LEFTOVER.finding(item.field, start, end, f'a button of a web page: "{button}"', fix=fix)


def _is_spoken_of(button: str, item: FieldText, inspection: Inspection, found: list[re.Match[str]]) -> bool:
    """Whether the task names a button, or the same text does in one of its sentences."""
    if names_piece(button, inspection):
        return True
    if button.isascii() and " " not in button:
        return False  # an ordinary word
    lines = sum(1 for match in found if match[1] == button)
    return item.text.count(button) > lines


def _find_lines_above(text: str, found: list[re.Match[str]]) -> Iterator[str]:
    """For each match, in text order, the last line before it that is not empty, without the blanks around it."""
    above, position = "", 0
    for match in found:
        lines = text[position : match.start()].split("\n")
        above = next((line.strip() for line in reversed(lines) if line.strip()), above)
        yield above
        position = match.start()


def _opens_code(line: str) -> bool:
    """Whether a line opens a fence, or names a programming language as pages do above code."""
    return bool(_FENCE_LINE.fullmatch(line)) or line.casefold() in FENCE_LANGUAGES


def _is_above_code(item: FieldText, end: int) -> bool:
    """Whether the next line that is not empty is code."""
    following = _NOT_BLANK.search(item.text, end)
    return following is not None and (item.code.holds(following.start()) or item.possible_code.holds(following.start()))


def _remove_line(item: FieldText, match: re.Match[str], finish: int | None) -> Edit:
    """The edit that takes a line out; at the end of a text (``finish``) also the blank lines before it."""
    start, end = match.start(), min(match.end() + 1, len(item.text))
    if finish is not None:
        start, end = len(item.text[: match.start()].rstrip()), len(item.text)
    return PAGE_LEFTOVER.edit(item.field, start, item.text[start:end], "")


@functools.cache
def _load_notes(code: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A pattern for the note that a source is missing, and one for tasks that are about sources."""
    sections = [section for section in (load(code).get(PageLeftovers), _ENGLISH) if section is not None]
    notes = any_of(tuple(text for section in sections for text in section.unsourced))
    words = "|".join(re.escape(word) for section in sections for word in section.about)
    return re.compile(rf"[\[［](?:{notes})[\]］]", re.IGNORECASE), re.compile(words, re.IGNORECASE)


def _find_notes(item: FieldText, inspection: Inspection) -> Iterator[Finding]:
    unsourced, about = _load_notes(inspection.locale.code)
    text = item.text
    missing = unsourced.search(text)
    found = [match for _, match in zip(range(_MOST_NOTES), _NOTE.finditer(text), strict=False)]
    if not missing and not found:
        return
    if any(about.search(task or "") for task in _instructions(inspection)):
        return
    if missing and not item.protected.only().overlaps(*missing.span()):
        yield PAGE_LEFTOVER.finding(item.field, *missing.span(), "the note of a wiki that a source is missing")
    if not found or speaks_of_programming(inspection) or _LIST_OF_NOTES.search(text):
        return
    found = [match for match in found if not item.possible_code.overlaps(*match.span("mark"))]
    numbers = {match["number"] for match in found}
    ends = [
        match for match in found if text[match.start() - 1] in ".!?。؟" or text[match.end() : match.end() + 1] == "."
    ]
    if len(numbers) < _LEAST_NOTES and not ends:
        return
    first = found[0]
    if any(first["mark"] in task for task in inspection.tasks_beside(item.field)):
        return
    more = f" and {len(found) - 1} more" if found[1:] else ""
    evidence = f"a footnote mark{more}, and no notes"
    yield PAGE_LEFTOVER.finding(item.field, *first.span("mark"), evidence)


def _instructions(inspection: Inspection) -> Iterator[str | None]:
    """What the response answers, without its material."""
    yield inspection.pair.instruction
    if inspection.source is not None:
        yield inspection.source.instruction
