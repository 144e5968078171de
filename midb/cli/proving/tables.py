"""A proof on a terminal: what it says first, then its tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from midb.cli.evaluating.output import print_notes, print_table, start_table
from midb.evaluation.proving.page import list_tables
from midb.text.terminal import visible


def show(console: Console, figures: Mapping[str, Any]) -> None:
    """The sentence, why nothing more is said, what was seen, and all tables."""
    conclusion = figures["conclusion"]
    console.print(Text(visible(conclusion["sentence"]), style="bold"), soft_wrap=True)
    print_notes(console, [f"- {reason}" for reason in conclusion["reasons"]])
    console.print()
    print_notes(console, list(conclusion["seen"]))
    for table in list_tables(figures):
        console.print()
        drawn = start_table(table.title, table.columns, left=table.columns[: table.words])
        for row in table.rows:
            drawn.add_row(*(Text(visible(cell)) for cell in row))
        print_table(console, drawn)
    console.print()
    print_notes(console, list(figures["notes"]))
