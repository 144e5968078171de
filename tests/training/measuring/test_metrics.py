"""Figures from observations that are made up: each is the share, mean or ratio that it says it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from learned import make

from midb.domain.decisions import Pass
from midb.training.examples.example import ExampleKind
from midb.training.measuring.judging import Closeness, Observation, Reference
from midb.training.measuring.metrics import METRICS, MeasuredCase, count_defects, count_reasons, measure_groups

REVISION, UNCHANGED, DEFECT = ExampleKind.REVISION, ExampleKind.UNCHANGED, ExampleKind.DEFECT

GOOD = Observation(stopped=True, language_kept=True, changed=True, accepted=True, exact=True, tokens=12, steps=3)
ALONE = replace(GOOD, changed=False, accepted=None, exact=False)
BAD = Observation(unusable="chatter", tokens=30, steps=30)


def case(
    kind: ExampleKind, row: int, language: str = "de", pass_: Pass = Pass.CONTENT, **sides: Observation
) -> MeasuredCase:
    return MeasuredCase(example=replace(make(kind, row, pass_), language=language), observed=sides)


def value(cases: list[MeasuredCase], metric: str, of: str = "after") -> float | None:
    found = measure_groups(cases, resamples=100)[0].figures.get(metric, {}).get(of)
    return found.value if found else None


def test_shares_are_of_the_replies_that_the_question_is_about() -> None:
    cases = [
        case(UNCHANGED, 1, after=ALONE), case(UNCHANGED, 2, after=GOOD), case(UNCHANGED, 3, after=BAD),
        case(UNCHANGED, 4, after=ALONE),
        case(DEFECT, 1, after=GOOD), case(DEFECT, 2, after=ALONE), case(DEFECT, 3, after=BAD),
        case(REVISION, 1, after=replace(GOOD, exact=False, accepted=False, refused="new-name")),
    ]  # fmt: skip
    assert value(cases, "well_formed") == 75.0
    assert value(cases, "stops") == 75.0
    assert value(cases, "language_kept") == 100.0, "where nothing can be told, nothing is counted"
    assert value(cases, "left_alone") == 50.0
    assert value(cases, "false_edits") == 25.0
    assert value(cases, "repaired") == pytest.approx(100 / 3)
    assert value(cases, "accepted") == pytest.approx(200 / 3)
    assert value(cases, "copies") == pytest.approx(25.0)
    assert value(cases, "tokens_per_step") == pytest.approx((6 * 12 + 2 * 30) / (6 * 3 + 2 * 30))
    assert value(cases, "chrf") is None
    assert value(cases, "loss") is None


def revised(row: int, before: float, after: float, nothing: float) -> MeasuredCase:
    def seen(chrf: float, length: int) -> Observation:
        close = Closeness(chrf=chrf, distance=1 - chrf / 100)
        return replace(GOOD, reply=close, run=close, lengths=(length, 100))

    still = Closeness(chrf=nothing, distance=1 - nothing / 100)
    return replace(
        case(REVISION, row, before=seen(before, 90), after=seen(after, 150)),
        reference=Reference(nothing=still, rules=still, lengths=(180, 100)),
        losses={"before": (40.0, 20), "after": (15.0, 20)},
    )


def test_revisions_are_held_against_the_model_and_against_doing_nothing() -> None:
    cases = [revised(row, 30 + row, 40 + row, 38) for row in range(10)]
    overall = measure_groups(cases, resamples=200, seed=3)[0]
    chrf = overall.figures["chrf"]
    assert {name: round(one.value, 6) for name, one in chrf.items()} == {
        "before": 34.5, "after": 44.5, "nothing": 38.0, "rules": 38.0, "difference": 10.0, "gain": 6.5,
    }  # fmt: skip
    assert (chrf["difference"].low, chrf["difference"].high) == pytest.approx((10.0, 10.0))
    low, high = chrf["gain"].low, chrf["gain"].high
    assert low is not None
    assert high is not None
    assert 4 < low < 6.5 < high < 9
    assert overall.figures["distance"]["after"].value == pytest.approx(55.5)
    lengths = overall.figures["length_ratio"]
    assert (lengths["before"].value, lengths["after"].value, lengths["revision"].value) == (0.9, 1.5, 1.8)
    assert overall.figures["loss"]["before"].value == 2.0
    assert overall.figures["loss"]["difference"].value == pytest.approx(-1.25)
    alone = measure_groups([replace(one, observed={"before": one.observed["before"]}) for one in cases], resamples=100)
    assert "after" not in alone[0].figures["chrf"]
    assert alone[0].figures["chrf"]["gain"].value == pytest.approx(-3.5), "without an adapter the model itself is held"


def test_a_share_of_nought_or_all_has_an_interval_too() -> None:
    """Every draw of the bootstrap gives the same again; that is no certainty."""
    cases = [case(UNCHANGED, row, before=ALONE, after=ALONE) for row in range(8)]
    figures = measure_groups(cases, resamples=100)[0].figures
    alone, false = figures["left_alone"]["after"], figures["false_edits"]["after"]
    assert alone.low is not None
    assert false.high is not None
    assert (alone.value, round(alone.low), alone.high) == (100.0, 68, 100.0)
    assert (false.value, false.low, round(false.high)) == (0.0, 0.0, 32)
    assert figures["left_alone"]["difference"].low is None


def test_groups_are_by_language_and_pass() -> None:
    cases = [
        case(kind, row, language, pass_, before=ALONE, after=ALONE)
        for row in range(2)
        for language in ("de", "tr")
        for pass_ in (Pass.CONTENT, Pass.LOCALIZATION)
        for kind in (UNCHANGED, DEFECT)
    ]
    groups = measure_groups(cases, resamples=100)
    assert [(group.language, group.pass_, group.examples, group.rows) for group in groups] == [
        (None, None, 16, 2), (None, "content", 8, 2), (None, "localization", 8, 2), ("de", None, 8, 2),
        ("tr", None, 8, 2), ("de", "content", 4, 2), ("de", "localization", 4, 2), ("tr", "content", 4, 2),
        ("tr", "localization", 4, 2),
    ]  # fmt: skip
    assert groups[0].kinds == {"unchanged": 8, "defect": 8}
    (only,) = measure_groups([one for one in cases if one.example.language == "de"][:2], resamples=100)
    assert (only.language, only.pass_) == (None, None)


def test_defects_are_counted_by_kind_and_reasons_by_side() -> None:
    cases = [case(DEFECT, 1, before=BAD, after=GOOD), case(DEFECT, 2, before=BAD, after=replace(GOOD, exact=False))]
    assert count_defects(cases) == [{"kind": "mojibake", "pass": "content", "examples": 2, "before": 0, "after": 1}]
    refused = case(REVISION, 3, after=replace(GOOD, refused="new-name"))
    assert count_reasons([*cases, refused]) == {
        "before": {"unusable": {"chatter": 2}, "refused": {}},
        "after": {"unusable": {}, "refused": {"new-name": 1}},
    }


def test_each_figure_has_a_name_of_its_own() -> None:
    assert len({metric.name for metric in METRICS}) == len({metric.label for metric in METRICS}) == len(METRICS)
    assert {metric.better for metric in METRICS} == {-1, 0, 1}
