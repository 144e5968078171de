"""Word-level diffs: what stood there, what stands there now, with a little around it.

Reads well where words have blanks between them (whole words are shown) and where they have none (whole grapheme
clusters are). ``render`` makes lines for a terminal that read without colours as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import regex
from rapidfuzz.distance import Indel
from rich.text import Text

from midb.domain.edits import Edit, apply_to_text
from midb.domain.pairs import Field
from midb.text.terminal import END, ISOLATE, has_right_to_left, visible

#: Characters shown on both sides of a change; changes that are closer than twice that share a hunk.
CONTEXT = 28

#: A changed passage longer than this is cut in the middle, unless everything is asked for.
LONGEST = 240

#: Changed characters that fit into one line as ``[before] → [after]``; what has more is shown on two.
INLINE = 40

#: A change of more characters than this is looked into: most of its words may have stayed.
COARSE = 40

#: Tokens up to which two passages are aligned (a bit matrix of 8 MB); beyond that the passage counts as one change.
ALIGNED = 8_000

# What is written without blanks between words is taken cluster by cluster.
_WORD_CHARACTER = r"[[\p{L}\p{M}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]"
_WORD = rf"(?:{_WORD_CHARACTER}|(?<=\w)[.,'’\-_/](?=\w))+"
_SPACED_WORD = regex.compile(_WORD, regex.VERSION1)
_TOKEN = regex.compile(rf"{_WORD}|\s+|\X", regex.VERSION1)
_CLUSTER = regex.compile(r"\X")
_LINE = regex.compile(r"[^\n]*\n|[^\n]+")

_EDGE_BLANKS = regex.compile(r"^ +| +$")
_OTHER_BLANK = regex.compile(r"[\p{Zs}--[\ \u3000]]", regex.VERSION1)


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that is either changed or context."""

    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Hunk:
    """One passage before and after; ``start`` and ``end`` count code points of the text before.

    Both sides have as many pieces: context and change by turns, beginning and ending with context.
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


def hunks(text: str, edits: Sequence[Edit], *, context: int | None = CONTEXT) -> Iterator[Hunk]:
    """The passages that edits of one field change; ``context`` None shows the whole text around them.

    >>> from midb.domain.pairs import Field
    >>> edit = Edit(Field.RESPONSE, 6, 7, ".", ",", "k")
    >>> [(hunk.before[1].text, hunk.after[1].text) for hunk in hunks("Rund 2.5 Meter", [edit])]
    [('2.5', '2,5')]
    """
    return _hunks(text, _changes(text, edits), context)


def text_hunks(before: str, after: str, *, context: int | None = CONTEXT) -> Iterator[Hunk]:
    """The passages in which two texts differ, where nobody knows the edits."""
    return _hunks(before, _refined(0, before, after), context)


def edits_between(before: str, after: str, field: Field) -> list[Edit]:
    """The edits that lead from one text to the other, by words or clusters; ``kind`` is left empty.

    >>> from midb.domain.pairs import Field
    >>> [(e.before, e.after) for e in edits_between("Das Haus ist rot.", "Das Dach ist rot.", Field.RESPONSE)]
    [('Haus', 'Dach')]
    """
    return [
        Edit(field, change.start, change.end, before[change.start : change.end], change.after, "")
        for change in _refined(0, before, after)
    ]


def _hunks(text: str, changes: Iterable[_Change], context: int | None) -> Iterator[Hunk]:
    groups: list[list[_Change]] = []
    for change in changes:
        if groups and (context is None or change.start - groups[-1][-1].end < 2 * context):
            groups[-1].append(change)
        else:
            groups.append([change])
    for group in groups:
        low = 0 if context is None else _boundary(text, max(group[0].start - context, 0))
        high = len(text) if context is None else _boundary(text, min(group[-1].end + context, len(text)))
        before, after, position = [], [], low
        for change in group:
            between = Piece(text[position : change.start], False)
            before += [between, Piece(text[change.start : change.end], True)]
            after += [between, Piece(change.after, True)]
            position = change.end
        rest = Piece(text[position:high], False)
        left, right = ("…" if low else ""), ("…" if high < len(text) else "")
        yield Hunk(
            group[0].start, group[-1].end, _framed(left, [*before, rest], right), _framed(left, [*after, rest], right)
        )


def _framed(left: str, pieces: Sequence[Piece], right: str) -> tuple[Piece, ...]:
    framed = [Piece(left + pieces[0].text, False), *pieces[1:-1], Piece(pieces[-1].text + right, False)]
    return tuple(framed)


def _changes(text: str, edits: Sequence[Edit]) -> list[_Change]:
    """The edits widened to whole words or grapheme clusters, joined where that makes them meet; long ones refined."""
    spans: list[tuple[int, int, list[Edit]]] = []
    for edit in sorted(edits, key=lambda edit: edit.start):
        start, end = _widened(text, edit.start, edit.end)
        if spans and start < spans[-1][1]:
            first, last, together = spans.pop()
            spans.append((min(first, start), max(last, end), [*together, edit]))
        else:
            spans.append((start, end, [edit]))
    changes: list[_Change] = []
    for start, end, inside in spans:
        moved = [replace(edit, start=edit.start - start, end=edit.end - start) for edit in inside]
        after = apply_to_text(text[start:end], moved)
        if min(end - start, len(after)) > COARSE:
            changes += _refined(start, text[start:end], after)
        else:
            changes.append(_Change(start, end, after))
    return changes


def _refined(offset: int, before: str, after: str) -> Iterator[_Change]:
    """What of a long change really differs, by tokens; changes with next to nothing between them are one."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    head, tail = old[:same], 0
    while tail < min(len(old), len(new)) - same and old[-1 - tail] == new[-1 - tail]:
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


def _widened(text: str, start: int, end: int) -> tuple[int, int]:
    """The word around a span, or the grapheme clusters it cuts; only near it, for the sake of endless words."""
    low, high = max(start - 60, 0), min(end + 60, len(text))
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


def _boundary(text: str, position: int) -> int:
    """The nearest place at or before ``position`` that splits no grapheme cluster."""
    for match in _CLUSTER.finditer(text, max(position - 20, 0), min(position + 20, len(text))):
        if match.start() < position < match.end():
            return match.start()
    return position


def render(hunk: Hunk, *, full: bool = False, inline: bool = False) -> list[Text]:
    """A hunk as lines, ``-`` and ``+``, with the changed passages in brackets and in colour.

    ``inline`` makes one line with ``[before] → [after]`` of it where that is short. Right-to-left text always gets two
    lines, as an arrow in it would point the wrong way; each of its lines is isolated.
    """
    changed = [piece.text for piece in (*hunk.before, *hunk.after) if piece.changed]
    texts = [piece.text for piece in (*hunk.before, *hunk.after)]
    short = inline and sum(map(len, changed)) <= INLINE
    if short and not any("\n" in text or has_right_to_left(text) for text in texts):
        return [_inline(hunk)]
    before, after = _rows(hunk.before), _rows(hunk.after)
    same = [a == b and not any(piece.changed for piece in a) for a, b in zip(before, after, strict=False)]
    head = len(list(itertools.takewhile(bool, same)))
    before, after, above = before[head:], after[head:], before[:head]
    tail = 0
    while tail < min(len(before), len(after)) and before[-1 - tail] == after[-1 - tail]:
        if any(piece.changed for piece in before[-1 - tail]):
            break
        tail += 1
    below = before[len(before) - tail :]
    return [
        *(_line("  ", row, "", full) for row in above),
        *(_line("- ", row, "red", full) for row in before[: len(before) - tail]),
        *(_line("+ ", row, "green", full) for row in after[: len(after) - tail]),
        *(_line("  ", row, "", full) for row in below),
    ]


def passage(text: str, start: int, end: int, *, context: int = CONTEXT) -> Text:
    """One line with ``[start, end)`` in brackets and a little around it."""
    low, high = _boundary(text, max(start - context, 0)), _boundary(text, min(end + context, len(text)))
    left, right = ("…" if low else ""), ("…" if high < len(text) else "")
    pieces = Piece(left + text[low:start], False), Piece(text[start:end], True), Piece(text[end:high] + right, False)
    return _line("  ", pieces, "yellow", False)


def _rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces line by line; a line keeps its break."""
    rows: list[list[Piece]] = [[]]
    for piece in pieces:
        for part in _LINE.findall(piece.text):
            rows[-1].append(Piece(part, piece.changed))
            if part.endswith("\n"):
                rows.append([])
        if piece.changed and not piece.text:
            rows[-1].append(piece)
    return rows if rows[-1] else rows[:-1]


def _inline(hunk: Hunk) -> Text:
    line = Text("  ")
    for old, new in zip(hunk.before, hunk.after, strict=True):
        if not old.changed:
            line.append(visible(old.text))
            continue
        line.append(f"[{_shown(old.text)}]", style="bold red")
        line.append(" → ")
        line.append(f"[{_shown(new.text)}]", style="bold green")
    return line


def _line(sign: str, pieces: Sequence[Piece], style: str, full: bool) -> Text:
    line = Text(sign, style=style)
    mixed = any(has_right_to_left(piece.text) for piece in pieces)
    line.append(ISOLATE if mixed else "")
    for piece in pieces:
        text = _shortened(piece.text, full)
        if piece.changed:
            line.append(f"[{_shown(text)}]", style=f"bold {style}")
        else:
            line.append(visible(text), style="default")
    return line.append(END if mixed else "")


def _shown(text: str) -> str:
    """A changed passage: blanks that are what was changed must not hide."""
    escaped = _OTHER_BLANK.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text))
    return str(_EDGE_BLANKS.sub(lambda match: "␣" * len(match[0]), escaped))


def _shortened(text: str, full: bool) -> str:
    if full or len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} … {len(text) - 2 * half:,} characters … {text[-half:]}"
