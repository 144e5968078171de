"""What the parts of a GPU run share: rows that are written at once, and parts that end alone."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
if not hasattr(signal, "setitimer"):
    pytest.skip("a GPU run needs signals of Linux", allow_module_level=True)

from gpu.context import DeviceLost, GpuRun, TimeIsUp


@pytest.fixture
def made(tmp_path: Path) -> GpuRun:
    """A run on a CPU."""
    return GpuRun(tmp_path, smoke=True)


def read_rows(run: GpuRun) -> list[dict[str, Any]]:
    """The rows so far."""
    return [json.loads(line) for line in (run.out / "rows.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_row_is_written_at_once_and_printed_in_short(made: GpuRun, capsys: pytest.CaptureFixture[str]) -> None:
    made.say("odd", first=1, long="x" * 1000)
    (row,) = read_rows(made)
    assert (row["part"], row["first"], len(row["long"])) == ("odd", 1, 1000)
    shown = capsys.readouterr().out
    assert shown.startswith("odd t=")
    assert "first=1" in shown
    assert len(shown) < 200


def test_a_part_whose_time_is_over_ends(made: GpuRun) -> None:
    with made.bounded("slow", 0.01):
        while True:
            pass
    stopped, took = read_rows(made)
    assert "are over" in stopped["stopped"]
    assert took["part_seconds"] >= 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_no_handler_of_a_case_keeps_the_end_of_the_time(made: GpuRun) -> None:
    with made.bounded("slow", 60):
        with made.telling("slow", case="first"):
            raise TimeIsUp
        made.say("slow", case="never")
    assert "case" not in "".join(map(str, read_rows(made)))


def test_what_fails_is_told_and_the_next_case_goes_on(made: GpuRun) -> None:
    with made.bounded("odd", 60):
        with made.telling("odd", case="first"):
            raise ValueError("no such shape")
        made.say("odd", case="second")
        raise KeyError("then this")
    rows = read_rows(made)
    assert rows[0]["error"] == "ValueError: no such shape"
    assert "no such shape" in rows[0]["where"]
    assert rows[1]["case"] == "second"
    assert rows[2]["error"] == "KeyError: 'then this'"


def test_nothing_goes_on_without_a_device(made: GpuRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GpuRun, "is_device_lost", lambda self: True)
    with made.bounded("odd", 60):
        with pytest.raises(DeviceLost), made.telling("odd", case="first"):
            raise RuntimeError("an illegal memory access")
        raise DeviceLost
    assert [row.get("stopped") for row in read_rows(made)] == [None, "the device is lost for this process", None]


def test_a_case_is_begun_once_and_in_time(made: GpuRun) -> None:
    with made.bounded("odd", 60):
        assert made.begin("odd", "first", 5)
        assert not made.begin("odd", "first", 5)
        assert not made.begin("odd", "long", 1000)
    assert made.tried == ["odd/first"]
    assert [row.get("left_out") for row in read_rows(made)] == ["long", None]
