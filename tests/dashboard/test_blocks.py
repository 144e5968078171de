"""The building stones of a screen know how many lines they take."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from midb.dashboard.blocks import OUTCOME_STYLES, Block, make_lines, make_table, paint, put_beside, stack
from midb.domain.decisions import Outcome


def printed(block: Block, width: int = 60) -> list[str]:
    """The block as lines of text."""
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(block.body)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


ROWS: list[tuple[str, Text | str]] = [("a", "1"), ("long name", Text("1,000", style="green"))]

BLOCKS = {
    "table": make_table(("name", "number"), ROWS),
    "table without headers": make_table(("", ""), ROWS),
    "empty table": make_table(("name",), []),
    "lines": make_lines([Text("one"), Text("two " * 40)]),
    "beside": put_beside([make_table(("name", "number"), ROWS), make_lines([Text("x")])], widths=[None, 10]),
    "stack": stack([make_lines([Text("x")]), make_lines([]), make_lines([Text("y"), Text("z")])]),
}


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("width", [30, 60])
def test_a_block_takes_as_many_lines_as_it_says(name: str, width: int) -> None:
    lines = printed(BLOCKS[name], width)
    assert len(lines) == BLOCKS[name].lines
    assert all(cell_len(line) <= width for line in lines)


def test_names_stand_left_and_figures_right() -> None:
    assert printed(BLOCKS["table"]) == [
        "name       number",
        "a               1",
        "long name   1,000",
    ]
    assert printed(BLOCKS["table without headers"])[0].split() == ["a", "1"]


def test_blocks_stand_beside_or_below_each_other() -> None:
    assert [line.split() for line in printed(BLOCKS["beside"])] == [
        ["name", "number", "x"], ["a", "1"], ["long", "name", "1,000"],
    ]  # fmt: skip
    assert printed(BLOCKS["stack"]) == ["x", "", "y", "z"], "what has no lines leaves no gap"
    assert stack([]).lines == stack([make_lines([])]).lines == 0


def test_a_long_line_is_cut_and_says_so() -> None:
    assert printed(BLOCKS["lines"], 20)[1].endswith("…")


def test_nought_has_no_colour() -> None:
    assert paint(0, "red").style == ""
    assert (paint(1200, "red").plain, str(paint(1200, "red").style)) == ("1,200", "red")
    assert paint(5, "red", "many").plain == "many"


def test_only_what_is_good_or_bad_has_a_colour() -> None:
    assert dict(OUTCOME_STYLES) == {Outcome.IMPROVED: "green", Outcome.REVERTED: "red"}
