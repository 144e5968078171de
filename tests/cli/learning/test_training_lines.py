"""What a training says while it goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from midb.cli.learning.training_lines import ProgressLines, say

if TYPE_CHECKING:
    from midb.training.tuning.watching import TuningProgress


def progress(step: int, *, skipped: bool = False) -> TuningProgress:
    pytest.importorskip("transformers")
    from midb.training.tuning.watching import TuningProgress

    return TuningProgress(
        step=step, steps=50, loss=1.25, lr=1e-3, tokens=9, seconds=1.0, rate=1234.0, left=200.0, skipped=skipped
    )


def test_the_first_steps_the_last_one_and_what_is_wrong_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ProgressLines("tiny on cpu")
    for step in range(1, 51):
        lines.tell(progress(step, skipped=step == 9))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "  step 1/50  loss 1.2500  lr 1.00e-03  1,234 tokens/s  3:20 min left"
    assert "about 3:20 min to go, by the first 3 steps" in said[1]
    assert sum("step 9 was not a number" in line for line in said) == 1
    assert said[-1].startswith("  step 50/50")


def test_on_a_terminal_a_bar_goes_and_leaves_nothing_behind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with ProgressLines("tiny on cpu") as lines:
        lines.begin(torch.nn.Linear(2, 3), 0, 50)
        for step in range(1, 51):
            lines.tell(progress(step, skipped=step == 9))
    said = capsys.readouterr().err
    screen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    assert "training tiny on cpu: 9 of 9 parameters, 50 steps" in screen
    assert "step 50/50" in screen
    assert "loss 1.2500" in screen
    assert "step 9 was not a number" in screen
    assert said.endswith("\x1b[1A\x1b[2K")


def test_only_the_first_process_talks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    say("a")
    monkeypatch.setenv("RANK", "0")
    say("b")
    assert capsys.readouterr().err == "b\n"
