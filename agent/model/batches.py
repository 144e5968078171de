"""Asks a model about many things at once, outside a run: no more than its engine serves, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from midb.agent.model.calls import Model

Item = TypeVar("Item")
Reply = TypeVar("Reply")


async def ask_all(
    model: Model,
    items: Sequence[Item],
    ask: Callable[[Item], Awaitable[Reply]],
    *,
    calls: int = 1,
    done: Callable[[int], None] = lambda count: None,
) -> list[Reply]:
    """Ask about each item and close the model; returns what came, in the order of the items.

    :param ask: makes one item's reply; None where it was not asked for.
    :param calls: of the engine that one item makes at the same time.
    :param done: is called with the number of items that have a reply.
    :raises EngineDown: as ``ask`` does; the other items are given up. What came before is in the model's store.
    """
    places = asyncio.Semaphore(max(1, -(-model.engine.concurrency // calls)))
    finished = 0

    async def take_turn(item: Item) -> Reply:
        nonlocal finished
        async with places:
            reply = await ask(item)
        if reply is not None:
            finished += 1
            done(finished)
        return reply

    asked = [asyncio.ensure_future(take_turn(item)) for item in items]
    try:
        return list(await asyncio.gather(*asked))
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await model.close()
