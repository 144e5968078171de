"""`--fail-on`: a figure of the report held against a bound, such as ``open.critical>0``."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import regex

from midb.domain.errors import UsageError

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip

_GATE = regex.compile(r"\s*([\p{L}\p{N}_.-]+?)\s*(>=|<=|==|!=|>|<)\s*(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*")

#: Parts of a report that hold figures to compare.
_COMPARED = ("ledger", "pairs", "edits", "open", "repaired", "density", "taken_back", "languages")

#: Figures of findings, which only a run that examined the corpus has.
_OF_FINDINGS = regex.compile(r"(?:open|repaired|density)\..*|languages\..*\.(?:open|density_before|density_after)")

#: Figures by kind and by language: one that is not listed there is nought.
_SPARSE = tuple(f"{part}.{by}." for part in ("edits", "open", "repaired") for by in ("kinds", "languages"))


@dataclass(frozen=True, slots=True)
class Gate:
    """A comparison that must not hold; ``text`` as it was typed."""

    text: str
    figure: str
    compare: Callable[[float, float], bool]
    bound: float


def parse_gate(text: str) -> Gate:
    """A comparison ``FIGURE OPERATOR NUMBER``; UsageError where it is none.

    >>> parse_gate("open.critical > 0").figure
    'open.critical'
    """
    match = _GATE.fullmatch(text)
    if match is None:
        raise UsageError(
            f'"{text}" is no comparison of a figure with a number.',
            hint="For example: --fail-on 'open.critical>0'. It takes one of > >= < <= == != and a number.",
        )
    return Gate(text.strip(), match[1], _OPERATORS[match[2]], float(match[3]))


def list_figures(report: Mapping[str, Any]) -> dict[str, float]:
    """Every figure that can be compared, by its name with points: ``open.kinds.mojibake``."""
    found: dict[str, float] = {}

    def walk(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f"{name}.{key}", inner)
        elif isinstance(value, int | float):
            found[name] = value

    for part in _COMPARED:
        walk(part, report[part])
    return found


def measure(gate: Gate, report: Mapping[str, Any]) -> float:
    """The figure that a gate speaks of; UsageError, with the nearest, where there is none of that name."""
    from midb.detectors import kinds
    from midb.locales import LANGUAGES

    if _OF_FINDINGS.fullmatch(gate.figure) and not report.get("findings_counted", True):
        run, first = report["run"], report["examined_by_run"]
        raise UsageError(
            f"run {run['id']} ({run['kind']}) looked for no findings: {gate.figure} is not counted.",
            hint=f"Those of run {first} are, from which it comes: --run {first}.",
        )
    figures = list_figures(report)
    word = gate.figure.rpartition(".")[2]
    if gate.figure.startswith(_SPARSE) and word in (kinds() if ".kinds." in gate.figure else LANGUAGES):
        return figures.get(gate.figure, 0)
    if gate.figure not in figures:
        near = difflib.get_close_matches(gate.figure, figures, n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        listed = "ledger.rejected, open.critical, open.kinds.KIND, open.languages.xx, density.after"
        raise UsageError(f'the report has no figure "{gate.figure}".', hint=f"{meant}Some are: {listed}.")
    return figures[gate.figure]


def fails(gate: Gate, report: Mapping[str, Any]) -> bool:
    """Whether the comparison holds, and so the command fails."""
    return gate.compare(measure(gate, report), gate.bound)
