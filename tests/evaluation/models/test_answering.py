"""Answers turn by turn: what came before is shown, nothing is asked twice, a failed call ends its question alone."""

from __future__ import annotations

import asyncio

import pytest
from compared_corpora import Kept
from scripted import ScriptedEngine

from midb.agent.engines.protocol import CallFailed, EngineDown, FinishReason, TextReply, TextRequest
from midb.agent.model.calls import Model
from midb.agent.model.settings import Budget, ModelSettings
from midb.evaluation.models.answering import UNASKED, AnswerTurns, answer_questions
from midb.evaluation.models.questions import Question
from midb.prompts import load_prompts

QUESTIONS = [Question("q 1", "de", "1", ("Eins?", "Zwei?")), Question("q 2", "de", "2", ("Drei?",))]


def answer(
    engine: ScriptedEngine, kept: Kept | None = None, most_tokens: int = 9, budget: str = ""
) -> list[AnswerTurns]:
    limit = Budget.parse(budget) if budget else Budget()
    model = Model(engine, kept or Kept(), ModelSettings(prompts=load_prompts(), budget=limit))
    return asyncio.run(answer_questions(model, QUESTIONS, most_tokens=most_tokens))


def echo(request: TextRequest) -> str:
    return f"<think>hm</think> Zu {request.messages[-1].content} ({len(request.messages)})"


def test_each_turn_sees_those_before() -> None:
    engine = ScriptedEngine(echo, started=True)
    first, second = answer(engine, most_tokens=77)
    assert [turn.text for turn in first.turns] == ["Zu Eins? (1)", "Zu Zwei? (3)"]
    assert [turn.text for turn in second.turns] == ["Zu Drei? (1)"]
    asked = next(request for request in engine.requests if len(request.messages) == 3)
    assert [(message.role, message.content) for message in asked.messages] == [
        ("user", "Eins?"), ("assistant", "Zu Eins? (1)"), ("user", "Zwei?"),
    ]  # fmt: skip
    assert {request.room for request in engine.requests} == {77}


def test_nothing_is_asked_twice() -> None:
    kept = Kept()
    answer(ScriptedEngine(echo, started=True), kept)
    again = ScriptedEngine(echo, started=True)
    assert len(answer(again, kept)[0].turns) == 2
    assert again.requests == []


def test_an_answer_that_may_be_longer_is_another_one() -> None:
    """What was cut off at nine tokens is not what the model says in ninety; the same bound asks nothing."""
    kept = Kept()
    answer(ScriptedEngine(echo, started=True), kept)
    longer = ScriptedEngine(echo, started=True)
    answer(longer, kept, most_tokens=90)
    assert len(longer.requests) == 3


def test_who_answers_may_be_an_adapter() -> None:
    engine = ScriptedEngine(echo, started=True)
    model = Model(engine, Kept(), ModelSettings(prompts=load_prompts()))
    asyncio.run(answer_questions(model, QUESTIONS, adapter="student"))
    assert {request.adapter for request in engine.requests} == {"student"}


def test_a_failed_call_ends_its_own_question() -> None:
    def fails(request: TextRequest) -> str | CallFailed:
        return CallFailed("context-exceeded", "too long") if len(request.messages) == 3 else "Ja."

    first, second = answer(ScriptedEngine(fails, started=True))
    assert (len(first.turns), first.failure, second.failure) == (1, "context-exceeded", "")


def test_an_answer_that_was_cut_off_is_known_as_such() -> None:
    def cut(request: TextRequest) -> TextReply:
        return TextReply(text="Und so", finish_reason=FinishReason.LENGTH, prompt_tokens=1, completion_tokens=1)

    assert not answer(ScriptedEngine(cut, started=True))[1].turns[0].whole


def test_an_engine_that_is_down_ends_it() -> None:
    with pytest.raises(EngineDown):
        answer(ScriptedEngine(lambda request: EngineDown("wrong key."), started=True))


def test_what_the_budget_is_too_short_for_is_not_asked_and_what_came_is_known_by_its_rows() -> None:
    engine = ScriptedEngine(echo, started=True, concurrency=1)
    first, second = answer(engine, budget="1tok")
    assert (len(first.turns), len(first.generations), first.failure) == (2, 2, "")
    assert (second.turns, second.failure) == ((), UNASKED)
