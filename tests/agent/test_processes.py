"""How processes end, and what they ignore."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest
from device_engines import interrupt_itself

from midb.agent.processes import describe_exit, hold_signals


def test_an_interrupt_ends_it_at_no_moment() -> None:
    process = multiprocessing.get_context("spawn").Process(target=interrupt_itself)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with hold_signals():
        process.start()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGINT)  # while it imports
    process.join(60)
    assert process.exitcode == 7
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (0, "ended with code 0"),
        (3, "ended with code 3"),
        (-15, "was killed by SIGTERM"),
        (-99, "was killed by signal 99"),
        (None, "closed its pipe"),
    ],
)
def test_the_end_of_a_process_is_told(code: int | None, told: str) -> None:
    assert describe_exit(code) == told
