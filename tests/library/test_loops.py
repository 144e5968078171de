"""A function that needs an event loop of its own works also where one is running."""

from __future__ import annotations

import _thread
import asyncio
import signal
import threading
import time

import pytest

from midb.library.loops import is_given_up, outside_loop

#: Seconds after which what does not hear of an interrupt has failed.
PATIENCE = 20.0


@outside_loop
def work(text: str, *, times: int = 1) -> tuple[str, str]:
    """What it made in a loop of its own, and in which thread."""

    async def repeat() -> str:
        return text * times

    return asyncio.run(repeat()), threading.current_thread().name


def test_without_a_loop_it_is_called_where_it_stands() -> None:
    assert work("a", times=2) == ("aa", threading.current_thread().name)


def test_within_a_loop_it_has_a_thread_of_its_own() -> None:
    async def cell() -> tuple[str, str]:
        return work("a", times=3)

    assert asyncio.run(cell()) == ("aaa", "midb.work")


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)])
def test_errors_are_raised_where_the_caller_is(error: BaseException) -> None:
    @outside_loop
    def fails() -> None:
        raise error

    async def cell() -> None:
        fails()

    with pytest.raises(type(error)) as plain:
        fails()
    assert plain.value is error
    raised: list[BaseException] = []

    async def caught() -> None:
        try:
            await cell()
        except BaseException as found:
            raised.append(found)

    asyncio.run(caught())
    assert raised == [error]


def test_the_work_of_a_caller_who_is_interrupted_ends_before_the_caller_goes_on() -> None:
    """As in a notebook: a thread that is left alone would go on asking a model."""
    ended: list[bool] = []

    @outside_loop
    def endless() -> None:
        assert not is_given_up()
        _thread.interrupt_main()
        latest = time.monotonic() + PATIENCE
        while not is_given_up() and time.monotonic() < latest:
            time.sleep(0.001)
        ended.append(is_given_up())

    async def cell() -> None:
        endless()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        loop = asyncio.new_event_loop()
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(cell())
        loop.close()
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == [True]
    assert not is_given_up()


def test_it_is_known_by_its_own_name() -> None:
    assert (work.__name__, (work.__doc__ or "")[:16]) == ("work", "What it made in ")
