"""Unfenced code: the lines of a text that are evidently program text, recognised by their form alone.

Knows the shape of common languages (Python, C and its kin, SQL, PHP, JSON), no natural language. Prose that merely
mentions code is no code line; when in doubt a line is prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Longer lines are never looked at: no statement is longer, and it bounds the cost of every pattern below.
_LONGEST_LINE = 400

#: Blanks at the beginning of a line from which on they may mean that it is the body of a statement.
_LEAST_INDENTATION = 2

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_TARGET = rf"{_NAME}(?:\.{_NAME}|\[[^\[\]]*\])*"
_ARGUMENTS = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
_TYPE = r"(?:int|float|double|char|bool|boolean|String|string|long|short|byte|void|auto|unsigned|var|let|const|val)"
_MODIFIER = r"(?:public|private|protected|internal|static|final|abstract|export|async)"
#: What an assignment may assign to be code for certain; a bare number or sum could as well be mathematics.
_VALUE = rf"(?:[\[{{\"'].*|new .+|lambda .+|function\b.*|{_TARGET}\(.*|(?:True|False|None|null|nil|true|false);?)"

#: One of these makes a line code whatever stands around it.
_STRONG = re.compile(
    "|".join(
        (
            # Python
            rf"(?:async )?def {_NAME} ?\(.*\).*:.*",
            rf"class {_NAME}(?:\([^()]*\))?:",
            r"(?:if|elif|while) [^:]*(?:[=!<>]=| [<>] |\w[(\[]).*:(?: *#.*)?",
            rf"for {_NAME}(?:, ?{_NAME})* in {_TARGET}\(.*:.*",
            r"from [A-Za-z_][\w.]* import [\w*(][\w*, ()]*",
            rf"print{_ARGUMENTS}",
            rf"with {_TARGET}\(.*\) as {_NAME}:",
            r"if __name__ ?==.*",
            rf"(?:this\.|self\.)?[a-z_][A-Za-z0-9_]*(?:\.{_NAME}|\[[^\[\]]*\])* ?[-+*/%:]?= ?{_VALUE}",
            rf"{_NAME}(?:\.{_NAME})+{_ARGUMENTS};?",
            # C, Java, JavaScript, PHP
            r"#include ?[<\"].+[>\"]",
            r"(?:using namespace|package|import|using) [\w.*:]+;",
            rf"{_MODIFIER}(?: [\w<>\[\],]+){{1,4}}(?: ?=.*;|\(.*\) ?\{{?| ?\{{|;)",
            rf"(?:const )?{_TYPE}(?:\[\])?[ *&]+{_NAME}(?:\[\w*\])*(?: ?=.+|\(.*\) ?\{{?|;)",
            r"\}? ?(?:if|else if|while|for|foreach|switch|catch) ?\(.*\) ?(?:\{.*|.*;)",
            r"\}? ?(?:else|do|try|finally) ?\{.*",
            rf"function {_NAME}\([^()]*\) ?(?:\{{.*)?|function ?\([^()]*\) ?\{{.*",
            r"(?:return(?: \S+(?: [-+*/%=<>!&|?:]{1,3} \S+){0,6})?|break|continue|throw new .+);",
            rf"\$?{_TARGET}(?:->{_NAME})*\(.*\);",
            rf"\$?{_TARGET}(?:->{_NAME})* ?[-+*/%.]?= ?.+;",
            rf"\$?{_NAME}(?:\+\+|--);?",
            r"(?:cout|cin|std::\w+) ?(?:<<|>>).+",
            r"echo .+;|<\?php.*|\?>",
            r"[^\s{}].{0,80}[)\w\]\"'=] ?\{|\{|\[",
            # SQL, written as most people write it: in capitals
            r"SELECT\b.+\bFROM\b.+|SELECT (?:\*|\w+\(|[\w.]+, ).*",
            r"(?:INSERT INTO|DELETE FROM|CREATE (?:TABLE|DATABASE|INDEX|VIEW)|ALTER TABLE|DROP TABLE) .+",
            r"UPDATE \S+ SET\b.+",
        )
    )
)

#: A line of one of these forms is code only where it stands next to code.
_WEAK = re.compile(
    "|".join(
        (
            r"[\])}]+[;,]?|[\[({]+",
            r"(?:else|try|finally|except\b.*|(?:for|if|elif|while|with) .+) ?:",
            r"(?:return|import|pass|break|continue|yield|raise|del|global|end|fi|done|endif)\b.*",
            rf"{_TARGET} ?[-+*/%]?= ?\S.*",
            rf"{_TARGET}\(.*",
            rf"for {_NAME} in {_TARGET}.*",
            rf"@{_NAME}(?:\(.*\))?",
            r"//.*|#.*|/\*.*|\*/?.*|--.*|\"\"\".*|'''.*",
            r"(?:FROM|WHERE|GROUP BY|ORDER BY|HAVING|(?:INNER |LEFT |RIGHT |OUTER |FULL )*JOIN|LIMIT|SET|VALUES|ON|AND"
            r"|OR|UNION)\b.*",
            r"[a-z-]+ ?: ?[^;]+;",
            r"[\"'].*[\"'] ?: ?(?:[\"'\[{\d-].*|true|false|null),?",
            r"[\"'\d].*,",
            r".*[;{]",
        )
    )
)
#: How comments begin; they may read like prose and still belong to the code.
_COMMENT = ("#", "//", "/*", "*", "--")

#: Without one of these a text holds no code line. The sign or word that each begins the look for is seen much faster
#: than the whole, and most texts have few of them.
_HINTS = tuple(
    (signs, re.compile(pattern, re.MULTILINE))
    for signs, pattern in (
        (("=",), r"[A-Za-z0-9_\]] ?[-+*/%:]?= ?\S"),
        (("(",), r"[A-Za-z0-9_]\("),
        ((";", "{", "["), r"[;{\[]\s*$"),
        (("SELECT", "import", "class", "else", "break", "return", "echo"),
         r"\b(?:SELECT|import|class|else|break|return|echo)\b"),
        (("INTO", "TABLE", "FROM", "SET"), r"\b[A-Z]+ (?:INTO|TABLE|FROM|SET)\b"),
        (("++", "+-", "-+", "--"), r"[+-]{2};?\s*$"),
        (("<<", ">>", "<?"), r"<<|>>|<\?"),
    )
)  # fmt: skip
_LINE = re.compile(r"[^\n]+")
#: Six words in a row, up to the end of the line.
_PROSE = re.compile(r"[^\W\d_]{2,}(?:,? [^\W\d_]{2,}){5,}[.?!…;:]?$")


def find_code_blocks(text: str) -> Iterator[tuple[int, int]]:
    """``[start, end)`` of every run of lines that is evidently code, without the line break at its end.

    >>> text = "Use this:" + chr(10) + "for i in range(3):" + chr(10) + "    print(i)" + chr(10) + "It counts."
    >>> [text[start:end].splitlines() for start, end in find_code_blocks(text)]
    [['for i in range(3):', '    print(i)']]
    """
    if not _may_hold_code(text):
        return
    lines = list(_LINE.finditer(text))
    position = 0
    while position < len(lines):
        if not _is_strong(lines[position].group()):
            position += 1
            continue
        first = last = position
        while first > 0 and _belongs_above(lines[first - 1], lines[first]):
            first -= 1
        while last + 1 < len(lines) and _belongs_below(lines[last], lines[last + 1]):
            last += 1
        yield lines[first].start(), lines[last].end()
        position = last + 1


def _may_hold_code(text: str) -> bool:
    """Whether any sign of code is there: cheap to see, and most texts have none."""
    for signs, pattern in _HINTS:
        for sign in signs:
            if sign in text:
                if pattern.search(text):
                    return True
                break
    return False


def _is_strong(line: str) -> bool:
    if len(line) > _LONGEST_LINE:
        return False
    stripped = line.strip()
    return bool(_STRONG.fullmatch(stripped)) and not _PROSE.search(stripped)


def _is_weak(line: str) -> bool:
    if len(line) > _LONGEST_LINE:
        return False
    stripped = line.strip()
    return bool(_WEAK.fullmatch(stripped)) and (stripped.startswith(_COMMENT) or not _PROSE.search(stripped))


def _belongs_above(line: re.Match[str], code: re.Match[str]) -> bool:
    """Whether a line is the one right above a code line, and belongs to it."""
    return line.end() + 1 == code.start() and _is_weak(line.group())


def _belongs_below(code: re.Match[str], line: re.Match[str]) -> bool:
    """Whether a line below a code line continues it: by its own form, or as the indented body of what stands above."""
    if len(line.group()) > _LONGEST_LINE:
        return False
    indent = _indentation(line.group())
    if indent >= _LEAST_INDENTATION and indent >= _indentation(code.group()):
        return True
    return _is_strong(line.group()) or (code.end() + 1 == line.start() and _is_weak(line.group()))


def _indentation(line: str) -> int:
    """How many blanks a line begins with; a tab reaches to the next multiple of four."""
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())
