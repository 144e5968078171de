"""Sums of examined pairs, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest
from evaluated_runs import BROKEN, CLEAN, MENDED, make_sides

from midb.detectors import KindSelection
from midb.evaluation.data.examining import PairExaminer
from midb.evaluation.data.tallying import NAMED, DataTally


@pytest.fixture(scope="module")
def examiner() -> PairExaminer:
    return PairExaminer(KindSelection.parse())


def tally_of(examiner: PairExaminer, *pairs: tuple[str, str], language: str = "de") -> DataTally:
    tally = DataTally(resamples=100)
    for number, (before, after) in enumerate(pairs):
        tally.add(examiner.examine(make_sides(before, after, number=number, language=language)))
    return tally


def values(compared: dict[str, Any]) -> list[float]:
    return [compared[side]["value"] for side in ("before", "after", "difference")]


def test_densities_are_for_a_thousand_pairs(examiner: PairExaminer) -> None:
    (group,) = tally_of(examiner, (BROKEN, MENDED), (BROKEN, BROKEN), (CLEAN, CLEAN), (CLEAN, CLEAN)).groups()
    row = next(row for row in group["kinds"] if row["kind"] == "broken-numbering")
    assert values(row) == [500, 250, -250]
    assert (row["family"], group["pairs"], group["changed"], group["rows"]) == ("content", 4, 1, 4)
    assert group["density"]["before"]["low"] is None, "four rows say nothing of others"


def test_pairs_that_became_worse_are_counted_and_named(examiner: PairExaminer) -> None:
    tally = tally_of(examiner, *[(MENDED, BROKEN)] * (NAMED + 2), (CLEAN, CLEAN))
    (group,) = tally.groups()
    assert group["more_findings"]["pairs"] == NAMED + 2
    assert group["more_findings"]["kinds"] == {"broken-numbering": NAMED + 2}
    assert [place["record"] for place in tally.worse] == [f"de-{number}" for number in range(NAMED)]


def test_a_lost_language_is_counted_and_named(examiner: PairExaminer) -> None:
    english = "The sky is blue because the air scatters the blue light of the sun."
    tally = tally_of(examiner, (CLEAN, english), (CLEAN, CLEAN), ("Ja.", "Ja."))
    (group,) = tally.groups()
    assert values(group["own_language"]) == [1, 0.5, -0.5]
    assert (group["own_language"]["pairs"], group["own_language"]["lost"], tally.lost) == (2, 1, ["de-0"])


def test_lengths_and_duplicates(examiner: PairExaminer) -> None:
    tally = tally_of(examiner, (CLEAN, CLEAN + CLEAN), ("", CLEAN))
    tally.add(examiner.examine(make_sides("", CLEAN, number=1)))
    (group,) = tally.groups()
    assert group["empty_responses"] == {"before": 2, "after": 0}
    assert group["duplicates"] == {"pairs": {"before": 1, "after": 1}, "tasks": {"before": 1, "after": 1}}
    assert group["texts"]["characters"] == {
        "before": pytest.approx(len(CLEAN) / 3, abs=0.01), "after": pytest.approx(len(CLEAN) * 4 / 3, abs=0.01),
    }  # fmt: skip
    assert group["length_ratio"]["all"]["value"] > 2


def test_languages_are_counted_apart_and_together(examiner: PairExaminer) -> None:
    tally = tally_of(examiner, (BROKEN, MENDED), (CLEAN, CLEAN))
    tally.add(examiner.examine(make_sides("Le ciel est bleu.", number=0, language="fr")), (50.0, 60.0))
    tally.add(examiner.examine(make_sides("De lucht is blauw.", number=7, language="nl")))
    all_, german, french, dutch = tally.groups()
    assert [group["language"] for group in (all_, german, french, dutch)] == [None, "de", "fr", "nl"]
    assert (all_["pairs"], all_["rows"], all_["changed"]) == (4, 3, 1), "a row is one in all its languages"
    assert all_["not_examined"] == dutch["not_examined"] == {"other-language": 1}
    assert dutch["density"]["before"] is None
    assert values(all_["agreement"]) == values(french["agreement"]) == [50, 60, 10]
    assert german["agreement"] is None
    assert all_["density"]["before"]["value"] == pytest.approx(
        1000 * sum(row["before"]["value"] for row in all_["kinds"]) / 1000, abs=0.01
    )


def test_the_same_text_in_two_languages_is_no_duplicate(examiner: PairExaminer) -> None:
    tally = DataTally(resamples=100)
    for language in ("de", "fr"):
        tally.add(examiner.examine(make_sides(CLEAN, number=1, language=language)))
    assert tally.groups()[0]["duplicates"]["pairs"] == {"before": 0, "after": 0}
