"""What evaluations found about a run, as tables of a report. They were measured before and logged; nothing is here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
    """The last evaluation of each sort that is about a run, or about models, as the JSON report has it."""
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
                made.append(_name_judge(write(row["figures"]), row.get("engine", "")))
            except (KeyError, TypeError, ValueError, AttributeError):
                continue  # changed by hand, which `audit verify` names
    return made


def _name_judge(table: EvaluationTable, engine: str) -> EvaluationTable:
    """The table with who judged, by its fingerprint, below it; nothing where nobody did."""
    return replace(table, notes=[*table.notes, f"Judged by: {hide_address(engine)}."]) if engine else table


def show_interval(
    found: Mapping[str, Any] | None,
    digits: int = 1,
    *,
    scale: float = 1.0,
    signed: bool = False,
    bounds: str = "({} to {})",
) -> str:
    """A figure with its bounds, in this form.

    >>> show_interval({"value": -3.25, "low": -4, "high": -2.5, "rows": 9}, signed=True)
    '-3.2 (-4.0 to -2.5)'
    """
    if found is None:
        return ""
    sign = "+" if signed else ""
    value = f"{scale * found['value']:{sign}.{digits}f}"
    if found["low"] is None:
        return value
    low, high = (f"{scale * found[bound]:{sign}.{digits}f}" for bound in ("low", "high"))
    return f"{value} {bounds.format(low, high)}"


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
    columns = ("language", "pairs", *_VERDICTS)
    rows = [[_name(group), f"{group['pairs']:,}", *_list_verdicts(group)] for group in figures["groups"]]
    return EvaluationTable("Judged pair by pair", columns, rows, [_BLIND, *figures["notes"]])


_VERDICTS = ("judged", "win", "tie", "loss", "net win, points", "flips, %", "at equal length, %", "warning")
_BLIND = (
    "A judge who was not told which is which saw each pair in both orders; orders that disagree are a tie and a "
    "flip. In brackets 95 % intervals over source rows."
)


def _name(group: Mapping[str, Any]) -> str:
    return group["language"] or "all"


def _list_verdicts(group: Mapping[str, Any]) -> Iterator[str]:
    """What a judge made of a group, by the columns of _VERDICTS."""
    control = group["length_controlled"]
    yield from (f"{group[name]:,}" for name in ("judged", "win", "tie", "loss"))
    yield show_interval(group["net_win"], scale=100, signed=True)
    yield show_interval(group["flip_rate"], scale=100)
    yield show_interval(control and control["win_rate"], scale=100)
    yield group.get("warning", "")


def _tabulate_model(figures: Mapping[str, Any]) -> EvaluationTable:
    rows = [
        [str(turn["turn"]), _name(group), *_list_verdicts(group)]
        for turn in figures["turns"]
        for group in turn["groups"]
    ]
    said = (
        f"Answers of {hide_address(figures['candidate'])}, which is hoped to be better, and of "
        f"{hide_address(figures['baseline'])} to {figures['questions']:,} questions."
    )
    return EvaluationTable(
        "Two models compared", ("turn", "language", *_VERDICTS), rows, [said, _BLIND, *figures["notes"]]
    )


def _tabulate_judge(figures: Mapping[str, Any]) -> EvaluationTable:
    columns = (
        "language", "cases", "right, %", "flips, %", "for the first, %", "for the longer, %", "for English, %",
        "obeyed, %", "warning",
    )  # fmt: skip
    rows = []
    for group in figures["groups"]:
        leans = (group["judge"]["first"], group["longer"], group["english"], group["obeyed"])
        rows.append(
            [
                _name(group), f"{group['cases']:,}", show_interval(group["accuracy"], scale=100),
                show_interval(group["flip_rate"], scale=100),
                *("" if lean is None else f"{100 * lean:.0f}" for lean in leans), group["warning"],
            ]
        )  # fmt: skip
    said = (
        "The judge before pairs of which the better version is known, each in both orders. In brackets 95 % intervals "
        "over source rows."
    )
    return EvaluationTable("The judge, measured", columns, rows, [said, *figures["notes"]])


def _tabulate_blend(figures: Mapping[str, Any]) -> EvaluationTable:
    columns = ("country", "asked in", "questions", "model", "exact, %", "SEM-B, %", "SEM-W, %")
    rows = []
    parts = [part for part in ("baseline", "candidate") if part in figures]
    for group in figures["groups"]:
        for part in (*parts, *(["difference"] if len(parts) == 2 else [])):
            scores = (
                show_interval(group[part][name], scale=100, signed=part == "difference")
                for name in ("exact", "soft", "weighted")
            )
            rows.append([group["country"] or "all", group["language"], f"{group['scored']:,}", part, *scores])
    named = ", ".join(f"{part}: {hide_address(figures[part])}" for part in parts)
    said = f"Short answers held against what people of each country said ({named}). In brackets 95 % intervals."
    return EvaluationTable("BLEnD: everyday knowledge", columns, rows, [said, *figures["notes"]])


def _tabulate_proof(figures: Mapping[str, Any]) -> EvaluationTable:
    rows = []
    for name, effect in figures["conclusion"]["effects"].items():
        if effect is not None:
            shown = show_interval(effect, effect["digits"], signed=True)
            sides = name.replace("_", " against ")
            rows.append([sides, effect["what"], f"{effect['rows']:,}", f"{shown} {effect['unit']}"])
    base = figures["base"]
    said = [
        figures["conclusion"]["sentence"],
        f"Models tuned on these corpora, from {base['name']} ({base['parameters']:,} parameters); above nought the "
        "first one is better. In brackets 95 % intervals over source rows.",
        *(f"Why nothing more is said: {reason}." for reason in figures["conclusion"]["reasons"]),
    ]
    return EvaluationTable("Students of the corpus", ("students", "by", "rows", "difference"), rows, said)


def hide_address(described: str) -> str:
    """What a model is called, without where its server is: that is nobody's business who reads a report.

    >>> hide_address("qwen at http://10.0.0.7:8000/v1"), hide_address("models/small")
    ('qwen', 'models/small')
    """
    return re.sub(r"\s*(?:\bat |@)?\w+://\S+", "", described)


_TABLES = {
    "data": _tabulate_data, "pairwise": _tabulate_pairwise, "judge": _tabulate_judge, "model": _tabulate_model,
    "blend": _tabulate_blend, "proof": _tabulate_proof,
}  # fmt: skip
