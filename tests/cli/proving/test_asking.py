"""Budgets of a whole command, and answers of several seeds before one judge."""

from __future__ import annotations

import asyncio

import pytest
from compared_corpora import Kept
from proofs import answer_all
from scripted import ScriptedEngine

from midb.agent.model.calls import Model
from midb.agent.model.settings import Budget, ModelSettings
from midb.agent.run.session import RunEngine
from midb.cli.proving import asking
from midb.cli.proving.asking import Purse, SpentError
from midb.evaluation.models.answering import answer_questions
from midb.evaluation.models.comparing import pair_up
from midb.evaluation.models.questions import Question
from midb.evaluation.pairwise.judging import TIE, JudgedTwice, Opinion
from midb.prompts import load_prompts

QUESTIONS = [Question(f"q {number}", "de", str(number), (f"Frage {number}?",)) for number in range(5)]


def ask(engine: ScriptedEngine) -> Model:
    """A model that was asked all questions."""
    model = Model(engine, Kept(), ModelSettings(prompts=load_prompts()))
    asyncio.run(answer_questions(model, QUESTIONS))
    return model


def test_tokens_are_those_of_all_models_together() -> None:
    purse = Purse(Budget.parse("1000tok"))
    assert purse.seconds_left == 0
    model = ask(ScriptedEngine(lambda request: "Ja.", started=True))
    spent = model.usage.tokens
    assert spent > 0
    purse.take(model)
    assert purse.give().tokens == 1000 - spent
    purse.take(ask(ScriptedEngine(lambda request: "Ja " * 1000, started=True)))
    with pytest.raises(SpentError):
        purse.give()


def test_seconds_run_from_the_beginning_of_the_command() -> None:
    purse = Purse(Budget.parse("2h"))
    assert 7000 < purse.seconds_left <= 7200
    given = purse.give().seconds
    assert given is not None
    assert given <= 7200
    purse._started -= 7300
    with pytest.raises(SpentError):
        purse.look()
    assert purse.seconds_left == 1.0, "never none, which would be no bound"
    Purse(Budget()).look()


def test_without_a_budget_all_are_asked_at_once() -> None:
    with asyncio.Runner() as loop:
        engine = RunEngine(ScriptedEngine(lambda request: "", concurrency=1, started=True), loop)
        assert [len(part) for part in asking._cut(QUESTIONS, engine, Purse(Budget()))] == [5]
        assert [len(part) for part in asking._cut(QUESTIONS, engine, Purse(Budget.parse("9tok")))] == [2, 2, 1]


def test_a_judge_sees_each_seed_against_the_same_seed() -> None:
    """Verdicts are named by comparison, question and seed, and by the corpora of both sides; a question is one row."""
    answers = {
        (side, seed): answer_all(QUESTIONS, f"Das sagt {side} {seed}.")
        for side in ("raw", "boosted")
        for seed in (0, 1)
    }
    named = asking._name_seeds(answers, "raw", [0, 1])
    assert [one.question.name for one in named] == [f"q {n} seed {s}" for s in (0, 1) for n in range(5)]
    assert [one.question.row for one in named] == [one.row for one in QUESTIONS] * 2
    pairs, _ = pair_up(named, asking._name_seeds(answers, "boosted", [0, 1]))
    opinions = [
        JudgedTwice(
            pair=pair,
            opinions=(
                Opinion(first="baseline", preferred="candidate" if "seed 1" in pair.item else TIE, detail=""),
                Opinion(first="candidate", preferred="candidate" if "seed 1" in pair.item else TIE, detail=""),
            ),
        )
        for _, pair in pairs
    ]
    assert [asking._net_win(opinions, answers, ("boosted", "raw"), seed) for seed in (0, 1, 1)] == [0, 1, 1]
    logged = asking._name_judgements(opinions, ("boosted", "raw"))
    assert (logged[0].item, logged[0].first) == ("boosted against raw: q 0 seed 0 turn 1", "raw")
    assert {one.preferred for one in logged} == {TIE, "boosted"}


def test_what_is_said_against_a_judge_is_said_once() -> None:
    group = {"language": "de", "warning": "the judge: right about 50 % of known pairs, less than 80 %"}
    figures = {"turns": [{"groups": [group, {**group, "language": None, "warning": ""}]}]}
    assert asking._list_warnings([figures, figures], {"groups": []}) == [
        "de: right about 50 % of known pairs, less than 80 %"
    ]
    assert asking._list_warnings([figures], None)[0].startswith("it was not measured")


def test_other_questions_are_other_ones() -> None:
    assert asking.describe_questions(QUESTIONS) == asking.describe_questions(list(QUESTIONS))
    assert asking.describe_questions(QUESTIONS) != asking.describe_questions(QUESTIONS[1:])
