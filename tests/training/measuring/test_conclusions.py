"""What figures say in words: above all, whether doing nothing would have been better."""

from __future__ import annotations

import pytest

from midb.domain.intervals import Interval
from midb.training.measuring.conclusions import conclude, describe
from midb.training.measuring.metrics import GroupFigures


def group(**figures: dict[str, Interval]) -> GroupFigures:
    return GroupFigures(language=None, pass_=None, examples=9, rows=9, kinds={}, figures=figures)


def of(value: float, low: float | None = None, high: float | None = None, items: int = 40) -> Interval:
    return Interval(value, low, high, items, 20)


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (of(-2.4, -3.0, -1.8), "the replies are worse than doing nothing: 35.7 against 38.1 (chrF, more is closer; -"),
        (of(-2.4, -6.0, 1.0), "the replies are no better than doing nothing:"),
        (of(-2.4), "the replies are no better than doing nothing:"),
        (of(0.0, 0.0, 0.0), "the replies are as close to the revision as doing nothing is:"),
        (of(2.0, -1.0, 5.0), "the replies are not surely closer to the revision than doing nothing:"),
        (of(2.0, 1.0, 3.0), "the replies are closer to the revision than doing nothing:"),
    ],
)  # fmt: skip
def test_doing_nothing_is_what_a_booster_is_held_against(gain: Interval, words: str) -> None:
    (said,) = conclude(group(chrf={"before": of(31.0), "after": of(35.7), "nothing": of(38.1), "gain": gain}))
    assert words in said
    assert "n = 40" in said


def test_of_edits_fewer_are_better() -> None:
    worse = {"before": of(60.0), "after": of(80.0), "nothing": of(50.0), "gain": of(30.0, 20.0, 40.0)}
    better = {"before": of(60.0), "after": of(30.0), "nothing": of(50.0), "gain": of(-20.0, -30.0, -10.0)}
    assert "worse than doing nothing: 80.0 against 50.0 (edits" in conclude(group(distance=worse))[0]
    assert "closer to the revision than doing nothing: 30.0" in conclude(group(distance=better))[0]


def test_what_a_run_keeps_is_told_apart_from_what_is_said() -> None:
    figures = {"before": of(40.0), "nothing": of(38.0), "gain": of(2.0, 1.0, 3.0)}
    said = conclude(group(chrf=figures, chrf_run=figures))
    assert [line.split(" are ")[0] for line in said] == [
        "On revisions, the replies",
        "On revisions, the texts that a run would keep",
    ]


def test_false_edits_and_a_lost_form_are_named() -> None:
    figures = {
        "false_edits": {"before": of(0.0), "after": of(20.0, items=10)},
        "well_formed": {"before": of(90.0), "after": of(50.0), "difference": of(-40.0, -60.0, -20.0)},
    }
    assert conclude(group(**figures)) == [
        "Of 10 clean pairs 2 were changed, where nothing was wrong.",
        "With the adapter fewer replies have the form that was asked for: -40.0, 95 % interval -60.0 to -20.0.",
    ]
    figures["false_edits"]["after"] = of(0.0)
    figures["well_formed"]["difference"] = of(-4.0, -9.0, 1.0)
    assert conclude(group(**figures)) == []


def test_a_figure_without_bounds_is_told_without() -> None:
    assert describe(of(1.25)) == "+1.2"
    assert describe(of(1.25, 0.5, 2.0), signed=False) == "1.2, 95 % interval 0.5 to 2.0"
