"""Evaluations in a report: as they were logged, also where somebody changed them."""

from __future__ import annotations

from typing import Any

from proofs import make_figures

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


VERDICTS = {
    "judged": 8, "win": 5, "tie": 2, "loss": 1, "warning": "a poor judge", "flip_rate": None, "length_controlled": None,
    "net_win": {"value": 0.5, "low": 0.1, "high": 0.9, "rows": 8},
}  # fmt: skip


def test_two_models_have_a_row_for_each_turn_and_language_and_no_address() -> None:
    turns = [{"turn": turn, "groups": [VERDICTS | {"language": "de"}]} for turn in (1, 2)]
    figures = {
        "form": 1, "notes": ["Mind this."], "turns": turns, "questions": 9, "baseline": "models/base",
        "candidate": "tuned at http://10.0.0.7:8000/v1",
    }  # fmt: skip
    (table,) = make_tables([{"evaluates": "model", "figures": figures}])
    assert table.rows[1] == ["2", "de", "8", "5", "2", "1", "+50.0 (+10.0 to +90.0)", "", "", "a poor judge"]
    assert len(table.rows[0]) == len(table.columns)
    assert table.notes[0] == "Answers of tuned, which is hoped to be better, and of models/base to 9 questions."


def test_a_proof_says_its_sentence_first() -> None:
    (table,) = make_tables([{"evaluates": "proof", "figures": make_figures(parameters=1000)}])
    assert [row[0] for row in table.rows] == ["boosted against raw", "control against raw", "boosted against control"]
    assert table.rows[0][1] == "loss on held-out clean texts"
    assert table.rows[0][3].endswith("nats a token")
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert table.notes[0] == "It proves the plumbing, not the claim."
    assert table.notes[2].startswith("Why nothing more is said: the base has 1,000 parameters")


def test_a_judge_has_a_row_for_each_language_with_its_warning() -> None:
    group = {
        "language": "ja", "cases": 30, "accuracy": {"value": 0.25, "low": 0.1, "high": 0.4, "rows": 30},
        "flip_rate": None, "judge": {"first": 0.71}, "longer": 0.5, "english": None, "obeyed": 0.0,
        "warning": "right about 25 %",
    }  # fmt: skip
    (table,) = make_tables([{"evaluates": "judge", "figures": {"form": 1, "notes": [], "groups": [group]}}])
    assert table.rows == [["ja", "30", "25.0 (10.0 to 40.0)", "", "71", "50", "", "0", "right about 25 %"]]
    assert len(table.rows[0]) == len(table.columns)


def test_each_country_has_a_row_for_each_model_and_their_difference() -> None:
    scores = {name: {"value": 0.25, "low": 0.1, "high": 0.4, "rows": 30} for name in ("exact", "soft", "weighted")}
    group = {
        "country": "Iran", "language": "fa", "scored": 30, "baseline": scores, "candidate": scores,
        "difference": scores,
    }  # fmt: skip
    figures = {"form": 1, "notes": [], "groups": [group], "baseline": "a at https://h/v1", "candidate": "b"}
    (table,) = make_tables([{"evaluates": "blend", "figures": figures}])
    assert [row[3] for row in table.rows] == ["baseline", "candidate", "difference"]
    assert table.rows[2][4:] == ["+25.0 (+10.0 to +40.0)"] * 3
    assert "(baseline: a, candidate: b)" in table.notes[0]
    (alone,) = make_tables([{"evaluates": "blend", "figures": {n: v for n, v in figures.items() if n != "baseline"}}])
    assert [row[3] for row in alone.rows] == ["candidate"]


def test_verdicts_have_a_row_for_each_language_too() -> None:
    group = {
        "language": None, "pairs": 9, "judged": 8, "win": 5, "tie": 2, "loss": 1, "warning": "a poor judge",
        "net_win": {"value": 0.5, "low": 0.1, "high": 0.9, "rows": 8}, "flip_rate": None, "length_controlled": None,
    }  # fmt: skip
    figures = {"form": 1, "notes": ["Mind this."], "groups": [group]}
    (table,) = make_tables([{"evaluates": "pairwise", "figures": figures}])
    assert table.rows == [["all", "9", "8", "5", "2", "1", "+50.0 (+10.0 to +90.0)", "", "", "a poor judge"]]
