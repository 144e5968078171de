"""Several devices, one queue: who serves what, and what becomes of it when a process dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from device_engines import ask, make_capitals, make_dead, make_none, make_poor, with_pool

from midb.agent.engines.devices.pool import DevicePool
from midb.agent.engines.protocol import Activity, CallFailed, EngineDown, TextReply


async def gather(pool: DevicePool, *texts: str) -> list[Any]:
    return list(await asyncio.gather(*(pool.generate(ask(text)) for text in texts), return_exceptions=True))


def test_all_devices_serve_one_queue() -> None:
    async def use(pool: DevicePool) -> list[TextReply]:
        assert pool.concurrency == pool.places == 6
        assert pool.activity() == Activity()
        assert pool.fingerprint() == "capitals 1"
        return await gather(pool, *(f"text {number}" for number in range(40)))

    replies = with_pool(use)
    assert [reply.text for reply in replies] == [f"TEXT {number}" for number in range(40)]
    by_process = [reply.prompt_tokens for reply in replies]
    assert sorted(map(by_process.count, set(by_process))) == [20, 20]
    assert os.getpid() not in by_process


@pytest.mark.parametrize("end", ["die once", "killed from outside"])
def test_what_a_dead_process_had_goes_to_the_others(end: str, tmp_path: Path) -> None:
    said: list[str] = []

    async def use(pool: DevicePool) -> list[Any]:
        if end == "die once":
            return await gather(pool, f"die once {tmp_path / 'flag'}", "a", "b", "c")
        waiting = [asyncio.ensure_future(pool.generate(ask("wait"))) for _ in range(2)]
        await asyncio.sleep(0)
        assert pool.activity().calls == 2
        (before,) = await gather(pool, "x")
        os.kill(before.prompt_tokens, signal.SIGKILL)
        while not said:
            await asyncio.sleep(0)
        assert len({len(device.waiting) for device in pool._devices}) == 2
        assert (pool.places, pool.concurrency) == (3, 6)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return [before, *await gather(pool, "y", "z")]

    replies = with_pool(use, warn=said.append)
    assert all(isinstance(reply, TextReply) for reply in replies), replies
    (sentence,) = said
    assert "on device " in sentence
    assert "was killed by SIGKILL; 1 of 2 go on" in sentence


def test_a_request_that_kills_two_processes_is_given_up_and_others_are_served() -> None:
    async def use(pool: DevicePool) -> list[Any]:
        killed, *_ = await gather(pool, "die")
        return [killed, *await gather(pool, "a", "b")]

    killed, *others = with_pool(use, (make_capitals,) * 3)
    assert isinstance(killed, CallFailed)
    assert killed.code == "engine-lost"
    assert [reply.text for reply in others] == ["A", "B"]


def test_without_a_device_left_the_run_can_be_resumed() -> None:
    async def use(pool: DevicePool) -> list[Any]:
        found = await gather(pool, "die", "wait", "wait")
        with pytest.raises(EngineDown, match="it was the last one"):
            await pool.generate(ask("later"))
        return found

    for outcome in with_pool(use, (make_capitals,)):
        assert isinstance(outcome, EngineDown)
        assert "the engine on device 0 was killed by SIGKILL; it was the last one." in str(outcome.args[0])
        assert "goes on from here" in outcome.hint


@pytest.mark.parametrize(("text", "reason"), [("down", "memory of the device is full"), ("break", "KeyError")])
def test_an_engine_that_is_lost_says_why_and_its_requests_go_to_the_others(text: str, reason: str) -> None:
    said: list[str] = []

    async def use(pool: DevicePool) -> list[Any]:
        first = [asyncio.ensure_future(pool.generate(ask(one))) for one in ("wait", "wait", text)]
        lost = (await asyncio.gather(first[2], return_exceptions=True))[0]
        for task in first:
            task.cancel()
        await asyncio.gather(*first, return_exceptions=True)
        return [lost]

    (lost,) = with_pool(use, (make_capitals,) * 3, said.append)
    assert isinstance(lost, CallFailed), "it took two engines down"
    assert len(said) == 2
    assert all(reason in sentence for sentence in said)


def test_an_error_of_the_request_is_only_its_own() -> None:
    async def use(pool: DevicePool) -> list[Any]:
        return await gather(pool, "refuse", "a")

    refused, fine = with_pool(use)
    assert isinstance(refused, CallFailed)
    assert (refused.code, str(refused.args[0]), refused.hint) == ("context-exceeded", "it is too long.", "Shorten it.")
    assert fine.text == "A"


@pytest.mark.parametrize(
    ("make", "told"),
    [(make_dead, "was killed by SIGKILL"), (make_poor, "too little memory"), (make_none, "no such folder")],
)
def test_a_device_that_cannot_start_is_named(make: Any, told: str) -> None:
    with pytest.raises(EngineDown, match=f"device 1 .*{told}"):
        with_pool(lambda pool: asyncio.sleep(0), (make_capitals, make))


def test_a_cancelled_request_makes_room(tmp_path: Path) -> None:
    async def use(pool: DevicePool) -> int:
        tasks = [asyncio.ensure_future(pool.generate(ask("wait"))) for _ in range(4)]
        await gather(pool, "a", "b")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return sum(len(device.waiting) for device in pool._devices)

    assert with_pool(use) == 0


def test_interrupts_are_the_parents_business() -> None:
    """What a terminal sends to all of them ends none: the run drains."""

    async def use(pool: DevicePool) -> list[Any]:
        for device in pool._devices:
            assert device.process.pid is not None
            for number in (signal.SIGINT, signal.SIGTERM):
                os.kill(device.process.pid, number)
        return await gather(pool, "a", "b")

    assert [reply.text for reply in with_pool(use)] == ["A", "B"]


def test_nothing_waits_for_ever_once_it_is_closed() -> None:
    async def use(pool: DevicePool) -> Any:
        task = asyncio.ensure_future(pool.generate(ask("wait")))
        await gather(pool, "a")
        await pool.close()
        with contextlib.suppress(EngineDown):
            await task
            raise AssertionError("it was served")
        with pytest.raises(EngineDown):
            await pool.generate(ask("b"))

    with_pool(use)
