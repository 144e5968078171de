"""What is reviewed: edits of one finding as one, those that are asked for, and samples that can be drawn again."""

from __future__ import annotations

from pathlib import Path

import pytest
from review_fixtures import candidates_of

from midb.audit.questions.filters import Filters
from midb.audit.verdict_rows import Item


def test_edits_that_repair_one_finding_are_one(reviewed: Path) -> None:
    found = candidates_of(reviewed)
    assert set(found) == {
        "one mojibake", "two decimal-separator", "quotes quotation-marks", "open imperial-unit", "hostile mojibake",
        "hostile invisible-character",
    }  # fmt: skip
    assert found["one mojibake"].others == ()
    quotes = found["quotes quotation-marks"]
    assert quotes.items() == [quotes.item, Item(quotes.item.decision, 1)]
    assert len(found["hostile mojibake"].items()) == 2, "one finding tells of both words"
    assert found["open imperial-unit"].item.decision is None


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"what": "edits"}, {"one mojibake", "two decimal-separator", "quotes quotation-marks", "hostile mojibake"}),
        ({"what": "findings"}, {"open imperial-unit", "hostile invisible-character"}),
        ({"filters": Filters(run=0, kind="mojibake")}, {"one mojibake", "hostile mojibake"}),
        ({"filters": Filters(run=0, severity="major")}, {"one mojibake", "hostile mojibake"}),
        (
            {"filters": Filters(run=0, pass_="localization"), "what": "edits"},
            {"two decimal-separator", "quotes quotation-marks"},
        ),
        ({"filters": Filters(run=0, language="tr")}, set()),
    ],
)
def test_only_what_is_asked_for(asked: dict[str, object], expected: set[str], reviewed: Path) -> None:
    assert set(candidates_of(reviewed, **asked)) == expected


def test_a_sample_takes_each_kind_in_turn_and_is_the_same_for_a_seed(reviewed: Path) -> None:
    for seed in range(5):
        drawn = candidates_of(reviewed, sample=5, seed=seed)
        assert {one.kind for one in drawn.values()} == {
            "mojibake", "decimal-separator", "quotation-marks", "imperial-unit", "invisible-character",
        }, "the second mojibake comes after all other kinds"  # fmt: skip
        assert drawn == candidates_of(reviewed, sample=5, seed=seed)
    draws = {tuple(candidates_of(reviewed, sample=2, seed=seed)) for seed in range(20)}
    assert len(draws) > 3
    assert len(candidates_of(reviewed, sample=99)) == 6
