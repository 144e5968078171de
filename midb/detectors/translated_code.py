"""Code whose keywords were translated: `wenn (20 > 18)`, `imprimir("Hola")`.

The English source's code tells what stood there. Both are read token by token; only where they run alike from end to
end is it certain which word is which. Strings, comments and the author's own names are translated rightly and stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from midb.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.edits import Edit
from midb.inspection import FieldText, Inspection
from midb.protection import Protected, Spans

TRANSLATED_CODE = DefectKind(
    name="translated-code",
    family=DefectFamily.TRANSLATION,
    severity=Severity.CRITICAL,
    summary="keywords of program code that were translated along with the text",
    repairs=True,
    needs_source=True,
    may_change=frozenset({Invariant.PROTECTED}),
)

KINDS = (TRANSLATED_CODE,)

# Words that a language or its standard library defines, so that no author can have named them: restoring them is
# certain. Python, JavaScript, Java, C and C++, PHP, SQL, HTML.
_RESERVED = frozenset(
    """
    if else elif while for foreach in is not and or return def class import from as with try except finally raise lambda
    pass break continue global nonlocal yield async await del assert match case switch default do function var let const
    new this super extends implements public private protected static final abstract void int float double char bool
    boolean string long short byte unsigned signed struct enum typedef sizeof namespace using include throw throws catch
    true false null nil none undefined True False None print println printf echo input len range str list dict set tuple
    sum min max map filter sorted open read write append extend insert remove pop join split replace format lower upper
    strip console log alert document getElementById push length System out Math random main args self std cout cin endl
    select from where insert into values update set delete create table alter drop join inner left right outer on group
    order by having limit distinct primary key foreign references integer varchar text date like between exists union
    SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE ALTER DROP JOIN INNER LEFT RIGHT OUTER ON GROUP
    ORDER BY HAVING LIMIT DISTINCT PRIMARY KEY FOREIGN REFERENCES INTEGER INT VARCHAR TEXT DATE LIKE BETWEEN EXISTS
    UNION AND OR NOT NULL AS IN COUNT AVG SUM MIN MAX
    html head body div span title script style href src class id img table tr td th ul ol li form button label
    """.split()  # noqa: SIM905  (a table reads better as words than as a list)
)

_TOKEN = re.compile(
    r"(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[“„«][^“”„«»\n]*[”“»]|‘[^‘’\n]*’)"
    r"|(?P<comment>//[^\n]*|\#[^\n]*|/\*.*?\*/|<!--.*?-->)"
    r"|(?P<word>[^\W\d]\w*)|(?P<number>\d+(?:[.,]\d+)?)|(?P<mark>[^\w\s])",
    re.DOTALL,
)

#: A block of more tokens is not a snippet of a training pair.
_MOST_TOKENS = 4_000

_STRAIGHT = {"“": '"', "„": '"', "«": '"', "‘": "'"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int


def detect(inspection: Inspection) -> Iterator[Finding]:
    """One finding per block of code with translated words."""
    for item in inspection.written():
        if not item.source or not any(span.reason is Protected.CODE for span in item.source_protected):
            continue
        for start, end, code in _blocks(item, item.source):
            if item.text[start:end] != code:
                yield from _compare(item, start, end, code)


def _blocks(item: FieldText, source: str) -> Iterator[tuple[int, int, str]]:
    """Each block of code: its span in the translation, and the source's code. What has no sure partner is left."""
    marked, wanted = (
        [(s.start, s.end) for s in spans if s.reason is Protected.CODE and text[s.start] in "`~"]
        for spans, text in ((item.protected, item.text), (item.source_protected, source))
    )
    if len(marked) == len(wanted):
        for (start, end), (low, high) in zip(marked, wanted, strict=True):
            yield start, end, source[low:high]
    yield from _by_lines(item, source, item.source_protected)


def _by_lines(item: FieldText, source: str, spans: Spans) -> Iterator[tuple[int, int, str]]:
    """Blocks without fences: where both texts have the same lines, the same lines are code."""
    if source.count("\n") != item.text.count("\n"):
        return
    starts = [0, *(match.end() for match in re.finditer("\n", item.text))]
    lines = item.text.split("\n")
    for span in spans:
        if span.reason is not Protected.CODE or source[span.start] in "`~":
            continue
        first, last = source.count("\n", 0, span.start), source.count("\n", 0, span.end)
        code = "\n".join(source.split("\n")[first : last + 1])
        if code.strip() != source[span.start : span.end].strip():
            continue  # part of a line: where it stands in the translation is not known
        yield starts[first], starts[last] + len(lines[last]), code


def _tokens(code: str) -> list[_Token]:
    return [_Token(str(m.lastgroup), m.group(), m.start()) for m in _TOKEN.finditer(code)]


def _joined(there: Sequence[_Token], wanted: Sequence[_Token], code: str) -> list[_Token]:
    """The translation's tokens, with the words that stand for one reserved word ("ngược lại" for else) made one."""
    joined: list[_Token] = []
    position = 0
    for index, token in enumerate(wanted):
        if position >= len(there):
            break
        end = position + 1
        alone = index + 1 == len(wanted) or wanted[index + 1].kind != "word"
        if token.text in _RESERVED and there[position].kind == "word" and alone:
            while (
                end < len(there) and there[end].kind == "word" and code[_end(there[end - 1]) : there[end].start] == " "
            ):
                end += 1
        first, last = there[position], there[end - 1]
        joined.append(_Token(first.kind, code[first.start : _end(last)], first.start))
        position = end
    return [*joined, *there[position:]]


def _end(token: _Token) -> int:
    return token.start + len(token.text)


def _compare(item: FieldText, start: int, end: int, code: str) -> Iterator[Finding]:
    if max(len(code), end - start) > 10 * _MOST_TOKENS:
        return
    wanted = _tokens(code)
    there = _joined(_tokens(item.text[start:end]), wanted, item.text[start:end])
    if len(wanted) > _MOST_TOKENS:
        return
    if [token.kind for token in there] != [token.kind for token in wanted]:
        lost = _lost(there, wanted)
        if lost:
            yield TRANSLATED_CODE.finding(
                item.field, start, end, f"the source's code has {', '.join(lost[:4])}, which are missing here"
            )
        return
    if any(a.text != b.text for a, b in zip(there, wanted, strict=True) if a.kind in ("number", "mark")):
        return  # another program, not a translated one
    edits = [edit for a, b in zip(there, wanted, strict=True) for edit in _edits(item, start, a, b)]
    if edits:
        shown = ", ".join(dict.fromkeys(edit.after for edit in edits if edit.after.strip("\"'")))
        evidence = f"the source's code has {shown} here" if shown else "the source's code has straight quotes here"
        yield TRANSLATED_CODE.finding(item.field, edits[0].start, edits[-1].end, evidence, fix=tuple(edits))


def _edits(item: FieldText, offset: int, there: _Token, wanted: _Token) -> Iterator[Edit]:
    """The edits that restore one token: a reserved word, or the quotes around a string."""
    start = offset + there.start
    if there.kind == "word" and there.text != wanted.text and wanted.text in _RESERVED:
        yield TRANSLATED_CODE.edit(item.field, start, there.text, wanted.text)
    elif there.kind == "string" and there.text[0] in _STRAIGHT and wanted.text[0] in "\"'":
        quote = wanted.text[0]
        if quote not in there.text:
            yield TRANSLATED_CODE.edit(item.field, start, there.text[0], quote)
            yield TRANSLATED_CODE.edit(item.field, start + len(there.text) - 1, there.text[-1], quote)


def _lost(there: Sequence[_Token], wanted: Sequence[_Token]) -> list[str]:
    """Reserved words of the source that the translation does not have at all; two of them are no accident."""
    present = {token.text for token in there}
    lost = [token.text for token in wanted if token.kind == "word" and token.text in _RESERVED - present]
    distinct = list(dict.fromkeys(lost))
    return distinct if len(distinct) > 1 else []
