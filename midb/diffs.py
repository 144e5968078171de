"""Word-level diffs of edits that are known: what stood there, what stands there now, with a little around it.

Reads well where words have blanks between them (whole words are shown) and where they have none (whole grapheme
clusters are). Knows nothing of colours; ``render`` does, and works without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import regex
from rich.text import Text

from midb.edits import Edit, apply_to_text
from midb.terminal import visible

#: Characters shown on both sides of a change; changes that are closer than twice that share a hunk.
CONTEXT = 28

#: A changed passage longer than this is cut in the middle, unless everything is asked for.
LONGEST = 240

_SPACED_WORD = regex.compile(
    r"(?:[[\p{L}\p{M}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}]]|(?<=\w)[.,'’\-_/](?=\w))+",
    regex.VERSION1,
)
_CLUSTER = regex.compile(r"\X")

# First-strong isolate and its end: keep right-to-left text from scrambling the line around it.
_ISOLATE, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that is either changed or context."""

    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Hunk:
    """One passage before and after; ``start`` and ``end`` count code points of the text before."""

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

    >>> edit = Edit("response", 6, 7, ".", ",", "k")
    >>> [(hunk.before[1].text, hunk.after[1].text) for hunk in hunks("Rund 2.5 Meter", [edit])]
    [('2.5', '2,5')]
    """
    groups: list[list[_Change]] = []
    for change in _changes(text, edits):
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
    """The edits widened to whole words or grapheme clusters, joined where that makes them meet."""
    spans: list[tuple[int, int, list[Edit]]] = []
    for edit in sorted(edits, key=lambda edit: edit.start):
        start, end = _widened(text, edit.start, edit.end)
        if spans and start < spans[-1][1]:
            first, last, together = spans.pop()
            spans.append((min(first, start), max(last, end), [*together, edit]))
        else:
            spans.append((start, end, [edit]))
    return [
        _Change(
            start,
            end,
            apply_to_text(
                text[start:end], [replace(edit, start=edit.start - start, end=edit.end - start) for edit in inside]
            ),
        )
        for start, end, inside in spans
    ]


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


def render(hunk: Hunk, *, full: bool = False) -> list[Text]:
    """A hunk as two lines: ``-`` and ``+``, the changed parts in brackets and in colour."""
    return [
        _line("- ", hunk.before, "red", full),
        _line("+ ", hunk.after, "green", full),
    ]


def _line(sign: str, pieces: Sequence[Piece], style: str, full: bool) -> Text:
    line = Text(sign, style=style)
    line.append(_ISOLATE, style="not bold")
    for piece in pieces:
        shown = visible(_shortened(piece.text, full))
        if piece.changed:
            line.append(f"[{shown}]", style=f"bold {style}")
        else:
            line.append(shown, style="default")
    line.append(_END)
    return line


def _shortened(text: str, full: bool) -> str:
    if full or len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} … {len(text) - 2 * half:,} characters … {text[-half:]}"
