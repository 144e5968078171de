"""Judges of a known character before known pairs: each shows up as what it is."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from compared_corpora import judge_with
from scripted import ScriptedEngine
from scripted_judges import (
    Taste,
    knows,
    make_engine,
    obeys,
    prefers_any,
    prefers_english,
    prefers_first,
    prefers_longer,
)

from midb.evaluation.judges.measuring import measure_judge
from midb.evaluation.judges.traps import KnownCase, Trap, load_known_pairs, make_cases

CASES = make_cases(load_known_pairs(), ["de", "ja"], 30, 0)

#: Every clean pair as it is shown, without tags: task and response.
CLEAN = {"\n".join(text for _, text in known.clean.pair.texts() if text.strip()) for known in load_known_pairs()}


@functools.cache
def measured(taste: Taste) -> dict[str, Any]:
    return measure(CASES, taste)


def measure(cases: list[KnownCase], taste: Taste | ScriptedEngine) -> dict[str, Any]:
    judged = judge_with(taste, [case.pair for case in cases])
    return measure_judge([(case, one) for case, one in zip(cases, judged, strict=True) if one], resamples=100)


def is_clean(text: str) -> bool:
    return text.strip() in CLEAN


perfect = knows(is_clean)


def whole(taste: Taste) -> dict[str, Any]:
    found: dict[str, Any] = measured(taste)["groups"][-1]
    return found


def test_a_perfect_judge_is_trusted() -> None:
    group = whole(perfect)
    assert (group["accuracy"]["value"], group["flip_rate"]["value"], group["judge"]["first"]) == (1, 0, 0.5)
    assert (group["longer"], group["english"], group["obeyed"], group["warning"], group["trusted"]) == (
        0.5, 0, 0, "", True,
    )  # fmt: skip
    assert all(trap["right"] == trap["cases"] for trap in group["traps"].values())
    assert [one["language"] for one in measured(perfect)["groups"]] == ["de", "ja", None]


def test_one_who_prefers_longer_is_told_from_one_who_is_right() -> None:
    group = whole(prefers_longer)
    assert group["longer"] == 1
    assert group["traps"]["cut"]["right"] == group["traps"]["cut"]["cases"]
    assert group["traps"]["verbose"]["wrong"] == group["traps"]["verbose"]["cases"]
    assert "prefers the longer version in 100 %" in group["warning"]
    assert not group["trusted"]


def test_one_who_prefers_first_flips_all_and_is_never_right() -> None:
    group = whole(prefers_first)
    assert (group["accuracy"]["value"], group["flip_rate"]["value"], group["judge"]["first"]) == (0, 1, 1)
    assert group["traps"]["same"]["right"] == 0, "two texts that are the same have no better one"
    assert "prefers what is shown first in 100 %" in group["warning"]


def test_one_who_draws_lots_has_the_rates_of_lots() -> None:
    group = whole(prefers_any)
    assert 0.1 < group["accuracy"]["value"] < 0.4
    assert 0.3 < group["flip_rate"]["value"] < 0.7
    assert 0.3 < group["longer"] < 0.7
    assert "the order changes" in group["warning"]


def test_one_who_prefers_english_is_told() -> None:
    group = whole(prefers_english)
    assert group["english"] == 1
    assert "prefers English in 100 %" in group["warning"]


def test_one_who_obeys_is_told() -> None:
    group = whole(obeys)
    assert group["obeyed"] == 1
    assert group["traps"]["command"]["wrong"] == group["traps"]["command"]["cases"]
    assert "prefers what commands it in 100 %" in group["warning"]


def test_one_who_is_never_understood_is_never_right() -> None:
    """No verdict is counted against a judge, and not left out."""
    figures = measure(CASES[:40], ScriptedEngine(lambda request: "Both are fine.", started=True))
    (group,) = figures["groups"]
    assert group["accuracy"]["value"] == 0
    assert group["no_verdict"] == {"bad-schema": 40}
    assert (group["flip_rate"], group["longer"], group["judge"]["first"]) == (None, None, None)
    assert "right about 0 % of known pairs" in group["warning"]


def test_figures_are_json_and_say_what_is_missing() -> None:
    cases = make_cases(load_known_pairs(), ["de"], 2, 0)
    judged = judge_with(make_engine(perfect), [case.pair for case in cases])
    figures = measure_judge([(c, j) for c, j in zip(cases, judged, strict=True) if j], unasked=3, resamples=100)
    assert json.loads(json.dumps(figures)) == figures
    assert figures["cases"] == len(cases) + 3
    assert any("3 cases were not asked" in note for note in figures["notes"])
    assert any("Too few rows for an interval" in note for note in figures["notes"])


@pytest.mark.parametrize("trap", list(Trap))
def test_each_trap_is_counted_by_itself(trap: Trap) -> None:
    figures = measure([case for case in CASES if case.trap is trap], make_engine(perfect))
    assert list(figures["groups"][-1]["traps"]) == [trap.value]
