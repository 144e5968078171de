"""The figures of `midb-agent evaluate blend` as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from midb.cli.evaluating.output import print_notes, print_table, show_figure, start_table
from midb.text.terminal import visible

Group = Mapping[str, Any]


def show(console: Console, figures: Mapping[str, Any]) -> None:
    """All tables, and below them what a reader has to know."""
    roles = [role for role in ("baseline", "candidate") if role in figures]
    for role in roles:
        title = f"{figures[role]}: per cent of questions, in brackets 95 % intervals"
        print_table(console, _draw(title, figures, role))
        console.print()
    if len(roles) == 2:
        title = f"{figures['candidate']} less {figures['baseline']}, question by question: points"
        print_table(console, _draw(title, figures, "difference"))
        console.print()
    words = "; ".join(f"{code}: {name}" for code, name in figures["words"].items())
    print_notes(console, [*figures["notes"], f"Words by {words}."])


def _draw(title: str, figures: Mapping[str, Any], part: str) -> Table:
    columns = ("country", "asked in", "questions", "scored", "exact", "SEM-B", "SEM-W")
    table = start_table(title, columns, left=columns[1:2])
    for group in figures["groups"]:
        cells = (
            name_country(group), group["language"], f"{group['questions']:,}", f"{group['scored']:,}",
            *(show_figure(group[part][name], scale=100, signed=part == "difference")
              for name in ("exact", "soft", "weighted")),
        )  # fmt: skip
        table.add_row(*(Text(visible(cell)) for cell in cells))
    return table


def name_country(group: Group) -> str:
    """A country for people."""
    return group["country"].replace("_", " ") if group["country"] else "all"
