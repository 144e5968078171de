"""How many calls are sent at once: places that are given in order, growth with replies, halving with overload."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.agent.engines.server.pace import FIRST, Pace, Places

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_places_are_given_in_the_order_of_coming() -> None:
    async def go() -> list[int]:
        places, served = Places(2), list[int]()

        async def visit(number: int) -> None:
            async with places:
                served.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*map(visit, range(9)))
        assert (places.taken, places.waiting) == (0, 0)
        return served

    assert run(go()) == list(range(9))


def test_fewer_places_are_waited_for_and_more_are_given_at_once() -> None:
    async def go() -> None:
        places = Places(3)
        for _ in range(3):
            await places.take()
        places.resize(1)
        waiting = [asyncio.create_task(places.take()) for _ in range(4)]
        await settle()
        places.give_back()
        places.give_back()
        await settle()
        assert (places.taken, sum(task.done() for task in waiting)) == (1, 0)
        places.resize(4)
        await settle()
        assert [task.done() for task in waiting] == [True, True, True, False]
        waiting[3].cancel()

    run(go())


@given(st.lists(st.integers(0, 9), max_size=60))
def test_no_place_is_lost_whoever_is_cancelled_when(steps: list[int]) -> None:
    """0 to 3 come, 4 and 5 leave, 6 and 7 are cancelled, 8 and 9 change the number; no more are in than there are."""

    async def go() -> None:
        places, inside, tasks = Places(2), set[int](), dict[int, tuple[asyncio.Task[None], asyncio.Event]]()

        async def visit(number: int, leave: asyncio.Event) -> None:
            async with places:
                inside.add(number)
                try:
                    await leave.wait()
                finally:
                    inside.discard(number)

        for number, step in enumerate(steps):
            if step < 4:
                leave = asyncio.Event()
                tasks[number] = asyncio.create_task(visit(number, leave)), leave
            elif step < 6 and inside:
                tasks[min(inside)][1].set()
            elif step < 8 and tasks:
                tasks[max(tasks)][0].cancel()  # perhaps in the very turn in which it is given a place
            else:
                places.resize(step - 6)
            if step % 2:
                await settle()
                assert places.taken == len(inside)
        places.resize(100)
        await settle()
        for _, leave in tasks.values():
            leave.set()
        await asyncio.gather(*(task for task, _ in tasks.values()), return_exceptions=True)
        assert (places.taken, places.waiting) == (0, 0)

    run(go())


async def serve(pace: Pace, replies: int) -> None:
    """So many replies, with all places taken."""
    for _ in range(replies):
        while pace.places.taken < pace.limit:
            await pace.begin()
        pace.note_reply()
        pace.end()


def test_each_reply_makes_room_for_one_more_until_there_is_an_overload() -> None:
    async def go() -> None:
        pace = Pace(64)
        assert pace.limit == FIRST
        await serve(pace, 12)
        assert pace.limit == FIRST + 12
        pace.note_overload(await_number := pace._begun)
        assert pace.limit == 8
        pace.note_overload(await_number)
        assert pace.limit == 8, "what had begun before is of the same overload"
        while pace.places.taken > pace.limit:
            pace.end()
        await serve(pace, 9)
        assert pace.limit == 9, "from then on one more after as many replies as go at once"

    run(go())


def test_a_server_that_shows_its_measure_again_and_again_is_left_at_it_longer_and_longer() -> None:
    """Two slots: three at once are too many."""

    async def go() -> list[int]:
        pace, replies = Pace(64), list[int]()
        pace.know(3)
        for _ in range(6):
            number = await pace.begin()
            pace.note_overload(number)
            pace.end()
            count = 0
            while pace.limit < 3:
                await serve(pace, 1)
                count += 1
            replies.append(count)
            while pace.places.taken:
                pace.end()
        return replies

    replies = run(go())
    assert replies == sorted(replies)
    assert replies[0] < 8 < replies[-1] < 60, "and it is tried again all the same"


@pytest.mark.parametrize("most", [1, 2, 64])
def test_never_fewer_than_one_nor_more_than_allowed(most: int) -> None:
    async def go() -> None:
        pace = Pace(most)
        await serve(pace, 200)
        assert pace.limit == most
        for _ in range(20):
            while pace.places.taken >= pace.limit:
                pace.end()
            pace.note_overload(await pace.begin())
        assert pace.limit == 1

    run(go())


def test_places_that_nobody_takes_tell_nothing() -> None:
    async def go() -> None:
        pace = Pace(64)
        for _ in range(50):
            await pace.begin()
            pace.note_reply()
            pace.end()
        assert pace.limit == FIRST

    run(go())


@pytest.mark.parametrize(("most", "slots", "limit"), [(64, 1, 1), (64, 4, 4), (2, 4, 2), (64, 2**31, 64)])
def test_what_a_server_says_is_where_to_begin_and_the_most(most: int, slots: int, limit: int) -> None:
    async def go() -> None:
        pace = Pace(most)
        pace.know(slots)
        assert pace.limit == limit
        await serve(pace, 20)
        assert pace.limit == limit

    run(go())
