"""Code whose keywords were translated: `wenn (20 > 18)`, `imprimir("Hola")`.

The English source's code tells what stood there. Both are read token by token; only where they run alike from end to
end is it certain which word is which. Strings, comments and the author's own names are translated rightly and stay.
Without a source, code that mixes keywords with their translations is flagged, and so is a statement that can be
nothing but code.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit
from midb.locales import LocaleSection
from midb.text.code.statements import CodeStatements, find_translated_statements
from midb.text.code.tokens import KEYWORDS, LIBRARY, CodeToken, mark_defined_words, split_code
from midb.text.inspection import FieldText, Inspection
from midb.text.spans import Protected, Ranges
from midb.text.words import any_of, holds_any


class CodeKeywords(LocaleSection, table="code_keywords"):
    """What keywords become when code is translated, in lower case; and how one says pseudocode, where that is right."""

    words: tuple[str, ...]
    pseudocode: tuple[str, ...]


TRANSLATED_CODE = DefectKind(
    name="translated-code",
    family=DefectFamily.TRANSLATION,
    severity=Severity.CRITICAL,
    summary="keywords of program code that were translated along with the text",
    repairs=True,
    # Code whose keywords are back reads as English, or as no language.
    may_change=frozenset({Invariant.PROTECTED, Invariant.LANGUAGE}),
)
KINDS = (TRANSLATED_CODE,)

#: What is found in a field is no matter of the response, unless it is found there (see midb.detectors).
FIELD_BY_FIELD = True

#: A longer block is not a snippet of a training pair.
_LONGEST_BLOCK = 40_000
_MOST_TOKENS = 4_000
#: A call; the brackets around the ending of a plural are none.
_CALL = re.compile(r"\w\((?!(?:n|en|s|es|e|er|in|innen|a|as|os|x)\))")
#: Characters of a statement that a finding shows.
_SHOWN = 60
#: Characters between two statements of one piece of code.
_FARTHEST = 200

_OPENING_QUOTES = "“„«‘「『＂"
_DASHES = str.maketrans("‐‑‒–—−", "------")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """One finding per block of code with translated words."""
    section = inspection.locale.get(CodeKeywords)
    for item in inspection.filled_fields:
        found: list[Finding] = []
        if item.source and len(item.source_protected.only(Protected.CODE)):
            for start, end, code in _pair_blocks(item, item.source):
                if item.text[start:end] != code and end - start <= _LONGEST_BLOCK and len(code) <= _LONGEST_BLOCK:
                    found += _compare_block(item, start, end, code, section.words if section else ())
        yield from found
        if not found and section is not None:
            found = list(_find_mixed(item, section, inspection))
            yield from found
            yield from _find_statements(item, section, inspection, found)


def _pair_blocks(item: FieldText, source: str) -> Iterator[tuple[int, int, str]]:
    """Each block of code: its ``[start, end)`` in the translation, and the code of the source that belongs to it.

    Blocks that nobody can pair for certain are left out.
    """
    marked, wanted = (
        [(s.start, s.end) for s in spans if s.reason is Protected.CODE and text[s.start] in "`~"]
        for spans, text in ((item.protected, item.text), (item.source_protected, source))
    )
    if len(marked) == len(wanted):
        for (start, end), (low, high) in zip(marked, wanted, strict=True):
            yield start, end, source[low:high]
    yield from _pair_blocks_by_lines(item, source)


def _pair_blocks_by_lines(item: FieldText, source: str) -> Iterator[tuple[int, int, str]]:
    """Blocks without fences: the same lines of both texts, counted from the beginning or from the end.

    Where both texts have as many lines that is the same; where the prose was broken otherwise, a block at the
    beginning or the end of the source still has its place.
    """
    lines, originals = item.text.rstrip().split("\n"), source.rstrip().split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for span in item.source_protected:
        if span.reason is not Protected.CODE or source[span.start] in "`~":
            continue
        first, last = source.count("\n", 0, span.start), source.count("\n", 0, span.end)
        code = "\n".join(originals[first : last + 1])
        if code.strip() != source[span.start : span.end].strip():
            continue  # part of a line: where it stands in the translation is not known
        shift = len(lines) - len(originals)
        if shift and last == len(originals) - 1 and first + shift >= 0:
            first, last = first + shift, last + shift
        elif shift and first:
            continue
        if last < len(lines):
            yield starts[first], starts[last] + len(lines[last]), code


def _join_words(
    there: Sequence[CodeToken], wanted: Sequence[CodeToken], defined: Sequence[bool], code: str, source: str
) -> list[CodeToken]:
    """The translation's tokens, with the words that stand for one keyword ("ngược lại" for else) made one.

    ``code`` and ``source`` are the two blocks. In a run of words, those that are the same on both sides are known; what
    is left between them must be one keyword.
    """
    joined: list[CodeToken] = []
    position = index = 0
    while index < len(wanted) and position < len(there):
        last = _find_end_of_words(wanted, index, source)
        end = _find_end_of_words(there, position, code)
        ours, theirs = there[position:end], wanted[index:last]
        if len(ours) > len(theirs) > 0:
            ours = _join_run(ours, theirs, defined[index:last], code)
        joined += ours or there[position : position + 1]
        position, index = max(end, position + 1), max(last, index + 1)
    return [*joined, *there[position:]]


def _find_end_of_words(tokens: Sequence[CodeToken], start: int, code: str) -> int:
    """Where a run of words ends that are one blank apart; ``start`` where there is no word."""
    end = start
    while end < len(tokens) and tokens[end].sort == "word":
        if end > start and code[tokens[end - 1].end : tokens[end].start] != " ":
            break
        end += 1
    return end


def _join_run(
    ours: Sequence[CodeToken], theirs: Sequence[CodeToken], defined: Sequence[bool], code: str
) -> Sequence[CodeToken]:
    """A run of words in which one keyword became several words: these as one token; the run as it is elsewhere."""
    head = tail = 0
    while head < len(theirs) - 1 and ours[head].text == theirs[head].text:
        head += 1
    while tail < len(theirs) - head - 1 and ours[-1 - tail].text == theirs[-1 - tail].text:
        tail += 1
    if len(theirs) - head - tail != 1 or not defined[head]:
        return ours
    first, last = ours[head], ours[len(ours) - 1 - tail]
    whole = CodeToken(first.sort, code[first.start : last.end], first.start)
    return [*ours[:head], whole, *ours[len(ours) - tail :]]


def _compare_block(item: FieldText, start: int, end: int, code: str, own: tuple[str, ...]) -> Iterator[Finding]:
    wanted = split_code(code)
    if len(wanted) > _MOST_TOKENS:
        return
    defined = mark_defined_words(code, wanted)
    there = _join_words(split_code(item.text[start:end]), wanted, defined, item.text[start:end], code)
    if [token.sort for token in there] != [token.sort for token in wanted]:
        if _is_as_much_code(there, wanted) and len(lost := _find_lost_keywords(there, wanted, defined)) > 1:
            evidence = f"the source's code has {', '.join(lost[:4])}, which are missing here"
            yield TRANSLATED_CODE.finding(item.field, start, end, evidence)
        return
    if not _is_translation(there, wanted, defined, own):
        return
    edits = [
        edit
        for a, b, known in zip(there, wanted, defined, strict=True)
        for edit in _restore_token(item, start, a, b, known)
    ]
    if edits:
        shown = ", ".join(dict.fromkeys(edit.after for edit in edits if edit.after.isalpha()))
        evidence = f"the source's code has {shown or 'plain quotes and signs'} here"
        yield TRANSLATED_CODE.finding(item.field, edits[0].start, edits[-1].end, evidence, fix=tuple(edits))


def _is_translation(
    there: Sequence[CodeToken], wanted: Sequence[CodeToken], defined: Sequence[bool], own: tuple[str, ...]
) -> bool:
    """Whether the translation is the same program word for word.

    Numbers and signs are the same; each of the author's names became one name throughout; and where a keyword is
    wanted, no other word of the program stands, as it would had the words changed places; one of the language's ``own``
    may look like it (Vietnamese "in" is print).
    """
    taken = ({token.text for token in wanted if token.sort == "word"} | KEYWORDS | LIBRARY) - set(own)
    became: dict[str, str] = {}
    for a, b, known in zip(there, wanted, defined, strict=True):
        if b.sort in ("number", "mark") and _to_code_sign(a.text) != b.text:
            return False
        if b.sort == "word" and known and a.text.casefold() != b.text.casefold() and a.text in taken:
            return False
        if b.sort == "word" and not known and became.setdefault(b.text, a.text) != a.text:
            return False
    return len(set(became.values())) == len(became)


def _to_code_sign(sign: str) -> str:
    """A sign as code has it: full-width forms and dashes are typography."""
    return unicodedata.normalize("NFKC", sign).translate(_DASHES)


def _restore_token(item: FieldText, offset: int, there: CodeToken, wanted: CodeToken, known: bool) -> Iterator[Edit]:
    """The edits that restore one token: a keyword, a sign, or the quotes around a string."""
    start = offset + there.start
    if there.text == wanted.text:
        return
    if there.sort in ("mark", "number") or (there.sort == "word" and known):
        yield TRANSLATED_CODE.edit(item.field, start, there.text, wanted.text)
    elif there.sort == "string" and there.text[0] in _OPENING_QUOTES and wanted.text[0] in "\"'":
        quote = wanted.text[0]
        content = there.text[1:-1]
        if quote in content or "\\" in content:
            return
        padded = content != content.strip() and wanted.text[1:-1] == wanted.text[1:-1].strip()
        lead = len(content) - len(content.lstrip()) if padded else 0
        trail = len(content) - len(content.rstrip()) if padded and content.strip() else 0
        last = len(there.text) - 1
        yield TRANSLATED_CODE.edit(item.field, start, there.text[: 1 + lead], quote)
        yield TRANSLATED_CODE.edit(item.field, start + last - trail, there.text[last - trail :], quote)


def _is_as_much_code(there: Sequence[CodeToken], wanted: Sequence[CodeToken]) -> bool:
    """Whether the translation has the source's signs and numbers, most of them at least: prose has not."""
    signs, others = (
        Counter(_to_code_sign(token.text) for token in side if token.sort in ("mark", "number"))
        for side in (wanted, there)
    )
    return (signs & others).total() >= 0.6 * max(signs.total(), 1) and others.total() <= 2 * signs.total()


def _find_lost_keywords(there: Sequence[CodeToken], wanted: Sequence[CodeToken], defined: Sequence[bool]) -> list[str]:
    """Keywords of the source that the translation does not have at all."""
    present = {token.text for token in there if token.sort == "word"}
    lost = [token.text for token, known in zip(wanted, defined, strict=True) if known and token.text not in present]
    return list(dict.fromkeys(lost))


def _find_mixed(item: FieldText, section: CodeKeywords, inspection: Inspection) -> Iterator[Finding]:
    """Statements that begin with a translated keyword, in code that has real ones too, or one after the other."""
    if "(" not in item.text and not len(item.protected):
        return
    statements = [
        match
        for match in _statement_pattern(section.words).finditer(item.text)
        if "(" in match.group() or item.protected.overlaps(*match.span(1))  # "Für:" alone may be a heading
    ]
    if not statements:
        return
    if _is_pseudocode(item, section, inspection):
        return
    for group in _group_neighbours(item.text, statements):
        start, end = group[0].start(1), group[-1].end(1)
        real = _find_keywords_around(item, start, end)
        if real or sum(bool(_CALL.search(match.group())) for match in group) > 1:
            shown = ", ".join(dict.fromkeys(match[1] for match in group))
            beside = f"beside {', '.join(sorted(real)[:3])}" if real else "in what reads as code"
            yield TRANSLATED_CODE.finding(item.field, start, end, f"{shown} {beside}")


def _find_statements(
    item: FieldText, section: CodeKeywords, inspection: Inspection, found: Sequence[Finding]
) -> Iterator[Finding]:
    """Queries and loops whose form proves that they are code, for all that their keywords say."""
    statements = inspection.locale.get(CodeStatements)
    if statements is None or not statements.may_stand_in(item.text) or _is_pseudocode(item, section, inspection):
        return
    known = Ranges((finding.start, finding.end) for finding in found)
    for start, end in find_translated_statements(item.text, statements):
        if not known.overlap(start, end):
            evidence = f"a statement with translated keywords: {item.text[start:end][:_SHOWN]}"
            yield TRANSLATED_CODE.finding(item.field, start, end, evidence)


def _is_pseudocode(item: FieldText, section: CodeKeywords, inspection: Inspection) -> bool:
    """Whether the task or the text speaks of pseudocode, whose keywords are rightly in the language."""
    about = f"{inspection.pair.instruction or ''} {item.text}".lower()
    return holds_any(about, section.pseudocode)


def _group_neighbours(text: str, statements: Sequence[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Statements in groups: those with no blank line and at most a few other lines between them."""
    group: list[re.Match[str]] = []
    for match in statements:
        if group and (match.start() - group[-1].end() > _FARTHEST or "\n\n" in text[group[-1].end() : match.start()]):
            yield group
            group = []
        group.append(match)
    yield group


def _find_keywords_around(item: FieldText, start: int, end: int) -> set[str]:
    """The real keywords in the code that the range is part of, or stands right beside."""
    for span in item.code:
        between = item.text[end : span.start] or item.text[span.end : start]
        if len(between) > _FARTHEST or "\n\n" in between:
            continue
        block = item.text[span.start : min(span.end, span.start + _LONGEST_BLOCK)]
        pieces = split_code(block)
        known = mark_defined_words(block, pieces)
        if real := {piece.text for piece, defined in zip(pieces, known, strict=True) if defined}:
            return real
    return set()


@functools.cache
def _statement_pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """A line that begins with one of these words and goes on as a statement does, and as no sentence."""
    return re.compile(
        rf"^[ \t]*(?:\}}[ \t]*)?({any_of(words)})"
        r"(?:\([^\n]{0,200}\)[;:]?|[ \t]*\([^\n]{0,200}\)[ \t]*[{:]|[ \t]*[:{]"
        r"|[ \t]+\w+[ \t]+\w+[ \t]+\w+\([^\n]{0,100}\):?"
        r"|[ \t]+[^\n:]{0,60}(?:[=!<>]=|[<>()\[\]])[^\n:]{0,60}:)[ \t]*$",
        re.MULTILINE | re.IGNORECASE,
    )
