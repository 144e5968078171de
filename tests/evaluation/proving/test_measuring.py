"""Figures without a judge, held against sums that can be made by hand."""

from __future__ import annotations

import pytest
from proofs import answer_all, measure, teach

from midb.evaluation.models.answering import AnswerTurns
from midb.evaluation.models.questions import Question
from midb.evaluation.proving.lessons import list_references
from midb.evaluation.proving.measuring import (
    MeasuredStudent,
    PairedSums,
    compare_answers,
    compare_losses,
    describe_answers,
    describe_difference,
    describe_losses,
    look_at_answers,
)

LONG = "Die Stadt liegt am Ufer des Rheins, und viele Menschen gehen dort am Abend gern spazieren."


def test_losses_of_all_seeds_are_paired_text_by_text() -> None:
    lessons = teach()
    pairs = list_references(lessons)["same"]
    both = [(measure(lessons, "boosted", 2.0 + seed), measure(lessons, "raw", 2.5 + seed)) for seed in (0, 1)]
    found = compare_losses(pairs, "same", both, seed=0, resamples=100)
    (group,) = found["groups"]
    assert group["difference"]["value"] == pytest.approx(-0.5, abs=0.01)
    assert group["difference"]["low"] <= group["difference"]["value"] <= group["difference"]["high"] < -0.4
    assert (group["n"], group["rows"]) == (2 * len(pairs), len(pairs))
    assert found["by_seed"] == pytest.approx([-0.5, -0.5], abs=0.01)
    one = MeasuredStudent(side="raw", seed=0, losses={"same": [(4.0, 2), None, (1.0, 2)]})
    assert describe_losses(one)["same"] == {"n": 2, "tokens": 4, "loss": 1.25}
    assert describe_losses(MeasuredStudent(side="raw", seed=0, losses={"same": []}))["same"] is None


def test_an_interval_is_over_rows_and_languages_stand_alone() -> None:
    """Translations of one row are one observation: with nineteen rows there is no interval, however many texts."""
    texts = [
        PairedSums(f"row {row}", code, row % 3, 1.0, 1.0) for row in range(19) for code in ("de", "tr") for _ in "abc"
    ]
    few = describe_difference(texts, seed=0, resamples=100)
    assert [group["language"] for group in few] == ["de", "tr", None]
    assert [(group["n"], group["rows"]) for group in few] == [(57, 19), (57, 19), (114, 19)]
    assert few[-1]["difference"]["low"] is None
    more = describe_difference([*texts, PairedSums("row 19", "de", 1, 1, 1)], seed=0, resamples=100)
    difference = more[-1]["difference"]
    assert difference["low"] < difference["value"] < difference["high"]
    assert difference["value"] == pytest.approx(sum(one.candidate - 1 for one in texts) / 115, abs=1e-6)


def test_answers_are_examined_as_a_corpus_is() -> None:
    questions = [Question("q 1", "de", "1", ("Wo liegt sie?", "Und dann?")), Question("q 2", "de", "2", ("Wo?",))]
    answers = [
        *answer_all(questions[:1], LONG),
        AnswerTurns(questions[1], (), "timeout"),
    ]
    first, second, none = look_at_answers(answers)
    assert none is None
    assert first is not None
    assert second is not None
    assert (first.row, first.findings, first.own_language, first.whole) == ("1", 0, True, True)
    (english, *_) = look_at_answers(
        answer_all(questions[1:], "The city lies on the bank of the river, and it is very old and very large.")
    )
    assert english is not None
    assert english.own_language is False
    assert english.findings
    one = MeasuredStudent(side="raw", seed=0, losses={}, answers=answers, facts=(first, second, none))
    described = describe_answers(one)
    assert (described["answers"], described["none"], described["own_language"], described["whole"]) == (2, 1, 2, 2)


def test_what_detectors_find_in_the_answers_of_two_sides() -> None:
    lessons = teach()
    good = measure(lessons, "boosted", 2.0, answer=LONG)
    bad = measure(lessons, "raw", 2.0, answer="SchÃ¶n ist die Stadt, und viele Menschen gehen dort gern spazieren.")
    found = compare_answers([(good, bad)], seed=0, resamples=100)
    (group,) = found["findings"]["groups"]
    assert group["candidate"]["value"] == 0
    assert group["baseline"]["value"] >= 1000
    assert found["findings"]["by_seed"] == [-group["baseline"]["value"]]
    assert found["own_language"]["groups"][0]["difference"]["value"] == 0


def test_what_one_side_has_no_answer_to_counts_for_neither() -> None:
    lessons = teach()
    one, other = measure(lessons, "boosted", 2.0), measure(lessons, "raw", 2.0)
    short = MeasuredStudent(side="raw", seed=0, losses=other.losses, facts=[None, *other.facts[1:]])
    found = compare_answers([(one, short)], seed=0, resamples=100)
    assert found["findings"]["groups"][0]["n"] == len(lessons.held_out) - 1
