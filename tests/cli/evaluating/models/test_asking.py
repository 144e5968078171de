"""One model after the other, within one budget, and what a forecast says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay_server import ReplayServers

from midb.agent.engines.protocol import FinishReason
from midb.agent.model.settings import Budget
from midb.audit.evaluating.log import EvaluationLog
from midb.cli.evaluating.judge_options import judge_settings, make_run
from midb.cli.evaluating.models.asking import AskedModels, count_unasked, say_models_forecast
from midb.evaluation.models.answering import UNASKED, Answer, AnswerTurns
from midb.evaluation.models.questions import Question
from midb.evaluation.pairwise.comparing import ComparisonSettings
from midb.prompts import load_prompts


def test_what_one_spent_the_next_one_lacks(tmp_path: Path, replay_server: ReplayServers) -> None:
    server = replay_server(lambda messages, body: "Ja.")
    config = judge_settings(server.spec, concurrency=1)
    questions = [Question(f"q {number}", "de", str(number), (f"Frage {number}?",)) for number in range(2)]
    with EvaluationLog(tmp_path / "e.audit.db") as log:
        run = log.begin_evaluation(make_run({"evaluates": "model", "judge": server.spec}))
        models = AskedModels(log, run, ComparisonSettings(prompts=load_prompts(), budget=Budget.parse("1tok")), 9)
        first = models.answer("baseline", config, questions)
        second = models.answer("candidate", config, [Question("q 9", "de", "9", ("Andere?",))])
    assert [count_unasked(first), count_unasked(second)] == [1, 1]
    assert models.about["baseline"] == models.about["candidate"]
    assert (models.at_once["baseline"], len(server.requests)) == (1, 1)


def test_those_that_were_not_asked_are_no_failures() -> None:
    question = Question("q", "de", "1", ("Frage?",))
    found = [
        AnswerTurns(question, (Answer("Ja.", FinishReason.STOP),)),
        AnswerTurns(question, (), "timeout"),
        AnswerTurns(question, (), UNASKED),
    ]
    assert count_unasked(found) == 1


def test_a_forecast_is_told_model_by_model(capsys: pytest.CaptureFixture[str]) -> None:
    costs = {name: [900, 1000, 1100] for name in ("calls", "prompt_tokens", "completion_tokens", "seconds")}
    found = {"questions": 500, "sampled": 9, "models": {"candidate": costs, "judge": costs}}
    say_models_forecast(found, Path("m.audit.db"), json=False)
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [
        "forecast for 500 questions, from 9", "candidate: 1,000   (900 to 1,100) answers",
        "  tokens in   1,000   (900 to 1,100)",
    ]  # fmt: skip
    assert said[-1] == "Its replies are kept in m.audit.db: they are not paid for again."
    say_models_forecast(found, Path("m.audit.db"), json=True)
    assert capsys.readouterr().out.startswith('{"questions":500')
