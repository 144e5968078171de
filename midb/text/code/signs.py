"""Signs by which one line may be code, data or a formula, for callers that would rather leave it alone.

Code for certain is found by midb.text.code.lines. Here a single sign is enough, and prose that happens to hold one
counts as well: a repair is missed, no code is damaged. Each caller has signs of its own, because what is code to a
rule about commas (a row of a table) is none to a rule about brackets, and the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Statements, comments, operators and tags of common languages.
_STATEMENT = re.compile(
    r"^[ \t]*(?:def|class|import|from|return|print|elif|public|private|static|void|int|float|char|const|let|var"
    r"|function|select|insert|update|delete|create|include|using|while|for|if|else)\b[^\n]*[(){}:;=*#<>]"
    r"|^[ \t]*(?:#include|//|/\*|\*/|#!|<\?|<!|>>>|\$ )"
    r"|[{}][ \t]*$|\)[ \t]*;|\w\.\w+\(|==|!=|=>|::|&&|\|\||</?[a-z]+[ >/]",
    re.IGNORECASE,
)

#: A row of a table, whose marks separate cells.
_TABLE_ROW = re.compile(r"\|.*\||\t")

#: A list or record as programs write it.
_LITERAL = re.compile(r"\[[^\[\]\n]*\]|\{[^{}\n]*\}")

#: Code or a formula, in which brackets follow other rules than in prose.
_OTHER_BRACKETS = re.compile(
    r"[;{}\\|^_$]|=>|->|[<>=]=|\w\(\)|\w\[\w*\]|^\s*(?:#|//|def |class |import |return |for |if |print)"
)

#: Code, in which an equals sign assigns or compares and claims nothing.
_ASSIGNMENT = re.compile(r"[{}\\#]|;[ \t]*$|//|:=|[-+*/]=|\breturn\b|\bprint\b")


def punctuates_as_code(line: str) -> bool:
    """Whether the commas, colons and blanks of a line may be syntax: code, or a row of a table.

    >>> punctuates_as_code("def f(a , b):"), punctuates_as_code("Come in , and sit down.")
    (True, False)
    """
    return bool(_STATEMENT.search(line) or _TABLE_ROW.search(line))


def states_as_code(line: str) -> bool:
    """Whether a line may be a statement, a comment or markup of some language; a row of a table is none.

    >>> states_as_code("return a , b;"), states_as_code("| a , b |")
    (True, False)
    """
    return bool(_STATEMENT.search(line))


def brackets_as_code(line: str) -> bool:
    """Whether a bracket of a line may be part of code or of a formula, where one alone can be right.

    >>> brackets_as_code("f(x) -> [0, 1"), brackets_as_code("Far away (in the north.")
    (True, False)
    """
    return bool(_OTHER_BRACKETS.search(line))


def equates_as_code(line: str) -> bool:
    """Whether an equals sign of a line may assign or compare.

    >>> equates_as_code("x += 2 + 2 = 5"), equates_as_code("So 2 + 2 = 5.")
    (True, False)
    """
    return bool(_ASSIGNMENT.search(line))


def find_literals(line: str) -> Iterator[tuple[int, int]]:
    """``[start, end)`` of every ``[...]`` and ``{...}`` of a line; inside, a mark may be syntax."""
    return (match.span() for match in _LITERAL.finditer(line))
