r"""Escapes that a program put into prose and nobody took out: ``\n`` for a line break, ``\*`` for a star.

Where a whole field is escaped alike, with no line break and no bare quote of its own, it is read as the program meant
it. Elsewhere escapes are flagged. Code, formulas, paths, and pairs that speak of escapes are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit
from midb.text.inspection import FieldText, Inspection
from midb.text.spans import Protected
from midb.text.subjects.topics import speaks_of_encodings, speaks_of_markup, speaks_of_programming

ESCAPED_TEXT = DefectKind(
    name="escaped-text",
    family=DefectFamily.CONTENT,
    severity=Severity.MAJOR,
    summary="escapes of a program or of Markdown in prose, such as \\n and \\*",
    repairs=True,
    # A line break makes words and numbers of what was glued to an n.
    may_change=frozenset({Invariant.NUMBERS, Invariant.PROTECTED, Invariant.LANGUAGE, Invariant.LENGTH}),
    # A text without its line breaks has no list and no fence that others could read.
    explains=frozenset({"broken-numbering", "unclosed-markup"}),
)
KINDS = (ESCAPED_TEXT,)

#: Escapes of strings, as JSON and most languages have them.
_STRING_ESCAPE = re.compile(r"\\(?:(?P<sign>[nrt\"])|(?P<other>.))", re.DOTALL)
_MEANT = {"n": "\n", "r": "", "t": "\t", '"': '"'}
#: LaTeX commands that begin as an escape does.
# fmt: off
_COMMANDS = frozenset(
    """
    nabla ne neq neg ni not notin nu newline newcommand newpage nolimits nonumber normalsize noindent nleq ngeq nmid
    nparallel nsubseteq natural nearrow nwarrow nexists nsim ncong times text textbf textit textrm texttt tan tanh theta
    tau to top triangle tfrac tilde thinspace therefore title tableofcontents table tabular rho right rightarrow rm
    rangle rceil rfloor ref root raise rule real rightleftharpoons
    """.split()  # noqa: SIM905
)
# fmt: on
_WORD = re.compile(r"[a-z]+")
#: Set apart, an escape is spoken of. Before a colon and a backslash stands the letter of a drive.
_SPOKEN_OF = re.compile(
    r"[\"'`“”„«‘’「『(（\[]\s?\\+[nrt]\s?[\"'`”“»’」』)）\],]|[^\W\d_] \\+[nrt] [^\W\d_]|(?<![A-Za-z])[A-Za-z]:\\"
    r"|\\[dwsDWSb][+*?{)\]]|%[sd]\\n"
)
#: What stands before the escape of a line break in prose, or behind it.
_ENDS_LINE = re.compile(r"(?:[.!?:;,…。！？：；،؟)\]”\"»*]|\\n|\\r|^)\s?$")
_BEGINS_LINE = re.compile(r"\s?(?:\\[nrt]|[-*•–#]\s|\*\*\S|\d{1,3}[.)]|$)|[A-ZÀ-ÞА-ЯΑ-ΩĐ]")
#: Scripts without capitals, where a line shows by nothing; two such breaks in a text are no accident.
_CASELESS = re.compile(r"[\u0600-\u06ff\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
#: A string as a program writes it, shown in a text that has line breaks of its own.
_QUOTED_DATA = re.compile(r"[\"“`][^\"“”`\n]{1,2000}[^\s\"“”`]\\n[^\s\\][^\"“”`\n]{0,2000}[\"”`]")
#: Texts that begin so are a program's.
_DATA = re.compile(r"\s*[{\[<]")
#: Characters around an escape that are looked at.
_NEAR = 8
#: Escaped line breaks from which on they are no slip in a text about programs.
_LEAST_BREAKS = 2

#: The arm of a face is no escape.
_MARKDOWN_ESCAPE = re.compile(r"(?<![¯\\])\\[*_#~]|^[ \t]*(?:\\[-+>]|\d{1,3}\\[.)])(?= )", re.MULTILINE)
#: Bold whose marks were escaped; nobody shows asterisks so.
_ESCAPED_BOLD = re.compile(r"(?<![\\*])\\\*\\\*(?=[^\s\\*])([^\n\\*]{1,200}?)(?<=[^\s\\*])\\\*\\\*(?![\\*])")
#: A text that is Markdown itself escapes rightly.
_MARKDOWN = re.compile(r"(?<![\\*])\*\*[^\s*]|^#{1,6} \S|^(?:```|~~~)|\]\([^\s()]+\)|^\|.*\|[ \t]*$|^> ", re.MULTILINE)
#: A command of LaTeX, in whose company every backslash may be right.
_LATEX = re.compile(r"\\[A-Za-z]{2,}|\\[()\[\]]|\$\$")


@dataclass(frozen=True, slots=True)
class _Escape:
    """An escape in a text: where it stands, what is written and what was meant."""

    start: int
    before: str
    after: str

    @property
    def end(self) -> int:
        return self.start + len(self.before)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """At most one finding per field and sort of escape."""
    fields = [item for item in inspection.filled_fields if "\\" in item.text]
    if not fields or _is_about_escapes(inspection):
        return
    for item in fields:
        yield from _find_string_escapes(item, inspection)
        yield from _find_markdown_escapes(item, inspection)


def _is_about_escapes(inspection: Inspection) -> bool:
    """Whether a text of the pair or of its source speaks of an escape, or holds paths or patterns."""
    pairs = [pair for pair in (inspection.pair, inspection.source) if pair is not None]
    texts = [text for pair in pairs for _, text in pair.texts() if "\\" in text]
    return any(_SPOKEN_OF.search(text.replace('\\"', "")) for text in texts)


def _find_string_escapes(item: FieldText, inspection: Inspection) -> Iterator[Finding]:
    text = item.text
    escapes, consistent = _read_escapes(text)
    if not escapes or _DATA.match(text) or speaks_of_encodings(inspection):
        return
    elsewhere = item.protected.only(Protected.CODE, Protected.LATEX, Protected.URL)
    outside = [escape for escape in escapes if not elsewhere.overlaps(escape.start, escape.end)]
    breaks = [escape for escape in outside if escape.after == "\n"]
    quotes = [escape for escape in outside if escape.after == '"']
    several = len(breaks) >= _LEAST_BREAKS
    in_prose = [escape for escape in breaks if _breaks_a_line(text, escape, several=several)]
    about_programs = speaks_of_programming(inspection)
    one_line = "\n" not in text.strip()
    if not one_line and outside and _QUOTED_DATA.search(text):
        return
    if about_programs and not (one_line and len(in_prose) >= _LEAST_BREAKS):
        return
    if not in_prose and (not quotes or len(quotes) % 2):
        return
    if not in_prose and breaks:
        return
    first = (in_prose or quotes)[0]
    sound = consistent and len(outside) == len(escapes) and not about_programs and not item.code
    sound = sound and len(quotes) % 2 == 0 and not (quotes and '"' in text.replace('\\"', ""))
    sound = sound and (one_line or not breaks) and len(in_prose) * 2 >= len(breaks)
    fix = tuple(_edit(item, escape) for escape in escapes) if sound else ()
    more = f" (and {len(outside) - 1} more)" if outside[1:] else ""
    what = "a line break" if first.after == "\n" else "a quote"
    yield ESCAPED_TEXT.finding(item.field, first.start, first.end, f"{first.before} stands for {what}{more}", fix=fix)


def _read_escapes(text: str) -> tuple[list[_Escape], bool]:
    """The escapes of strings in a text, and whether every backslash of it begins one."""
    found: list[_Escape] = []
    consistent = True
    for match in _STRING_ESCAPE.finditer(text):
        word = _WORD.match(text, match.start() + 1)
        if match["sign"] is None or (word is not None and word.group() in _COMMANDS):
            consistent = False
            continue
        found.append(_Escape(match.start(), match.group(), _MEANT[match["sign"]]))
    return found, consistent and not text.endswith("\\")


def _breaks_a_line(text: str, escape: _Escape, *, several: bool) -> bool:
    """Whether a line ends before an escape, or begins behind it; ``several`` escapes may break lines in the text."""
    before, behind = text[max(0, escape.start - _NEAR) : escape.start], text[escape.end : escape.end + _NEAR]
    return bool(_ENDS_LINE.search(before) or _BEGINS_LINE.match(behind) or (several and _CASELESS.match(behind)))


def _edit(item: FieldText, escape: _Escape) -> Edit:
    return ESCAPED_TEXT.edit(item.field, escape.start, escape.before, escape.after)


def _find_markdown_escapes(item: FieldText, inspection: Inspection) -> Iterator[Finding]:
    text = item.text
    found = [match for match in _MARKDOWN_ESCAPE.finditer(text) if not item.protected.overlaps(*match.span())]
    if not found or _MARKDOWN.search(text) or _LATEX.search(text) or speaks_of_markup(inspection):
        return
    fix = _restore_bold(item, found)
    first = found[0]
    start = first.start() + first.group().index(first.group().strip()[0])
    more = f" (and {len(found) - 1} more)" if found[1:] else ""
    evidence = f"an escape of Markdown, {first.group().strip()}{more}"
    yield ESCAPED_TEXT.finding(item.field, start, first.end(), evidence, fix=fix, severity=Severity.MINOR)


def _restore_bold(item: FieldText, found: Sequence[re.Match[str]]) -> tuple[Edit, ...]:
    """The edits that make bold of it, where every escape of the field is one of a mark of bold."""
    bold = list(_ESCAPED_BOLD.finditer(item.text))
    if 4 * len(bold) != len(found):
        return ()
    marks = [place for match in bold for place in (match.start(), match.end() - 4)]
    return tuple(ESCAPED_TEXT.edit(item.field, place, "\\*\\*", "**") for place in marks)
