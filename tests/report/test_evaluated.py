"""Evaluations in a report: as they were logged, also where somebody changed them."""

from __future__ import annotations

from typing import Any

from midb.report.evaluated import make_tables, show_interval

FIGURE = {"value": 160.0, "low": 112.3, "high": 212.0, "rows": 30}
COMPARED = {"before": FIGURE, "after": FIGURE, "difference": FIGURE | {"low": None, "high": None}}
GROUP = {
    "language": "de", "pairs": 1234, "density": COMPARED, "more_findings": {"pairs": 2},
    "own_language": {"before": FIGURE | {"value": 0.5}, "after": FIGURE | {"value": 1.0}},
    "length_ratio": {"all": FIGURE | {"value": 1.0}},
}  # fmt: skip


def row(**figures: Any) -> dict[str, Any]:
    return {"evaluates": "data", "figures": {"form": 1, "notes": ["Mind this."], "groups": [GROUP]} | figures}


def test_a_row_for_each_language() -> None:
    (table,) = make_tables([row()])
    assert table.rows == [
        ["de", "1,234", "160.0 (112.3 to 212.0)", "160.0 (112.3 to 212.0)", "+160.0", "2", "50.00 → 100.00",
         "1.000 (112.300 to 212.000)"]
    ]  # fmt: skip
    assert table.notes[-1] == "Mind this."


def test_what_is_not_as_it_should_be_has_no_table() -> None:
    broken: list[dict[str, Any]] = [row(form=2), row(groups=3), row(groups=[{}]), row() | {"evaluates": "taste"}]
    assert make_tables(broken) == []
    assert show_interval(None) == ""


def test_verdicts_have_a_row_for_each_language_too() -> None:
    group = {
        "language": None, "pairs": 9, "judged": 8, "win": 5, "tie": 2, "loss": 1, "warning": "a poor judge",
        "net_win": {"value": 0.5, "low": 0.1, "high": 0.9, "rows": 8}, "flip_rate": None, "length_controlled": None,
    }  # fmt: skip
    figures = {"form": 1, "notes": ["Mind this."], "groups": [group]}
    (table,) = make_tables([{"evaluates": "pairwise", "figures": figures}])
    assert table.rows == [["all", "9", "8", "5", "2", "1", "+50.0 (+10.0 to +90.0)", "", "", "a poor judge"]]
