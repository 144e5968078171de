"""Unclosed markup: code fences, bold, LaTeX and brackets that are opened and never closed.

A fence that lost a mark or its line gets it back; else it is closed at the end, where that is code. Bold is closed
where the text's other labels close theirs. The rest is flagged. Knows Markdown, LaTeX and brackets, no languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit
from midb.domain.pairs import Field
from midb.text.forms.brackets import find_unclosed_brackets
from midb.text.forms.fences import find_open_fence
from midb.text.inspection import FieldText, Inspection

UNCLOSED = DefectKind(
    name="unclosed-markup",
    family=DefectFamily.CONTENT,
    severity=Severity.MINOR,
    summary="a code fence, bold, LaTeX or bracket that is opened and never closed",
    repairs=True,
    may_change=frozenset({Invariant.PROTECTED}),
)

KINDS = (UNCLOSED,)

#: What is found in a field is no matter of the response, unless it is found there (see midb.detectors).
FIELD_BY_FIELD = True

#: Two asterisks that open or close bold; three and more are rules and masks, beside digits they are powers, and
# between letters they hide a word.
_BOLD = re.compile(r"(?<![*\\\w])\*\*(?=[^\s*])|(?<=[^\s*\\])\*\*(?![*\w])")
#: A label that bold opens and does not close: "- **label: text".
_LABEL = re.compile(
    r"^[ \t]*(?:[-*+•] |\d{1,3}[.)] ?)?\*\*(?P<label>[^*\n:：]{1,80})(?P<colon>[:：])(?P<rest>[^*\n]*)$"
)
#: And one that it closes, before or after its colon.
_CLOSED_LABEL = re.compile(
    r"^[ \t]*(?:[-*+•] |\d{1,3}[.)] ?)?\*\*[^*\n:：]{1,80}(?:(?P<inside>[:：]\*\*)|(?P<outside>\*\*[ \u00a0]?[:：]))",
    re.MULTILINE,
)

#: A heading: a line that is bold from its start to its end, in other lines of the text.
_HEADING = re.compile(r"^[ \t]*\*\*[^*\n]{1,80}\*\*[ \t]*$", re.MULTILINE)
#: A line that begins as a heading and does not end as one, nor as a sentence, which may have been bold in part.
_OPEN_HEADING = re.compile(r"^[ \t]*\*\*[^*\n]{1,80}(?<![\s.!?。！？؟])$")

#: The same without blanks before it. Such a line may be a question, as headings in Japanese and Arabic often are.
_HEADING_FROM_MARGIN = re.compile(r"^\*\*[^*\n]{1,80}\*\*[ \t]*$", re.MULTILINE)
_OPEN_HEADING_FROM_MARGIN = re.compile(r"\*\*[^*\s][^*\n]{0,78}[^*\s.,;:!?。、]\s*")

#: Without one of these a backslash or a dollar is no LaTeX.
_LATEX_COMMAND = re.compile(
    r"\\(?:frac|sqrt|times|cdot|sum|int|left|right|text|begin|alpha|beta|pi|theta|approx|leq?|geq?)"
)
_LATEX_PAIRS = (("\\(", "\\)"), ("\\[", "\\]"))
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(\w{1,20}\*?)\}")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Fences first: what stands inside an open fence is code, and is not looked at."""
    for field in inspection.filled_fields:
        text = field.text
        if "```" in text or "~~~" in text:
            findings = list(_find_fences(field))
            yield from findings
            if findings:
                continue
        if "**" in text:
            yield from _find_bold(field)
        if "\\" in text or "$$" in text:
            yield from _find_latex(field)
        if field.field is not Field.INPUT:
            yield from _find_brackets(field, inspection)


def _find_fences(field: FieldText) -> Iterator[Finding]:
    fence = find_open_fence(field.text)
    if fence is not None:
        fix = tuple(UNCLOSED.edit(field.field, repair.start, repair.before, repair.after) for repair in fence.repairs)
        yield UNCLOSED.finding(field.field, fence.start, fence.end, fence.evidence, fix=fix)


def _find_bold(field: FieldText) -> Iterator[Finding]:
    """Lines with an odd number of bold marks, in a paragraph that has an odd number of them as well."""
    position = 0
    for paragraph in re.split(r"(\n[ \t]*\n)", field.text):
        if paragraph.count("**") % 2:
            for line in paragraph.splitlines(keepends=True):
                marks = [
                    match
                    for match in _BOLD.finditer(line)
                    if not field.protected.overlaps(position + match.start(), position + match.end())
                ]
                if len(marks) % 2 and line.count("**") % 2 and "***" not in line:
                    yield _bold_finding(field, position, line, marks)
                position += len(line)
        else:
            position += len(paragraph)


def _bold_finding(field: FieldText, position: int, line: str, marks: list[re.Match[str]]) -> Finding:
    start = position + marks[-1].start()
    fix: tuple[Edit, ...] = ()
    label = _LABEL.match(line.rstrip("\n"))
    manners = {match.lastgroup for match in _CLOSED_LABEL.finditer(field.text)}
    if label and len(marks) == 1 and len(manners) == 1:
        # The other labels of this text say on which side of the colon bold ends.
        at = label.end("colon") if "inside" in manners else label.end("label")
        fix = (UNCLOSED.edit(field.field, position + at, "", "**"),)
    elif len(marks) == 1 and _is_open_heading(line, field.text):
        fix = (UNCLOSED.edit(field.field, position + len(line.rstrip()), "", "**"),)
    return UNCLOSED.finding(field.field, start, start + 2, "bold is opened or closed alone in its line", fix=fix)


def _is_open_heading(line: str, text: str) -> bool:
    """Whether a line begins as a heading, and another line of the text is one."""
    if _OPEN_HEADING.match(line.rstrip()) and _HEADING.search(text):
        return True
    return bool(_OPEN_HEADING_FROM_MARGIN.fullmatch(line.rstrip("\n")) and _HEADING_FROM_MARGIN.search(text))


def _find_latex(field: FieldText) -> Iterator[Finding]:
    r"""``$$``, ``\(``, ``\[`` and environments that are opened and never closed, outside code."""
    text = field.text
    if not _LATEX_COMMAND.search(text):
        return
    found = (match.start() for match in re.finditer(r"(?<![\\$])\$\$(?!\$)", text))
    dollars = [start for start in found if not field.code.holds(start)]
    if len(dollars) % 2:
        yield UNCLOSED.finding(field.field, dollars[-1], dollars[-1] + 2, "$$ opens LaTeX that is never closed")
    for begin, end in _LATEX_PAIRS:
        depth: list[int] = []
        for match in re.finditer(rf"(?<!\\){re.escape(begin)}|(?<!\\){re.escape(end)}", text):
            if match.group() == begin and not field.code.holds(match.start()):
                depth.append(match.start())
            elif depth:
                depth.pop()
        if depth:
            yield UNCLOSED.finding(field.field, depth[0], depth[0] + 2, f"{begin} opens LaTeX that {end} never closes")
    yield from _find_environments(field)


def _find_environments(field: FieldText) -> Iterator[Finding]:
    opened: list[re.Match[str]] = []
    for match in _ENVIRONMENT.finditer(field.text):
        if field.code.holds(match.start()):
            continue
        if match[1] == "begin":
            opened.append(match)
        elif opened and opened[-1][2] == match[2]:
            opened.pop()
    if opened:
        first = opened[0]
        evidence = f"{first.group()} is never ended"
        yield UNCLOSED.finding(field.field, first.start(), first.end(), evidence)


def _find_brackets(field: FieldText, inspection: Inspection) -> Iterator[Finding]:
    found = list(find_unclosed_brackets(field.text, field.protected))
    if found and field.field is Field.RESPONSE:
        # A task about unbalanced brackets: what answers it may be unbalanced too.
        asked = [item for item in inspection.fields if item.field is not Field.RESPONSE]
        if any(True for item in asked for _ in find_unclosed_brackets(item.text, item.protected)):
            return
    for start, bracket in found:
        comparison = ""
        if field.source:
            inherited = any(True for _ in find_unclosed_brackets(field.source, field.source_protected))
            comparison = ", as in the source" if inherited else "; the source closes its brackets"
        yield UNCLOSED.finding(field.field, start, start + 1, f"{bracket} is opened and never closed{comparison}")
