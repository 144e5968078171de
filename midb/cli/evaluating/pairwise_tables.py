"""The figures of `midb-agent evaluate pairwise` as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from midb.cli.evaluating.output import print_notes, print_table, show_figure, start_table
from midb.text.terminal import visible

Group = Mapping[str, Any]


def show(console: Console, figures: Mapping[str, Any]) -> None:
    """All tables, and below them what they say and do not say."""
    groups = figures["groups"]
    title = (
        f"boosted against raw; of {figures['differing']:,} pairs that differ {figures['judged']:,} judged in both "
        "orders; per cent, in brackets 95 % intervals"
    )
    print_table(console, draw_outcomes(title, groups))
    if figures["judged"]:
        console.print()
        print_table(console, draw_lengths("boosted", groups))
        console.print()
    for group in groups:
        if warning := group.get("warning"):
            console.print(Text(visible(f"{_name(group)}: {warning}"), style="yellow"), soft_wrap=True)
    print_notes(console, figures["notes"])


def _name(group: Group) -> str:
    return group["language"] or "all"


def draw_outcomes(title: str, groups: Sequence[Group]) -> Table:
    """Wins, ties and losses by language, and what there is to say of the judge in the same line."""
    columns = (
        "", "pairs", "the same", "judged", "win", "tie", "loss", "net win", "of all pairs", "flips", "first", "worse?",
        "",
    )  # fmt: skip
    table = start_table(title, columns)
    for group in groups:
        numbers = (f"{group[name]:,}" for name in ("pairs", "same", "judged", "win", "tie", "loss"))
        first = group["judge"]["first"]
        cells = (
            show_figure(group["net_win"], scale=100, signed=True),
            show_figure(group["net_win_of_all_pairs"], scale=100, signed=True),
            show_figure(group["flip_rate"], scale=100),
            "–" if first is None else f"{100 * first:.0f}",
            _tell_harm(group["harm"]),
            group.get("warning_short", ""),
        )
        table.add_row(*map(Text, (_name(group), *numbers, *map(visible, cells))))
    return table


def _tell_harm(harm: Mapping[str, Any] | None) -> str:
    """What the tests say of a language."""
    if harm is None:
        return "–"
    if harm["worse"]:
        return f"worse (p {harm['p_worse']:.3f})"
    if harm["not_worse"]:
        return f"not worse (p {harm['p_not_worse']:.3f})"
    return "not shown"


def draw_lengths(side: str, groups: Sequence[Group]) -> Table:
    """Outcomes by length of the responses of a side, and with length taken out."""
    table = start_table(
        f"by length of the {side} response: net win, per cent, and of how many; win rate, a tie being half a win",
        ("", "shorter", "alike", "longer", "win rate", "at equal length", "effect of length"),
    )
    for group in groups:
        bins = (
            "–" if found["net_win"] is None else f"{100 * found['net_win']:+.0f} ({found['judged']:,})"
            for found in group["by_length"]
        )
        control = group["length_controlled"]
        rates = (
            ("–", "–", "–")
            if control is None
            else (
                f"{100 * control['uncontrolled']:.1f}", show_figure(control["win_rate"], scale=100),
                f"{control['slope']:+.2f}",
            )
        )  # fmt: skip
        table.add_row(*map(Text, (_name(group), *bins, *rates)))
    return table
