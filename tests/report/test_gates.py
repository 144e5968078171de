"""`--fail-on`: comparisons of figures with numbers, and sentences for what is none."""

from __future__ import annotations

from typing import Any

import pytest

from midb.domain.errors import UsageError
from midb.report.gates import fails, list_figures, parse_gate

COUNTED = {"total": 3, "minor": 0, "major": 1, "critical": 2, "kinds": {"mojibake": 3}, "languages": {"de": 3}}
REPORT: dict[str, Any] = {
    "ledger": {"read": 10, "unchanged": 8, "improved": 2, "rejected": 0},
    "pairs": 10,
    "edits": {"total": 2, "kinds": {"mojibake": 2}, "passes": {"translation": 2}, "languages": {"de": 2}},
    "open": COUNTED,
    "repaired": COUNTED,
    "density": {"before": 600.0, "after": 300.0},
    "taken_back": {"total": 1, "reasons": [{"pass": "content", "reason": "x", "times": 1}]},
    "languages": {"de": {"records": 10, "open": 3}},
}


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("open.critical>0", True),
        ("open.critical > 2", False),
        ("open.critical>=2", True),
        ("open.critical != 2", False),
        ("open.critical == 2", True),
        ("density.after<=299.5", False),
        ("density.after < 300.01", True),
        ("ledger.rejected>0", False),
        ("open.kinds.mojibake>2", True),
        ("open.kinds.leaked-markup>0", False),
        ("edits.languages.th>0", False),
        ("languages.de.open>0", True),
        ("pairs<11", True),
    ],
)
def test_a_comparison_holds_or_not(text: str, failed: bool) -> None:
    assert fails(parse_gate(text), REPORT) is failed


@pytest.mark.parametrize(
    "text",
    ["", "open.critical", "open.critical>", ">0", "open.critical=0", "open.critical>x", "open>0>1",
     "__import__('os')>0",
     "open.critical>0 or 1", "open.critical>1e9999", "open.critical>" + "9" * 400],
)  # fmt: skip
def test_what_is_no_comparison_is_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="no comparison"):
        parse_gate(text)


@pytest.mark.parametrize(
    "name", ["open.critcal", "open", "open.kinds.mojibak", "run.id", "open.languages.xx", "nothing"]
)
def test_an_unknown_figure_is_not_nought(name: str) -> None:
    with pytest.raises(UsageError, match="no figure"):
        fails(parse_gate(f"{name}>0"), REPORT)


def test_the_nearest_figure_is_named() -> None:
    with pytest.raises(UsageError) as raised:
        fails(parse_gate("open.critcal>0"), REPORT)
    assert "open.critical?" in raised.value.hint


def test_figures_have_names_with_points() -> None:
    figures = list_figures(REPORT)
    assert figures["open.kinds.mojibake"] == 3
    assert not any(name.startswith("taken_back.reasons") for name in figures)
