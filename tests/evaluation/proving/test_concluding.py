"""The sentence follows from the figures: each doubt takes it back, and where there is none it says what was seen."""

from __future__ import annotations

from typing import Any

import pytest
from proofs import make_figures

from midb.evaluation.proving.concluding import AGAINST, FOR, LEAST_PARAMETERS, PLUMBING, conclude, read_effect
from midb.evaluation.proving.lessons import SAME


def turn(value: float, low: float | None, high: float | None) -> dict[str, Any]:
    net = {"value": value, "low": low, "high": high, "rows": 40}
    return {"turns": [{"turn": 1, "groups": [{"language": None, "net_win": net}]}], "by_seed": [value] * 3}


def judged(boosted: float, control: float) -> dict[tuple[str, str], dict[str, Any]]:
    def around(value: float) -> dict[str, Any]:
        return turn(value, value - 0.1, value + 0.1)

    return {
        ("boosted", "raw"): around(boosted), ("control", "raw"): around(control),
        ("boosted", "control"): around(boosted - control),
    }  # fmt: skip


GOOD_JUDGE = {"described": "j", "engine": "j 1", "warnings": []}


def conclude_on(figures: dict[str, Any]) -> dict[str, Any]:
    return conclude({name: value for name, value in figures.items() if name != "conclusion"})


def test_a_difference_that_is_there_is_said() -> None:
    found = make_figures()["conclusion"]
    said = FOR.format(what="loss on held-out clean texts")
    assert (found["sentence"], found["says"], found["reasons"]) == (said, "for", [])
    worse = make_figures({"raw": 3.0, "boosted": 3.2, "control": 3.1})["conclusion"]
    assert (worse["sentence"], worse["says"]) == (AGAINST.format(what="loss on held-out clean texts"), "against")
    assert worse["seen"][0].startswith("Boosted is worse than raw")


@pytest.mark.parametrize(
    ("losses", "settings", "doubt"),
    [
        (None, {"parameters": LEAST_PARAMETERS - 1}, "the base has 999,999,999 parameters"),
        (None, {"seeds": 1}, "each side had one training"),
        (None, {"seeds": 2}, "each side had 2 trainings"),
        ({"raw": 3.0, "boosted": 3.0, "control": 3.1}, {}, "holds nought"),
        ({"raw": 3.0, "boosted": 2.9}, {}, "there was no control"),
        ({"raw": 3.0, "boosted": 2.9, "control": 2.8}, {}, "random edits do it as well"),
        ({"raw": 3.0, "boosted": 2.9, "control": 2.9}, {}, "boosted is not shown to be better than random edits"),
    ],
)
def test_each_doubt_alone_takes_the_claim_back(
    losses: dict[str, float] | None, settings: dict[str, Any], doubt: str
) -> None:
    found = make_figures(losses, **settings)["conclusion"]
    assert (found["sentence"], found["says"]) == (PLUMBING, "nothing")
    assert any(doubt in reason for reason in found["reasons"]), found["reasons"]


def test_a_small_base_takes_back_what_speaks_against_it_as_well() -> None:
    """And what was seen is said all the same."""
    found = make_figures({"raw": 3.0, "boosted": 3.2, "control": 3.1}, parameters=135_000_000)["conclusion"]
    assert found["sentence"] == PLUMBING
    assert found["seen"][0].startswith("Boosted is worse than raw")


def test_seeds_that_disagree() -> None:
    figures = make_figures()
    loss = next(one for one in figures["comparisons"] if one["candidate"] == "boosted")["loss"][SAME]
    loss["by_seed"] = [-0.1, 0.1, -0.1]
    assert "seeds disagree about which side is the better one" in conclude_on(figures)["reasons"]


def test_a_language_that_pays_for_the_others_takes_it_back() -> None:
    figures = make_figures()
    loss = next(one for one in figures["comparisons"] if one["candidate"] == "boosted")["loss"][SAME]
    worse = {"language": "tr", "difference": {"value": 0.2, "low": 0.1, "high": 0.3, "rows": 30}}
    unsure = {"language": "de", "difference": {"value": 0.2, "low": -0.1, "high": 0.3, "rows": 30}}
    loss["groups"] = [unsure, worse, *loss["groups"]]
    assert conclude_on(figures)["reasons"] == ["boosted is worse than raw in: tr"]
    told = judged(0.4, 0.0)
    groups = told["boosted", "raw"]["turns"][0]["groups"]
    groups.insert(0, {"language": "cs", "harm": {"worse": True}})
    groups.insert(0, {"language": "de", "harm": None})
    found = make_figures(judged=told, judge=GOOD_JUDGE)["conclusion"]
    assert found["reasons"] == ["boosted is worse than raw in: cs"]


def test_where_there_is_a_judge_its_verdicts_count() -> None:
    """The losses say that boosted is better; the judge says otherwise."""
    found = make_figures(judged=judged(-0.4, 0.0), judge=GOOD_JUDGE)["conclusion"]
    assert found["says"] == "against"
    assert "net win of answers that differ: -40.0 [-50.0 to -30.0] points, n = 40 rows" in found["seen"][0]
    assert make_figures(judged=judged(0.4, 0.0), judge=GOOD_JUDGE)["conclusion"]["says"] == "for"
    two = judged(0.4, 0.0)
    two["boosted", "raw"]["turns"].append({"turn": 2, "groups": []})
    assert "in the first turn" in make_figures(judged=two, judge=GOOD_JUDGE)["conclusion"]["sentence"]
    bad = make_figures(judged=judged(0.4, 0.0), judge={**GOOD_JUDGE, "warnings": ["it was not measured"]})
    assert bad["conclusion"]["sentence"] == PLUMBING
    assert "the judge: it was not measured" in bad["conclusion"]["reasons"]


def test_a_judge_who_says_nothing_is_no_figure() -> None:
    found = make_figures(judged={("boosted", "raw"): {"turns": []}}, judge=GOOD_JUDGE)["conclusion"]
    assert found["sentence"] == PLUMBING
    assert "there is no figure by which the students can be compared" in found["reasons"]
    few = make_figures(judged={("boosted", "raw"): turn(1.0, None, None)}, judge=GOOD_JUDGE)["conclusion"]
    assert any("no interval is given of the net win" in reason for reason in few["reasons"])


def test_more_is_better_whatever_the_figure() -> None:
    loss = {"groups": [{"difference": {"value": -0.2, "low": -0.3, "high": -0.1, "rows": 30}}], "by_seed": [-0.2]}
    effect = read_effect({"loss": {SAME: loss}, "judged": None})
    assert effect is not None
    assert (effect["value"], effect["low"], effect["high"], effect["better"]) == (0.2, 0.1, 0.3, 1)
    assert effect["by_seed"] == [0.2]
    assert read_effect(None) is None
