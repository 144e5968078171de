"""The figures of `midb-agent evaluate model` as tables on a terminal, a turn at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from midb.cli.evaluating.output import print_notes, print_table
from midb.cli.evaluating.pairwise_tables import draw_lengths, draw_outcomes
from midb.text.terminal import visible


def show(console: Console, figures: Mapping[str, Any]) -> None:
    """All tables, and below them what they say and do not say."""
    for turn in figures["turns"]:
        groups = turn["groups"]
        title = (
            f"{figures['candidate']} against {figures['baseline']}, turn {turn['turn']}; per cent, in brackets 95 % "
            "intervals"
        )
        print_table(console, draw_outcomes(title, groups))
        console.print()
        print_table(console, draw_lengths("candidate's", groups))
        console.print()
        for group in groups:
            if warning := group.get("warning"):
                console.print(Text(visible(f"{group['language'] or 'all'}: {warning}"), style="yellow"), soft_wrap=True)
    print_notes(console, figures["notes"])
