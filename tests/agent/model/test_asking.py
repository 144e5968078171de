"""One question to the model as a decision: what was asked, which row answers, or why nothing does."""

from __future__ import annotations

import asyncio

import pytest
from scripted import ScriptedEngine
from scripted_pairs import PAIR, Store

from midb.agent.engines.protocol import CallFailed, EngineDown
from midb.agent.model.asking import ask
from midb.agent.model.calls import Model
from midb.agent.model.settings import ModelSettings
from midb.agent.model.tasks import rewriting_task
from midb.domain.decisions import Action, Decision, Pass, Reason
from midb.domain.generations import Generation
from midb.locales import load
from midb.prompts import load_prompts

PROMPTS = load_prompts()
TASK = rewriting_task(PROMPTS, Pass.CONTENT, PAIR, locale=load("de"))


def asked(answer: str | BaseException) -> tuple[Decision, Generation | None]:
    """What comes of asking an engine that always answers the same."""

    async def run() -> tuple[Decision, Generation | None]:
        engine = ScriptedEngine(lambda request: answer)
        await engine.start()
        return await ask(Model(engine, Store(), ModelSettings(prompts=PROMPTS)), TASK, PAIR, 3, Action.SKIPPED)

    return asyncio.run(run())


def test_a_reply_is_named_by_its_row_and_left_unread() -> None:
    decision, generation = asked("whatever it says")
    assert generation is not None
    assert (generation.completion, decision.generation) == ("whatever it says", generation.id)
    assert (decision.pass_, decision.action, decision.attempt) == (Pass.CONTENT, Action.SKIPPED, 3)
    assert decision.prompt_hash == TASK.prompt_hash == generation.key.prompt_hash
    assert decision.before_hash == decision.after_hash == PAIR.content_hash()


@pytest.mark.parametrize(
    ("code", "reason"), [("bad-reply", Reason.ENGINE_FAILED), ("context-exceeded", Reason.CONTEXT_EXCEEDED)]
)
def test_without_a_reply_the_decision_says_why(code: str, reason: Reason) -> None:
    decision, generation = asked(CallFailed(code, "x" * 500))
    assert generation is None
    assert (decision.reason, decision.generation, decision.prompt_hash) == (reason, None, TASK.prompt_hash)
    assert decision.detail == f"{code}: {'x' * 500}"[:300]


def test_an_engine_that_is_down_ends_the_run() -> None:
    with pytest.raises(EngineDown):
        asked(EngineDown("nobody there"))
