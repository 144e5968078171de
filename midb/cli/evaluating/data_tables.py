"""The figures of `midb-agent evaluate data` as tables on a terminal."""

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
    """All tables, and below them what a reader has to know."""
    groups = figures["groups"]
    print_table(console, _draw_densities(figures, groups))
    console.print()
    print_table(console, _draw_kinds(groups[0]))
    console.print()
    print_table(console, _draw_texts(groups))
    if any(group["agreement"] for group in groups):
        console.print()
        print_table(console, _draw_agreement(figures, groups))
    console.print()
    for line in _list_places(figures):
        console.print(Text(visible(line)), soft_wrap=True)
    print_notes(console, figures["notes"])


def _name(group: Group) -> str:
    return group["language"] or "all"


def _draw_densities(figures: Mapping[str, Any], groups: Sequence[Group]) -> Table:
    what = f"findings for {figures['per']:,} pairs, both sides examined anew; in brackets 95 % intervals"
    title = f"{figures['output']}: {what}"
    columns = ("", "pairs", "rows", "changed", "before", "after", "difference", "pairs with more findings than before")
    table = start_table(title, columns)
    for group in groups:
        density, more = group["density"], group["more_findings"]
        cells = [show_figure(density[side], signed=side == "difference") for side in ("before", "after", "difference")]
        worse = f"{more['pairs']:,} ({show_figure(more['share'], 2, scale=100)} %)" if more["share"] else "–"
        numbers = (f"{group['pairs']:,}", f"{group['rows']:,}", f"{group['changed']:,}")
        table.add_row(*map(Text, (_name(group), *numbers, *cells, worse)))
    return table


def _draw_kinds(group: Group) -> Table:
    table = start_table(
        f"the same by kind ({_name(group)}; --json has the kinds of each language)",
        ("kind", "severity", "before", "after", "difference"),
    )
    for row in group["kinds"]:
        cells = [show_figure(row[side], signed=side == "difference") for side in ("before", "after", "difference")]
        table.add_row(*map(Text, (row["kind"], row["severity"], *cells)))
    return table


def _draw_texts(groups: Sequence[Group]) -> Table:
    columns = (
        "", "in its language, %", "of", "lost", "length after / before", "of changed pairs", "characters", "words",
        "lines", "empty", "duplicates", "same task",
    )  # fmt: skip
    table = start_table("texts: before → after; characters, words and lines are means of a response", columns)
    for group in groups:
        own, texts, again = group["own_language"], group["texts"], group["duplicates"]
        kept = " → ".join(
            "–" if own[side] is None else f"{100 * own[side]['value']:.2f}" for side in ("before", "after")
        )
        cells = (
            kept, f"{own['pairs']:,}", f"{own['lost']:,}",
            show_figure(group["length_ratio"]["all"], 4), show_figure(group["length_ratio"]["changed"], 3),
            *(_arrow(texts[name], ".1f") for name in ("characters", "words", "lines")),
            _arrow(group["empty_responses"], ","), _arrow(again["pairs"], ","), _arrow(again["tasks"], ","),
        )  # fmt: skip
        table.add_row(*map(Text, (_name(group), *cells)))
    return table


def _arrow(sides: Mapping[str, float | None], form: str) -> str:
    if sides["before"] is None or sides["after"] is None:
        return "–"
    return f"{sides['before']:{form}} → {sides['after']:{form}}"


def _draw_agreement(figures: Mapping[str, Any], groups: Sequence[Group]) -> Table:
    name = figures["reference"]["name"]
    table = start_table(f"chrF to {name} (0 to 100)", ("", "pairs", "of them changed", "before", "after", "difference"))
    for group in groups:
        found = group["agreement"]
        if found is None:
            continue
        cells = [show_figure(found[side], 2, signed=side == "difference") for side in ("before", "after", "difference")]
        table.add_row(*map(Text, (_name(group), f"{found['pairs']:,}", f"{found['changed']:,}", *cells)))
    return table


def _list_places(figures: Mapping[str, Any]) -> list[str]:
    """Where there is something to look at."""
    lines = []
    if places := figures["more_findings_in"]:
        listed = "; ".join(f"{place['record']} ({', '.join(place['kinds'])})" for place in places)
        lines.append(f"More findings than before, the first: {listed}.")
    if lost := figures["language_lost_in"]:
        lines.append(f"In its language before and not after, the first: {', '.join(lost)}.")
    if left := {reason: count for group in figures["groups"][:1] for reason, count in group["not_examined"].items()}:
        listed = ", ".join(f"{reason} {count:,}" for reason, count in left.items())
        lines.append(f"Pairs that were not examined: {listed}.")
    if count := figures["unexamined_records"]:
        lines.append(f"Records in which no pair was found: {count:,}.")
    return lines
