"""Word-level diffs: what stood there, what stands there now, with a little around it.

Where words have blanks between them whole words differ, elsewhere whole grapheme clusters. Knows no terminal: that is
midb.text.rendering.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import regex
from rapidfuzz.distance import Indel

from midb.domain.edits import Edit, apply_to_text
from midb.domain.pairs import Field

#: Characters shown on both sides of a change; changes that are closer than twice that share a hunk.
CONTEXT = 28

#: A change of more characters than this is looked into: most of its words may have stayed.
COARSE = 40

#: Tokens up to which two passages are aligned (a bit matrix of 8 MB); beyond that the passage counts as one change.
ALIGNED = 8_000

# Letters of scripts that put no blanks between words are left out: there every cluster is a word.
_WORD_CHARACTER = r"[[\p{L}\p{M}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]"
_WORD = rf"(?:{_WORD_CHARACTER}|(?<=\w)[.,'’\-_/](?=\w))+"
_SPACED_WORD = regex.compile(_WORD, regex.VERSION1)
_TOKEN = regex.compile(rf"{_WORD}|\s+|\X", regex.VERSION1)
_CLUSTER = regex.compile(r"\X")
#: Where tokens are parted whatever stands around: before a blank, unless the character before it reaches across.
_PARTED = regex.compile(r"[^\s\p{Grapheme_Cluster_Break=Prepend}](?=[ \n])")
_LAST_PARTED = regex.compile(_PARTED.pattern, regex.REVERSE)
#: Characters in which such a place is looked for, beside the first that differs.
_PARTED_REACH = 400

#: How far around an edit the word it changes is looked for; some texts have words without end.
_WORD_REACH = 60
#: How far around a place the grapheme cluster is looked for that it may stand in.
_CLUSTER_REACH = 20


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage that is either changed or context."""

    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Hunk:
    """One passage before and after; ``start`` and ``end`` count code points of the text before.

    Both sides have equally many pieces: context and change by turns, beginning and ending with context.
    """

    start: int
    end: int
    before: tuple[Piece, ...]
    after: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class _Change:
    start: int
    end: int
    after: str


def find_hunks(text: str, edits: Sequence[Edit], *, context: int | None = CONTEXT) -> Iterator[Hunk]:
    """The passages that edits of one field change; ``context`` None shows the whole text around them.

    >>> from midb.domain.pairs import Field
    >>> edit = Edit(Field.RESPONSE, 6, 7, ".", ",", "k")
    >>> [(hunk.before[1].text, hunk.after[1].text) for hunk in find_hunks("Rund 2.5 Meter", [edit])]
    [('2.5', '2,5')]
    """
    return _group_into_hunks(text, _widen_edits(text, edits), context)


def compare_texts(before: str, after: str, *, context: int | None = CONTEXT) -> Iterator[Hunk]:
    """The passages in which two texts differ, where nobody knows the edits."""
    return _group_into_hunks(before, _refine(0, before, after), context)


def find_edits(before: str, after: str, field: Field) -> list[Edit]:
    """The edits that lead from one text to the other, by words or clusters; ``kind`` is left empty.

    >>> from midb.domain.pairs import Field
    >>> [(e.before, e.after) for e in find_edits("Das Haus ist rot.", "Das Dach ist rot.", Field.RESPONSE)]
    [('Haus', 'Dach')]
    """
    if before == after:
        return []
    return [
        Edit(field, change.start, change.end, before[change.start : change.end], change.after, "")
        for change in _refine(0, before, after)
    ]


def _group_into_hunks(text: str, changes: Iterable[_Change], context: int | None) -> Iterator[Hunk]:
    """Changes with what stands around them; those that are near to each other share a hunk."""
    groups: list[list[_Change]] = []
    for change in changes:
        if groups and (context is None or change.start - groups[-1][-1].end < 2 * context):
            groups[-1].append(change)
        else:
            groups.append([change])
    for group in groups:
        low = 0 if context is None else find_cluster_boundary(text, max(group[0].start - context, 0))
        high = len(text) if context is None else find_cluster_boundary(text, min(group[-1].end + context, len(text)))
        before, after, position = [], [], low
        for change in group:
            between = Piece(text[position : change.start], False)
            before += [between, Piece(text[change.start : change.end], True)]
            after += [between, Piece(change.after, True)]
            position = change.end
        rest = Piece(text[position:high], False)
        left, right = ("…" if low else ""), ("…" if high < len(text) else "")
        yield Hunk(
            group[0].start,
            group[-1].end,
            _add_ellipses(left, [*before, rest], right),
            _add_ellipses(left, [*after, rest], right),
        )


def _add_ellipses(left: str, pieces: Sequence[Piece], right: str) -> tuple[Piece, ...]:
    """The pieces with the signs that say that the text goes on before and after them."""
    return (Piece(left + pieces[0].text, False), *pieces[1:-1], Piece(pieces[-1].text + right, False))


def _widen_edits(text: str, edits: Sequence[Edit]) -> list[_Change]:
    """The edits widened to whole words or grapheme clusters, joined where that makes them meet; long ones refined."""
    spans: list[tuple[int, int, list[Edit]]] = []
    for edit in sorted(edits, key=lambda edit: edit.start):
        start, end = _widen(text, edit.start, edit.end)
        if spans and start < spans[-1][1]:
            first, last, together = spans[-1]
            together.append(edit)
            spans[-1] = (min(first, start), max(last, end), together)
        else:
            spans.append((start, end, [edit]))
    changes: list[_Change] = []
    for start, end, inside in spans:
        moved = [replace(edit, start=edit.start - start, end=edit.end - start) for edit in inside]
        after = apply_to_text(text[start:end], moved)
        if min(end - start, len(after)) > COARSE:
            changes += _refine(start, text[start:end], after)
        else:
            changes.append(_Change(start, end, after))
    return changes


def _refine(offset: int, before: str, after: str) -> Iterator[_Change]:
    """What of a long change really differs, by tokens; changes with next to nothing between them are one."""
    begin, end = _find_common_ends(before, after)
    offset += begin
    old, new = _TOKEN.findall(before[begin : len(before) - end]), _TOKEN.findall(after[begin : len(after) - end])
    most = min(len(old), len(new))
    same = next((n for n in range(most) if old[n] != new[n]), most)
    head, tail = old[:same], 0
    while tail < most - same and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    middle, other = old[same : len(old) - tail], new[same : len(new) - tail]
    position = offset + len("".join(head))
    if max(len(middle), len(other)) > ALIGNED:
        yield _Change(position, position + len("".join(middle)), "".join(other))
        return
    pending: _Change | None = None
    gap = ""
    for step in Indel.opcodes(middle, other):
        passage = "".join(middle[step.src_start : step.src_end])
        if step.tag == "equal":
            gap = passage
        else:
            change = _Change(position, position + len(passage), "".join(other[step.dest_start : step.dest_end]))
            if pending and len(gap.strip()) <= 1:
                change = _Change(pending.start, change.end, pending.after + gap + change.after)
            elif pending:
                yield pending
            pending, gap = change, ""
        position += len(passage)
    if pending:
        yield pending


def _find_common_ends(before: str, after: str) -> tuple[int, int]:
    """How many characters two texts share at the beginning, and at the end, that need not be split into tokens: each
    part ends where a token does. Two versions of a long text differ in a few words.

    What the texts share from the beginning on is no part of the end: where a word was said once more, it is the second
    that was put in.
    """
    least = min(len(before), len(after))
    same = _count_same(before, after, least)
    begin = end = 0
    if match := _LAST_PARTED.search(before, max(same - _PARTED_REACH, 0), same):
        begin = match.end()
    rest = _count_same_at_end(before, after, least - same)
    start = len(before) - rest
    if match := _PARTED.search(before, start, start + _PARTED_REACH):
        end = len(before) - match.end()
    return begin, end


def _count_same(one: str, other: str, most: int) -> int:
    """How many characters two texts share from the beginning on, of so many at most."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _count_same_at_end(one: str, other: str, most: int) -> int:
    """How many characters two texts share at their ends, of so many at most."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _widen(text: str, start: int, end: int) -> tuple[int, int]:
    """``[start, end)`` widened to the word around it, or to the grapheme clusters that it would cut."""
    low, high = max(start - _WORD_REACH, 0), min(end + _WORD_REACH, len(text))
    for match in _SPACED_WORD.finditer(text, low, high):
        if match.start() < start <= match.end() or (match.start() <= start < match.end() and match.start() < end):
            start = min(start, match.start())
        if match.start() <= end < match.end() and match.end() > end:
            end = max(end, match.end())
    for match in _CLUSTER.finditer(text, low, high):
        if match.start() < start < match.end():
            start = match.start()
        if match.start() < end < match.end():
            end = match.end()
    return start, end


def find_cluster_boundary(text: str, position: int) -> int:
    """The nearest place at or before ``position`` that splits no grapheme cluster."""
    for match in _CLUSTER.finditer(text, max(position - _CLUSTER_REACH, 0), min(position + _CLUSTER_REACH, len(text))):
        if match.start() < position < match.end():
            return match.start()
    return position
