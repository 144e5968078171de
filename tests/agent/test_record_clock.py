"""A record's processor time: what has used it up is interrupted wherever it is, and nothing else is touched."""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import re
import signal
import threading
from typing import Any

import pytest
import regex

from midb.agent import record_clock
from midb.agent.record_clock import PORTION, RecordClock, RecordOutOfTimeError, ended_by_limit, hold_alarm

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no such timers")

TEXT = "a" * 64


def spin() -> None:
    while True:
        pass


def assert_switched_off() -> None:
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


@pytest.mark.parametrize(
    "endless",
    [spin, lambda: re.match(r"(?:a+)+b", TEXT), lambda: regex.match(r"(?:a|a)+$", TEXT + "b")],
    ids=["Python", "re", "regex"],
)
def test_what_never_ends_is_interrupted(endless: Any) -> None:
    clock = RecordClock(0.02)
    with pytest.raises(RecordOutOfTimeError):
        clock.run(endless)
    assert_switched_off()
    with pytest.raises(RecordOutOfTimeError):
        clock.run(lambda: pytest.fail("there was no time left"))


def test_who_takes_the_interruption_for_an_error_is_interrupted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_clock, "AGAIN", 0.01)

    def stubborn() -> None:
        try:
            spin()
        except Exception:
            spin()

    with pytest.raises(RecordOutOfTimeError):
        RecordClock(0.02).run(stubborn)
    assert_switched_off()


def test_what_is_quick_has_its_result_and_its_own_errors() -> None:
    clock = RecordClock(1000)
    assert clock.run(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        clock.run(lambda: 1 // 0)
    assert_switched_off()


def test_a_longer_record_gets_more() -> None:
    assert [RecordClock(2, size).seconds for size in (0, 5, PORTION, PORTION + 1, 16 * PORTION)] == [2, 2, 2, 4, 32]


async def awaiting(clock: RecordClock, *, hang: bool = False) -> str:
    """Two steps with a wait between them, as a node that asks a model."""

    async def work() -> str:
        reply: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(reply.set_result, "reply")
        got = await reply
        assert_armed()
        if hang:
            spin()
        return got

    def assert_armed() -> None:
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0

    return await clock.drive(work())


def test_a_coroutine_is_counted_while_it_computes() -> None:
    assert asyncio.run(awaiting(RecordClock(1000))) == "reply"
    assert_switched_off()
    with pytest.raises(RecordOutOfTimeError):
        asyncio.run(awaiting(RecordClock(0.02), hang=True))
    assert_switched_off()


def test_a_coroutine_is_told_of_its_cancellation() -> None:
    told: list[str] = []

    async def waiting() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    async def main() -> None:
        task = asyncio.create_task(RecordClock(1000).drive(waiting()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert told == ["cancelled"]


def test_a_program_that_uses_the_alarm_itself_keeps_it() -> None:
    def mine(number: int, frame: Any) -> None: ...

    signal.signal(signal.SIGALRM, mine)
    try:
        assert RecordClock(1000).run(lambda: signal.getsignal(signal.SIGALRM)) is mine
        assert signal.getsignal(signal.SIGALRM) is mine
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_an_alarm_that_is_held_serves_one_clock_after_the_other() -> None:
    with hold_alarm() as held:
        assert held
        handler = signal.getsignal(signal.SIGALRM)
        for _ in range(2):
            with pytest.raises(RecordOutOfTimeError):
                RecordClock(0.02).run(spin)
            assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
            assert signal.getsignal(signal.SIGALRM) is handler
        with pytest.raises(RecordOutOfTimeError):  # within a clock that runs another one sets no timer of its own
            RecordClock(0.02).run(lambda: RecordClock(1000).run(spin))
        with hold_alarm() as again:
            assert not again
        assert signal.getsignal(signal.SIGALRM) is handler
        signal.raise_signal(signal.SIGALRM)  # which rings for nobody
    assert_switched_off()


def test_a_thread_without_the_alarm_is_not_limited_by_it() -> None:
    def look() -> float:
        return signal.getitimer(signal.ITIMER_REAL)[0]

    found: list[float] = []
    thread = threading.Thread(target=lambda: found.append(RecordClock(1000).run(look)))
    with hold_alarm():
        thread.start()
        thread.join()
    assert found == [0]


def test_another_thread_is_not_limited() -> None:
    found: list[Any] = []
    look = lambda: signal.getsignal(signal.SIGALRM)  # noqa: E731
    thread = threading.Thread(target=lambda: found.append(RecordClock(1000).run(look)))
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


def test_the_system_ends_a_process_that_does_not_look_for_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = importlib.import_module("deadly").stuck
    process = multiprocessing.get_context("fork").Process(target=stuck, args=(0.01,))
    process.start()
    process.join()
    assert ended_by_limit(process.exitcode)
    assert not ended_by_limit(0)
    assert not ended_by_limit(-signal.SIGKILL)
    assert not ended_by_limit(None)
