"""Where figures of an evaluation go: a table, JSON, a file that was written by the same command, and the log."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from midb.audit.questions.export import json_line
from midb.corpus.output import move_into_place, writing
from midb.domain.errors import UsageError
from midb.report.evaluated import show_interval
from midb.text.terminal import visible

#: Columns of a table in a file.
WIDTH = 180

Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Also write the figures there, as JSON.")
]
Resamples = Annotated[
    int, typer.Option("--resamples", metavar="N", min=100, max=100_000, help="Draws of rows for the intervals.")
]


def check_output(output: Path | None, mark: str = "evaluates") -> None:
    """Raise UsageError where the output is something else than figures with the name ``mark``, or has no folder."""
    if output is None:
        return
    if not output.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {output.absolute().parent}.", hint="Make it first, or name another.")
    if not output.exists():
        return
    try:
        found: Any = orjson.loads(output.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        found = None
    if not isinstance(found, dict) or "midb_agent" not in found or mark not in found:
        raise UsageError(f"{output} is there already, and holds no figures.", hint="Choose another -o.")


def write_figures(figures: Mapping[str, Any], output: Path | None) -> None:
    """Write figures into a file, in one step."""
    if output is None:
        return
    partial = output.with_name(f".{output.name}.partial")
    with writing(output):
        partial.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")
    move_into_place(partial, output)
    print(f"figures   {visible(str(output))}", file=sys.stderr)


def print_json(figures: Mapping[str, Any]) -> None:
    """Figures as one line on stdout."""
    sys.stdout.write(json_line(dict(figures)))


def open_wide() -> Console:
    """Where there is no terminal, a table may be wide: nobody's window is filled."""
    return Console(width=None if sys.stdout.isatty() else WIDTH)


def start_table(title: str, columns: Sequence[str], left: Collection[str] = ()) -> Table:
    """An empty table; its first column and those ``left`` hold words."""
    table = Table(box=None, pad_edge=False, title=Text(visible(title)))
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number and name not in left else "left", overflow="fold")
    return table


def print_table(console: Console, table: Table) -> None:
    """A table below its title, which may be longer than the table is wide."""
    title, table.title = table.title, None
    console.print(title, soft_wrap=True)
    console.print(table)


def print_notes(console: Console, notes: list[str]) -> None:
    """What a reader has to know, one sentence a line."""
    for note in notes:
        console.print(Text(visible(note)), soft_wrap=True)


def show_figure(found: Mapping[str, Any] | None, digits: int = 1, *, scale: float = 1.0, signed: bool = False) -> str:
    """A figure with its bounds; a dash where there is none.

    >>> show_figure({"value": 0.5, "low": 0.4, "high": 0.61, "rows": 99}, scale=100)
    '50.0 [40.0 61.0]'
    """
    return show_interval(found, digits, scale=scale, signed=signed, bounds="[{} {}]") or "–"


def say_forecast(found: Mapping[str, Any], log: Path, json: bool) -> None:
    """What judging pairs would take, as lines or as JSON."""
    if json:
        print_json(found)
        return
    print(f"forecast for {found['pairs']:,} pairs, each in both orders, from {found['sampled']:,}")
    for line in tell_costs(found):
        print(line)
    print(f"calls       {found['calls_per_pair']:.2f} a pair")
    say_kept(log)


def tell_costs(found: Mapping[str, Any]) -> list[str]:
    """Tokens and time of a forecast."""
    from midb.dashboard.text import format_duration

    least, _, most = found["seconds"]
    return [
        f"tokens in   {show_span(found['prompt_tokens'])}",
        f"tokens out  {show_span(found['completion_tokens'])}",
        f"time        {format_duration(least)} to {format_duration(most)}",
    ]


def show_span(bounds: Sequence[int]) -> str:
    """A figure that is expected, between its bounds.

    >>> show_span([900, 1000, 1100])
    '1,000   (900 to 1,100)'
    """
    low, expected, high = bounds
    return f"{expected:,}   ({low:,} to {high:,})"


def say_kept(log: Path) -> None:
    """That a forecast costs nothing in the end."""
    print(f"Its replies are kept in {visible(str(log))}: they are not paid for again.")
