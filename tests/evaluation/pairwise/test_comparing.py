"""A whole comparison, from aligned corpora to figures, judgements and a forecast."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from compared_corpora import RIGHT, is_right, judge_with, make_pair
from log_fixtures import RUN, now
from scripted_judges import knows, make_engine

from midb.agent.run.session import RunEngine
from midb.audit.evaluating.log import EvaluationLog
from midb.domain.errors import MidbError
from midb.evaluation.pairwise.aligning import Alignment
from midb.evaluation.pairwise.comparing import ComparisonSettings, compare, forecast, judge_all, make_model
from midb.prompts import load_prompts

SETTINGS = ComparisonSettings(prompts=load_prompts(), resamples=100)
PAIRS = [make_pair(number, "Das ist so.", f"Das ist {RIGHT} so, Punkt {number}.") for number in range(24)]


def test_identical_corpora_ask_nobody_and_say_so() -> None:
    def refuse(pairs: object) -> list[None]:
        raise AssertionError("a judge was asked")

    done = compare(Alignment(same={"de": Counter({"a": 1, "b": 1})}), SETTINGS, refuse)
    assert done.figures["notes"] == [
        "The corpora are the same, pair by pair: every pair is a tie, and no judge was asked."
    ]
    assert (done.figures["pairs"], done.figures["judged"], done.whole, done.judgements()) == (2, 0, True, [])


def test_a_sample_says_of_how_many_it_is() -> None:
    done = compare(
        Alignment(differing=PAIRS), replace(SETTINGS, sample=20), lambda pairs: judge_with(knows(is_right), pairs)
    )
    assert json.loads(json.dumps(done.figures)) == done.figures
    assert (done.figures["chosen"], done.figures["groups"][0]["win"]) == (20, 20)
    assert "20 of 24 pairs that differ were to be judged (a sample)." in done.figures["notes"]
    judgements = done.judgements()
    assert len(judgements) == 40
    assert {(one.first, one.preferred) for one in judgements} == {("raw", "boosted"), ("boosted", "boosted")}
    assert judgements[0].detail.startswith("A correctness:")


def test_what_a_budget_was_too_short_for_is_said() -> None:
    done = compare(Alignment(differing=PAIRS), SETTINGS, lambda pairs: [*judge_with(knows(is_right), pairs[:3]), None])
    assert not done.whole
    assert "Only 3 of these were judged: the figures are of what there is so far." in done.figures["notes"]


def test_a_forecast_is_of_all_and_what_it_asked_is_kept(tmp_path: Path) -> None:
    engine = make_engine(knows(is_right))
    with asyncio.Runner() as loop, EvaluationLog(tmp_path / "e.audit.db", now=now) as log:
        judge = RunEngine(engine, loop)
        run = log.begin_evaluation(replace(RUN, kind="evaluation"))
        found = forecast(judge, log, run, PAIRS, 4, SETTINGS)
        assert (found["sampled"], found["pairs"], found["calls_per_pair"], len(engine.requests)) == (4, 24, 2, 8)
        low, expected, high = found["prompt_tokens"]
        spent = sum(len(message.content.split()) for request in engine.requests for message in request.messages)
        assert expected == pytest.approx(spent * 6, abs=24)
        assert 0 < low <= expected <= high
        judge_all(judge, make_model(judge, log, run, SETTINGS), PAIRS)
        assert len(engine.requests) == 48, "what was sampled is not paid for again"
        with pytest.raises(MidbError, match="nothing to judge"):
            forecast(judge, log, run, [], 4, SETTINGS)
