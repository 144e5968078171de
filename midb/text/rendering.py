"""Hunks (midb.text.diffs) as lines for a terminal, which read without colours as well. Knows no edit and no field."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import regex
from rich.text import Text

from midb.text.diffs import CONTEXT, Hunk, Piece, find_cluster_boundary
from midb.text.terminal import END_OF_ISOLATE, ISOLATE, has_right_to_left, visible

#: A changed passage longer than this is cut in the middle, unless everything is asked for.
LONGEST = 240

#: Changed characters that fit into one line as ``[before] → [after]``; what has more is shown on two.
INLINE = 40

_LINE = regex.compile(r"[^\n]*\n|[^\n]+")
_EDGE_BLANKS = regex.compile(r"^ +| +$")
_OTHER_BLANK = regex.compile(r"[\p{Zs}--[\ \u3000]]", regex.VERSION1)


def render_hunk(hunk: Hunk, *, full: bool = False, inline: bool = False) -> list[Text]:
    """A hunk as lines, ``-`` and ``+``, with the changed passages in brackets and in colour.

    ``inline`` makes one line with ``[before] → [after]`` of it where that is short. Right-to-left text always gets two
    lines, as an arrow in it would point the wrong way; each of its lines is isolated.
    """
    changed = [piece.text for piece in (*hunk.before, *hunk.after) if piece.changed]
    texts = [piece.text for piece in (*hunk.before, *hunk.after)]
    short = inline and sum(map(len, changed)) <= INLINE
    if short and not any("\n" in text or has_right_to_left(text) for text in texts):
        return [_render_inline(hunk)]
    before, after = _split_rows(hunk.before), _split_rows(hunk.after)
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
        *(_render_line("  ", row, "", full) for row in above),
        *(_render_line("- ", row, "red", full) for row in before[: len(before) - tail]),
        *(_render_line("+ ", row, "green", full) for row in after[: len(after) - tail]),
        *(_render_line("  ", row, "", full) for row in below),
    ]


def render_passage(text: str, start: int, end: int, *, context: int = CONTEXT) -> Text:
    """One line with ``[start, end)`` in brackets and a little around it."""
    low = find_cluster_boundary(text, max(start - context, 0))
    high = find_cluster_boundary(text, min(end + context, len(text)))
    left, right = ("…" if low else ""), ("…" if high < len(text) else "")
    pieces = Piece(left + text[low:start], False), Piece(text[start:end], True), Piece(text[end:high] + right, False)
    return _render_line("  ", pieces, "yellow", False)


def _split_rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
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


def _render_inline(hunk: Hunk) -> Text:
    """A hunk on one line: ``[before] → [after]``."""
    line = Text("  ")
    for old, new in zip(hunk.before, hunk.after, strict=True):
        if not old.changed:
            line.append(visible(old.text))
            continue
        line.append(f"[{show_change(old.text)}]", style="bold red")
        line.append(" → ")
        line.append(f"[{show_change(new.text)}]", style="bold green")
    return line


def _render_line(sign: str, pieces: Sequence[Piece], style: str, full: bool) -> Text:
    """One line of a hunk behind its sign; isolated where some of it is written from right to left."""
    line = Text(sign, style=style)
    mixed = any(has_right_to_left(piece.text) for piece in pieces)
    line.append(ISOLATE if mixed else "")
    for piece in pieces:
        text = shorten(piece.text, full)
        if piece.changed:
            line.append(f"[{show_change(text)}]", style=f"bold {style}")
        else:
            line.append(visible(text), style="default")
    return line.append(END_OF_ISOLATE if mixed else "")


def show_change(text: str) -> str:
    """A changed passage made visible, with its blanks at both ends: they may be all that was changed."""
    escaped = _OTHER_BLANK.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text))
    return str(_EDGE_BLANKS.sub(lambda match: "␣" * len(match[0]), escaped))


def shorten(text: str, full: bool) -> str:
    """A passage without its middle where it is too long, with the number of characters left out."""
    if full or len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} … {len(text) - 2 * half:,} characters … {text[-half:]}"
