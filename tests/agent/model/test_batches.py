"""Many things asked at once: in their order, no more than the engine serves, and nothing left behind by an error."""

from __future__ import annotations

import asyncio

import pytest
from compared_corpora import Kept
from scripted import ScriptedEngine

from midb.agent.engines.protocol import EngineDown
from midb.agent.model.batches import ask_all
from midb.agent.model.calls import Model
from midb.agent.model.settings import ModelSettings
from midb.prompts import load_prompts


def make_model() -> Model:
    return Model(ScriptedEngine(lambda request: "", started=True), Kept(), ModelSettings(prompts=load_prompts()))


@pytest.mark.parametrize("calls", [1, 2])
def test_replies_come_in_order_and_never_too_many_at_once(calls: int) -> None:
    model = make_model()
    most = under_way = 0
    told: list[int] = []

    async def ask(item: int) -> int | None:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        for _ in range(1 + item % 3):
            await asyncio.sleep(0)
        under_way -= 1
        return None if item == 7 else -item

    count = 4 * model.engine.concurrency
    found = asyncio.run(ask_all(model, range(count), ask, calls=calls, done=told.append))
    assert found == [None if item == 7 else -item for item in range(count)]
    assert most == -(-model.engine.concurrency // calls)
    assert told == list(range(1, count))  # what was not asked is not counted


def test_an_error_gives_up_the_others() -> None:
    model = make_model()
    given_up: list[int] = []

    async def ask(item: int) -> int:
        if item == 1:
            raise EngineDown("gone")
        try:
            await asyncio.Event().wait()
        finally:
            given_up.append(item)
        return item

    with pytest.raises(EngineDown):
        asyncio.run(ask_all(model, range(3), ask))
    assert given_up == ([0, 2] if model.engine.concurrency > 2 else [0])
