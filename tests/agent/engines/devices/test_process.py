"""The process of a device, here on a thread: it ends when the other end of its pipe does."""

from __future__ import annotations

import multiprocessing
import threading
from typing import Any

import pytest
from device_engines import BOUND, ask, make_capitals, make_none

from midb.agent.engines.devices import process
from midb.agent.engines.devices.process import Ask, Drop, End, HowFar, Lost, Served, Started, engine_main


def run(theirs: Any, make: Any) -> threading.Thread:
    thread = threading.Thread(target=engine_main, args=(theirs, make))
    thread.start()
    return thread


@pytest.mark.parametrize("closed", [False, True])
def test_it_serves_until_it_is_told_to_end_or_nobody_is_there(closed: bool) -> None:
    ours, theirs = multiprocessing.Pipe()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(process, "ignore_signals", lambda: None)
        thread = run(theirs, make_capitals)
        assert ours.recv() == Started()
        for command in (Ask(7, ask("wait")), Ask(8, ask("one")), Drop(7), Drop(99), Ask(9, ask("two"))):
            ours.send(command)
        answers = [ours.recv(), ours.recv()]
        assert [(one.number, one.reply.text) for one in answers if isinstance(one, Served)] == [(8, "ONE"), (9, "TWO")]
        if closed:
            ours.close()
        else:
            ours.send(End())
        thread.join(BOUND)
        assert not thread.is_alive()


def test_an_engine_that_cannot_be_made_is_told() -> None:
    ours, theirs = multiprocessing.Pipe()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(process, "ignore_signals", lambda: None)
        thread = run(theirs, make_none)
        assert ours.recv() == Lost("there is no such folder.")
        thread.join(BOUND)
        assert not thread.is_alive()


def test_it_tells_how_far_it_is() -> None:
    ours, theirs = multiprocessing.Pipe()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(process, "ignore_signals", lambda: None)
        patched.setattr(process, "_TELLING", 0.0)
        thread = run(theirs, make_capitals)
        assert ours.recv() == Started()
        ours.send(Ask(1, ask("wait")))
        assert ours.recv() == HowFar(7)  # and not again, for nothing changes
        ours.send(Ask(2, ask("one")))
        assert isinstance(ours.recv(), Served)
        ours.send(End())
        thread.join(BOUND)
        assert not thread.is_alive()
