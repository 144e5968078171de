"""The figures of `midb-agent evaluate judge` as tables on a terminal: a warning stands in the line of its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from midb.cli.evaluating.output import print_notes, print_table, show_figure, start_table
from midb.text.terminal import visible


def show(console: Console, figures: Mapping[str, Any]) -> None:
    """All tables, and below them what a reader has to know."""
    print_table(console, _draw_languages(figures))
    console.print()
    print_table(console, _draw_traps(figures))
    console.print()
    if people := figures.get("people"):
        console.print(Text(visible(_tell_people(people))), soft_wrap=True)
    print_notes(console, figures["notes"])


def _draw_languages(figures: Mapping[str, Any]) -> Table:
    title = f"{figures['answered']:,} cases of which the better version is known; per cent, in brackets 95 % intervals"
    columns = ("", "cases", "right", "flips", "first", "longer", "English", "obeyed", "no verdict", "warning")
    table = start_table(title, columns, left=("warning",))
    for group in figures["groups"]:
        leans = (group["judge"]["first"], group["longer"], group["english"], group["obeyed"])
        cells = (
            group["language"] or "all", f"{group['cases']:,}",
            show_figure(group["accuracy"], scale=100), show_figure(group["flip_rate"], scale=100),
            *("–" if lean is None else f"{100 * lean:.0f}" for lean in leans),
            f"{sum(group['no_verdict'].values()):,}", f"! {group['warning']}" if group["warning"] else "",
        )  # fmt: skip
        table.add_row(*(Text(visible(cell)) for cell in cells), style="yellow" if group["warning"] else "")
    return table


def _draw_traps(figures: Mapping[str, Any]) -> Table:
    columns = ("trap", "what was done to the worse version", "cases", "right", "wrong", "flips", "no verdict")
    table = start_table("by trap, all languages", columns, left=columns[1:2])
    for trap, counts in figures["groups"][-1]["traps"].items():
        numbers = (f"{counts[name]:,}" for name in ("cases", "right", "wrong", "flips", "no_verdict"))
        table.add_row(*map(Text, (trap, figures["traps"][trap], *numbers)))
    return table


def _tell_people(people: Mapping[str, Any]) -> str:
    if people["kappa"] is None:
        return f"People and the judge: {people['judged']:,} edits that both judged; kappa is not defined for them."
    bounds = "" if people["low"] is None else f" [{people['low']:.2f} {people['high']:.2f}]"
    return (
        f"People and the judge: kappa {people['kappa']:.2f}{bounds} on {people['judged']:,} edits; they agree on "
        f"{people['agreement']:.0%}, people accept {people['people_accept']:.0%}, the judge "
        f"{people['judge_accepts']:.0%}."
    )
