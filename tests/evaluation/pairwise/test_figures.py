"""What judges of a known character come to in the figures."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from compared_corpora import RIGHT, is_right, judge_with, make_judged, make_pair
from scripted_judges import Taste, knows, prefers_any, prefers_first, prefers_longer

from midb.evaluation.intervals import LEAST_ROWS
from midb.evaluation.pairwise import figures
from midb.evaluation.pairwise.figures import describe_groups, write_notes
from midb.evaluation.pairwise.judging import JudgedTwice

#: Of 60 pairs 45 are right after, and of these a third longer; the others are right before.
PAIRS = [
    make_pair(
        number,
        f"Punkt {number} ist {'so' if number % 4 else RIGHT}." + ("" if number % 3 else " Ja, das sagen alle Leute."),
        f"Punkt {number} ist {RIGHT if number % 4 else 'so'}." + (" Ja, das sagen alle Leute." if number % 3 else ""),
    )
    for number in range(60)
]


def describe(judged: list[JudgedTwice], **more: Any) -> list[dict[str, Any]]:
    languages = Counter(one.pair.language for one in judged)
    given: dict[str, Any] = {"same": {}, "differing": languages, "seed": 1, "resamples": 200, "margin": 0.05} | more
    return describe_groups(judged, **given)


def figures_of(taste: Taste) -> dict[str, Any]:
    (group,) = describe([one for one in judge_with(taste, PAIRS) if one])
    return group


def test_a_perfect_judge_finds_the_truth() -> None:
    group = figures_of(knows(is_right))
    assert (group["win"], group["tie"], group["loss"], group["judged"]) == (45, 0, 15, 60)
    assert group["net_win"]["value"] == 0.5
    assert 0.2 < group["net_win"]["low"] < 0.5 < group["net_win"]["high"] < 0.75
    assert (group["flip_rate"]["value"], group["judge"]["first"]) == (0, 0.5)
    assert group["harm"]["not_worse"]
    assert abs(group["length_controlled"]["slope"]) < 0.8


def test_a_judge_who_prefers_longer_is_seen_by_length() -> None:
    group = figures_of(prefers_longer)
    by_length = {row["boosted_is"]: row["net_win"] for row in group["by_length"]}
    assert by_length["longer"] == 1
    assert by_length["shorter"] == -1
    assert group["length_controlled"]["slope"] > 2
    assert group["length_controlled"]["uncontrolled"] == pytest.approx(2 / 3, abs=0.05)
    assert group["length_controlled"]["win_rate"]["low"] < 0.5, "at equal length nothing is left to be sure of"


def test_a_judge_who_prefers_first_decides_nothing() -> None:
    group = figures_of(prefers_first)
    assert (group["tie"], group["flip_rate"]["value"], group["judge"]["first"]) == (60, 1, 1)
    assert group["net_win"]["value"] == 0
    assert group["net_win"]["low"] < 0 < group["net_win"]["high"], "that all are ties is no proof of none"
    (note,) = [note for note in write_notes([group], 0.05) if "answers by place" in note]
    assert "100%" in note


def test_a_judge_who_draws_lots_flips_every_second_time() -> None:
    group = figures_of(prefers_any)
    assert 0.3 < group["flip_rate"]["value"] < 0.7
    assert group["net_win"]["low"] < 0 < group["net_win"]["high"]
    assert 0.35 < group["judge"]["first"] < 0.65


def test_a_judge_who_ties_all_is_said() -> None:
    (group,) = describe([one for one in judge_with(lambda one, other: None, PAIRS) if one])
    assert any("a tie: it tells hardly anything apart" in note for note in write_notes([group], 0.05))


def test_pairs_that_are_the_same_thin_the_net_win() -> None:
    judged = [make_judged(number, 1) for number in range(30)]
    (group,) = describe(judged, same={"de": Counter({"x": 90})})
    assert (group["pairs"], group["same"], group["differing"]) == (120, 90, 30)
    assert group["net_win"]["value"] == 1
    assert group["net_win"]["low"] < 1
    assert group["net_win_of_all_pairs"]["value"] == 0.25


def test_no_figure_of_all_without_those_of_each() -> None:
    judged = [make_judged(n, 1, language="de") for n in range(30)] + [
        make_judged(n, -1, language="th") for n in range(30)
    ]
    groups = describe(judged)
    assert [group["language"] for group in groups] == ["de", "th", None]
    assert [group["net_win"]["value"] for group in groups] == [1, -1, 0]
    assert [bool(group["harm"] and group["harm"]["worse"]) for group in groups] == [False, True, False]
    notes = write_notes(groups, 0.05)
    assert notes[0] == "Worse than before: th (Holm, 2 tests, 5 %)."
    assert notes[1] == "Shown not to be worse by 5 points of net win: de (Holm, 5 %)."


def test_translations_of_a_row_are_one_observation() -> None:
    """Ten pairs of four rows say as much as four."""
    judged = [make_judged(number, 1, row=f"row {number % 4}") for number in range(40)]
    (group,) = describe(judged)
    assert (group["judged"], group["rows"]) == (40, 4)
    assert group["net_win"]["low"] is None
    assert group["harm"] is None
    (note,) = write_notes([group], 0.05)
    assert note == f"Too few judged rows for an interval and a test ({LEAST_ROWS} are needed): de 4."


def test_no_verdict_is_in_no_rate_and_is_counted() -> None:
    judged = [make_judged(n, 1) for n in range(25)] + [make_judged(n, None) for n in range(25, 30)]
    (group,) = describe(judged)
    assert (group["judged"], group["no_verdict"]) == (25, {"bad-schema": 5})
    assert any("5 pairs have no usable verdict" in note for note in write_notes([group], 0.05))


def test_what_was_not_shown_says_what_it_would_take() -> None:
    judged = [make_judged(n, 1 if n % 2 else -1) for n in range(30)]
    (group,) = describe(judged)
    assert any("Neither shown" in note and "de " in note for note in write_notes([group], 0.05))


def test_nothing_judged_has_figures_all_the_same() -> None:
    (group,) = describe([], same={"de": Counter({"a": 3})}, differing={})
    assert (group["pairs"], group["judged"], group["net_win"], group["length_controlled"]) == (3, 0, None, None)
    assert write_notes([group], 0.05) == []


def test_intervals_of_the_net_win_hold_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluations drawn anew, with three translations of each row."""
    import random

    monkeypatch.setattr(figures, "_REFITS", 2)  # of what is not looked at here

    chance, held, times = random.Random(23), 0, 120
    for seed in range(times):
        judged = []
        for row in range(40):
            outcome = chance.choices((1, 0, -1), (0.5, 0.2, 0.3))[0]
            judged += [make_judged(row, outcome, row=f"{seed} {row}") for _ in range(3)]
        (group,) = describe(judged, seed=seed)
        held += group["net_win"]["low"] <= 0.2 <= group["net_win"]["high"]
    assert 0.89 * times <= held <= 0.99 * times
