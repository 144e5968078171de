"""Which parts of a text may be code, a formula or data: the one judgement that every rule about typography asks.

Code for certain is found by midb.text.code.lines. Here what stands beside it counts too (comments, what a program
prints), and what only may be code: style sheets, keys and values, formulas of a spreadsheet, declarations of types.
Prose that looks like it is left alone as well: a repair is missed, no code is damaged. Knows no natural language.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from midb.text.code.signs import states_as_code

#: A formula of a spreadsheet, wherever it stands; the names of its functions are in the reader's language.
_FORMULA = re.compile(
    r"(?<![\w=<>!])=\s?-?\(?(?:[^\W\d_a-z][^\W_a-z.]*[.\w]*\()"
    r"(?:[^()\n]|\((?:[^()\n]|\((?:[^()\n]|\([^()\n]*\))*\))*\)){0,300}\)(?:[-+*/&^<>=]+[\w.$:%\"]+(?:,\d+)?)*"
    r"|(?<![\w$])\$?[A-Z]{1,3}\$?\d{1,7}:\$?[A-Z]{1,3}\$?\d{1,7}(?!\w)"
    r"|(?<![\w=<>!])=\$?[A-Z]{1,3}\$?\d{1,7}(?:[-+*/&^<>=]+[\w.$:%\"]+(?:,\d+)?)*"
)
_TYPES = (
    r"(?:string|number|boolean|any|void|never|unknown|object|str|int|float|bool|double|list|dict|tuple|char|long|i32|i64"
    r"|u8|u32|u64|f32|f64|usize|[A-Z]\w*)(?:<[^<>\n]*>)?(?:\[\w*\])*"
)
#: A line that is code by itself, in languages whose statements end in no mark of their own.
_LINE = re.compile(
    # a declaration with a type, a member of an interface, a function with its parameters
    rf"^\s*(?:(?:val|var|let|const|final|private|public|protected|readonly|static|mut)\s+)+\w+\??\s*(?::\s*{_TYPES}|=)"
    rf"|^\s*\w+\??\s*:\s*{_TYPES}(?:\s*\|\s*[\w\"']+)*\s*(?:=\s*\S.*)?[;,]$"
    r"|^\s*(?:async\s+)?(?:def|fn|func|fun|function|sub)\s+\w+\s*(?:<[^<>\n]*>)?\([^\n]*\)"
    r"|^\s*(?:type|interface|enum|struct|trait|impl)\s+\w+[^\n.?!]*[={]\s*"
    r"|^\s*(?:case\s[^\n:]{1,60}|default|else|try|finally|except[^\n:]{0,60})\s*:\s*$"
    # SQL in small letters, an interpreter's prompt, a shell
    r"|\b(?:select\s+\S[^\n]{0,200}\s+from|insert\s+into|delete\s+from|update\s+\w+\s+set|group\s+by|order\s+by)\s+\w"
    r"|^\s*(?:>>>|\.\.\.|\$|In \[\d+\]:|sudo|pip|npm|git|docker|cd|mkdir|RUN|FROM)\s+\S"
    # a declaration of a style sheet, a selector, a section of a configuration
    r"|^\s*-{0,2}[a-z]+(?:-[a-z]+)*\s*:\s?[^;\n]{1,120};\s*$|^\s*@[a-z-]+\s[^\n]*[{;]\s*$|^\s*\[[\w. -]{1,40}\]\s*$"
    # an assignment of R, an arrow, a format
    r"|\w\s*<-\s*\S|\)\s*[-=]>\s*\S|%[sdif]\b|^\s*[\"'][^\"'\n]*[\"']\s*:\s*\S|\bprint(?:f|ln)?\s*\(|\bconsole\.log\b",
    re.MULTILINE,
)
#: A key and its value as configurations have them: the key is a small word, or a name with signs in it.
_KEY = re.compile(r"^\s*(?:-\s+)?(?:[a-z_][a-z0-9_.-]*|[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)+):(?:\s+\S.*|\s*)$")
#: What configurations have and lists of words have not: a number, a string, a path, a name with signs in it.
_CONFIGURED = re.compile(
    r"^\s*(?:-\s+)?(?:[\w.]*[_.-][\w.-]*:|[\w.-]+:\s+(?:[\"'\[{&*|>/].*|-?\d[\w.:/-]*|true|false|null|yes|no|[\w.-]+[_/][\w./-]+)\s*$)"
)
#: A key without a value, under which others stand further in.
_PARENT = re.compile(r"^(\s*)(?:-\s+)?[\w.-]+:\s*$")
#: A value of such a list.
_ITEM_OF_KEY = re.compile(r"^\s*-\s+\S")
#: Something that gets a value. A single letter that does is a variable of mathematics as well.
_ASSIGNMENT = re.compile(r"^\s*[A-Za-z_]\w+(?:\.\w+|\[[^\[\]\n]*\])*\s*[-+*/]?=\s*\S")
#: In a text that holds code a single letter may be the program's.
_VARIABLE = re.compile(r"^\s*[A-Za-z_]\w*\s*[-+*/]?=\s*\S")
_COMMENT = re.compile(r"^\s*(?:#+|//|--|/\*|\*|%|;|'''|\"\"\")\s*\S|\S\s+(?:#|//)\s*\S")
#: A frame of a prompt, whose labels are not the language's.
_FRAME = re.compile(r"^\s*#{2,4} ?(?:Instruction|Input|Response|Output|Context|System|User|Assistant)s?\s*:?\s*$")
#: A sentence, in which none of the weaker signs counts.
_SENTENCE = re.compile(r"(?:[^\W\d_]{2,}[,;]? ){5,}|[^\W\d_]{3,}[.!?…]$|[。！？؟]")
#: Words of a line up to which it can be what a program prints.
_MOST_WORDS_OF_OUTPUT = 4
#: Longer lines are prose or data that nobody wrote by hand.
_LONGEST_LINE = 2_000

#: Without one of these a text holds nothing that may be code.
_HINT = re.compile(r"[=:;{}<>#%$*|`\\]|//|\w\(|\bselect\b|--", re.IGNORECASE)


@dataclass(slots=True)
class _CodeLine:
    """One line of a text; whether it may be code, and whether it is a statement, beside which others may be."""

    start: int
    text: str
    is_code: bool = False
    is_statement: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def find_possible_code(text: str, certain: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """``[start, end)`` of every part of a text that may be code. ``certain`` says where code certainly stands.

    >>> text = "kilo = pfund * 0.45" + chr(10) * 2 + "print(kilo)" + chr(10) * 2 + "# Ausgabe = 3.15"
    >>> [text[start:end] for start, end in find_possible_code(text, [(21, 32)])]
    ['kilo = pfund * 0.45', 'print(kilo)', '# Ausgabe = 3.15']
    >>> text = "Use =SUM(A1:A9) here; that is all: good."
    >>> [text[start:end] for start, end in find_possible_code(text, [])]
    ['=SUM(A1:A9)']
    """
    if not certain and not _HINT.search(text):
        return
    lines = list(_split(text))
    _mark_alone(lines, certain)
    _mark_runs(lines)
    if any(line.is_statement for line in lines):
        _mark_company(lines)
    yield from ((line.start, line.end) for line in lines if line.is_code)
    yield from (match.span() for match in _FORMULA.finditer(text))


def _split(text: str) -> Iterator[_CodeLine]:
    start = 0
    for line in text.split("\n"):
        yield _CodeLine(start, line)
        start += len(line) + 1


def _mark_alone(lines: Sequence[_CodeLine], certain: Sequence[tuple[int, int]]) -> None:
    """Lines that are code by their own form, and those that hold a whole line of certain code."""
    for line in lines:
        if not line.text.strip() or len(line.text) > _LONGEST_LINE:
            continue
        line.is_statement = bool(_LINE.search(line.text))
        line.is_code = line.is_statement or states_as_code(line.text) or bool(_FRAME.match(line.text))
    starts = [line.start for line in lines]
    for start, end in certain:
        for index in range(max(0, bisect_right(starts, start) - 1), bisect_right(starts, end)):
            line = lines[index]
            first = line.start + len(line.text) - len(line.text.lstrip())
            if line.text.strip() and start <= first and line.end <= end:
                line.is_code = line.is_statement = True


def _mark_runs(lines: Sequence[_CodeLine]) -> None:
    """Keys with values, and assignments: two or more of them one after the other."""
    for pattern in (_KEY, _ASSIGNMENT):
        run: list[_CodeLine] = []
        hits = 0
        for line in (*lines, _CodeLine(0, "")):
            fits = bool(pattern.match(line.text)) and not _SENTENCE.search(line.text)
            if fits or (run and pattern is _KEY and _ITEM_OF_KEY.match(line.text) and not _SENTENCE.search(line.text)):
                run.append(line)
                hits += fits
                continue
            if not line.text.strip() and run and pattern is _ASSIGNMENT and line.start:
                continue  # programs have blank lines between their statements
            if hits > 1 and (pattern is _ASSIGNMENT or _is_configuration(run)):
                for member in run:
                    member.is_code = member.is_statement = True
            run, hits = [], 0


def _is_configuration(run: Sequence[_CodeLine]) -> bool:
    """Whether keys and values are a program's, rather than words and what they mean: some value or nesting shows it."""
    if any(_CONFIGURED.match(line.text) for line in run):
        return True
    return any(
        (parent := _PARENT.match(line.text)) is not None and following.text.startswith(parent[1] + " ")
        for line, following in pairwise(run)
    )


def _mark_company(lines: Sequence[_CodeLine]) -> None:
    """In a text that holds code: its comments and assignments wherever they stand, and what stands right beside it."""
    for line in lines:
        if not line.is_code and line.text.strip() and (_COMMENT.search(line.text) or _VARIABLE.match(line.text)):
            line.is_code = True
    marked = [line.is_code for line in lines]
    for index, line in enumerate(lines):
        beside = any(0 <= other < len(lines) and marked[other] for other in (index - 1, index + 1))
        if beside and line.text.strip() and len(line.text.split()) <= _MOST_WORDS_OF_OUTPUT:
            line.is_code = line.is_code or not _SENTENCE.search(line.text)
