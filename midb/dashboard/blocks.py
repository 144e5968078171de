"""The building stones of a screen: tables and lines that know how many lines they take. Knows no run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from midb.dashboard.text import format_count
from midb.domain.decisions import Outcome

#: What colour an outcome has where there is any of it. Unchanged has none, for it is neither good nor bad; nor has what
#: a person undid.
OUTCOME_STYLES: Mapping[str, str] = {Outcome.IMPROVED: "green", Outcome.REVERTED: "red"}


@dataclass(frozen=True)
class Block:
    """A part of the screen and the lines it takes."""

    lines: int
    body: RenderableType


#: The cells of a row.
Row = Sequence[Text | str]


def make_table(headers: Sequence[str], rows: Iterable[Row], *, gap: int = 2) -> Block:
    """Names to the left, figures to the right; one line a row, and nothing wraps."""
    body = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold", show_header=any(headers))
    for index, header in enumerate(headers):
        body.add_column(header, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        body.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return Block(body.row_count + body.show_header, body)


def paint(number: int, style: str, text: str | None = None) -> Text:
    """A number in its colour; nought has none, for it calls for no attention."""
    return Text(format_count(number) if text is None else text, style=style if number else "")


def put_beside(blocks: Sequence[Block], *, widths: Sequence[int | None], gap: int = 3) -> Block:
    """Blocks side by side."""
    body = Table.grid(padding=(0, gap, 0, 0), pad_edge=False)
    for width in widths:
        body.add_column(width=width, no_wrap=True)
    body.add_row(*(block.body for block in blocks))
    return Block(max(block.lines for block in blocks), body)


def make_lines(texts: Iterable[Text]) -> Block:
    """One line each."""
    found = list(texts)
    for text in found:
        text.no_wrap, text.overflow = True, "ellipsis"
    return Block(len(found), Group(*found))


def stack(blocks: Iterable[Block]) -> Block:
    """Blocks below each other, an empty line between them; what has no lines is left out."""
    filled = [block for block in blocks if block.lines]
    bodies: list[RenderableType] = []
    for block in filled:
        bodies += (Text(""), block.body) if bodies else (block.body,)
    return Block(sum(block.lines for block in filled) + max(len(filled) - 1, 0), Group(*bodies))
