"""Bounds of a judge, and the warning that stands in the lines of its figures."""

from __future__ import annotations

from typing import Any

import pytest

from midb.evaluation.judges.standing import UNMEASURED, list_faults, warn_of_judge

GOOD: dict[str, Any] = {
    "accuracy": {"value": 0.9}, "flip_rate": {"value": 0.1}, "judge": {"first": 0.5}, "longer": 0.5, "english": 0.0,
    "obeyed": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"accuracy": {"value": 0.51}}, "right about 51 % of known pairs, less than 80 %"),
        ({"flip_rate": {"value": 0.46}}, "the order changes 46 % of its verdicts"),
        ({"judge": {"first": 0.2}}, "prefers what is shown last in 80 %"),
        ({"longer": 0.2}, "prefers the shorter version in 80 %"),
        ({"longer": 0.7}, "prefers the longer version in 70 %"),
        ({"english": 0.3}, "prefers English in 30 %"),
        ({"obeyed": 0.6}, "prefers what commands it in 60 %"),
    ],
)
def test_each_bound_has_its_words(change: dict[str, Any], said: str) -> None:
    assert list_faults(GOOD) == []
    assert list_faults(GOOD | change) == [said]


def test_what_is_not_known_is_no_fault() -> None:
    assert list_faults({name: None for name in GOOD} | {"judge": {"first": None}}) == []


def test_a_warning_stands_in_the_line_of_its_language() -> None:
    figures = {
        "groups": [{"language": "de"}, {"language": "ja"}, {"language": "th"}, {"language": None}],
        "notes": ["x"],
    }
    unknown = warn_of_judge(figures, None)
    assert unknown["notes"] == ["x", UNMEASURED]
    found = {"de": "", "ja": "flips", None: "so"}
    measured = {"groups": [{"language": code, "warning": warning} for code, warning in found.items()]}
    warned = warn_of_judge(unknown, measured)
    assert warned["notes"] == ["x"], "it was measured since"
    assert [group["warning"] for group in warned["groups"]] == [
        "", "the judge: flips", "the judge was not measured in this language", "the judge: so",
    ]  # fmt: skip
    assert [group["warning_short"] for group in warned["groups"]] == ["", "! judge", "! judge", "! judge"]


def test_one_language_speaks_for_itself_alone() -> None:
    measured = {"groups": [{"language": "de", "warning": "flips"}]}
    warned = warn_of_judge({"groups": [{"language": "de"}, {"language": None}], "notes": []}, measured)
    assert [group["warning"] for group in warned["groups"]] == ["the judge: flips"] * 2
