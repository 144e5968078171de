"""What evaluations found about a run, as tables of a report. They were measured before and logged; nothing is here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from midb.audit.evaluating.reading import find_latest
from midb.audit.reader import AuditReader

#: Layouts of figures that can be shown.
FORM = 1


@dataclass(frozen=True, slots=True)
class EvaluationTable:
    """A table of words, and below it what a reader has to know."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]


def read_evaluated(reader: AuditReader, run: int) -> list[dict[str, Any]]:
    """The last evaluation of each sort that is about a run, as the JSON report has it."""
    return [
        {name: value for name, value in asdict(row).items() if name != "parent"}
        for row in find_latest(reader, run).values()
    ]


def make_tables(evaluated: Sequence[Mapping[str, Any]]) -> list[EvaluationTable]:
    """The tables of a report; figures in a layout that is not known have none."""
    made = []
    for row in evaluated:
        write = _TABLES.get(row["evaluates"])
        if write is not None and row["figures"].get("form") == FORM:
            try:
                made.append(write(row["figures"]))
            except (KeyError, TypeError, ValueError, AttributeError):
                continue  # changed by hand, which `audit verify` names
    return made


def show_interval(found: Mapping[str, Any] | None, digits: int = 1, *, scale: float = 1.0, signed: bool = False) -> str:
    """A figure with its bounds.

    >>> show_interval({"value": -3.25, "low": -4, "high": -2.5, "rows": 9}, signed=True)
    '-3.2 (-4.0 to -2.5)'
    """
    if found is None:
        return ""
    sign = "+" if signed else ""
    value = f"{scale * found['value']:{sign}.{digits}f}"
    if found["low"] is None:
        return value
    return f"{value} ({scale * found['low']:{sign}.{digits}f} to {scale * found['high']:{sign}.{digits}f})"


def _tabulate_data(figures: Mapping[str, Any]) -> EvaluationTable:
    columns = (
        "language", "pairs", "findings per 1,000 before", "after", "difference", "pairs with more findings",
        "in its language, %", "length after / before",
    )  # fmt: skip
    notes = ["Both sides were examined anew; in brackets 95 % intervals over source rows.", *figures["notes"]]
    return EvaluationTable("Measured anew", columns, list(_list_data_rows(figures["groups"])), notes)


def _list_data_rows(groups: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    for group in groups:
        density, own = group["density"], group["own_language"]
        kept = [f"{100 * own[side]['value']:.2f}" for side in ("before", "after") if own[side]]
        yield [
            group["language"] or "all",
            f"{group['pairs']:,}",
            *(show_interval(density[side], signed=side == "difference") for side in ("before", "after", "difference")),
            f"{group['more_findings']['pairs']:,}",
            " → ".join(kept),
            show_interval(group["length_ratio"]["all"], 3),
        ]


def _tabulate_pairwise(figures: Mapping[str, Any]) -> EvaluationTable:
    columns = (
        "language", "pairs", "judged", "win", "tie", "loss", "net win, points", "flips, %", "at equal length, %",
        "warning",
    )  # fmt: skip
    rows = []
    for group in figures["groups"]:
        control = group["length_controlled"]
        rows.append(
            [
                group["language"] or "all",
                *(f"{group[name]:,}" for name in ("pairs", "judged", "win", "tie", "loss")),
                show_interval(group["net_win"], scale=100, signed=True),
                show_interval(group["flip_rate"], scale=100),
                show_interval(control and control["win_rate"], scale=100),
                group.get("warning", ""),
            ]
        )
    said = (
        "A judge who was not told which is which saw each pair in both orders; orders that disagree are a tie and a "
        "flip. In brackets 95 % intervals over source rows."
    )
    return EvaluationTable("Judged pair by pair", columns, rows, [said, *figures["notes"]])


_TABLES = {"data": _tabulate_data, "pairwise": _tabulate_pairwise}
