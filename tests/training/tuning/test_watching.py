"""What watches a training: its log, its time, and the wish to stop."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from midb.training.tuning.watching import StopWish, read_losses


def row(step: int) -> str:
    return json.dumps({"step": step, "tokens": 10 * step, "seconds": 1.5 * step, "loss": 2.0})


def test_a_log_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "loss.jsonl"
    assert read_losses(path) == []
    path.write_text(f"{row(1)}\n{row(2)}\n{row(3)[:20]}", encoding="utf-8")
    assert [found["step"] for found in read_losses(path)] == [1, 2]
    path.write_text(f"{row(1)}\n[]\n{row(3)}\n", encoding="utf-8")
    assert [found["step"] for found in read_losses(path)] == [1]


def test_a_signal_is_a_wish_and_the_second_one_an_order() -> None:
    before = signal.getsignal(signal.SIGINT)
    wish = StopWish()
    with wish.listening():
        os.kill(os.getpid(), signal.SIGINT)
        assert wish.reason == "interrupted"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            signal.sigtimedwait([], 5)  # until it is handled
    assert signal.getsignal(signal.SIGINT) is before


def test_who_ends_a_process_politely_wants_it_to_stop_too() -> None:
    wish = StopWish()
    with wish.listening():
        os.kill(os.getpid(), signal.SIGTERM)
    assert wish.reason == "terminated"
