"""The parts of a GPU run, on a CPU with tiny shapes: each measures, judges and tells what it is there for."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("tokenizers")
if not hasattr(signal, "setitimer"):
    pytest.skip("a GPU run needs signals of Linux", allow_module_level=True)

import gpu_run
import replay
from gpu import checks
from gpu.context import DeviceLost, GpuRun
from gpu.models import Oracle, make_small
from gpu_run import PARTS


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> list[dict[str, Any]]:
    """What the parts say that need no other process and no interpreter of Triton."""
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMOKE", "1")
        patch.setattr(replay, "NEW_TOKENS", 12)
        words = ["--out", str(out), "about", "logits", "prefill", "engine", "trace"]
        assert gpu_run.main(words) == 0
    return read_rows(out)


def read_rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "rows.jsonl").read_text(encoding="utf-8").splitlines()]


def of(rows: list[dict[str, Any]], part: str) -> list[dict[str, Any]]:
    """Rows of a part, without the one that says how long it took."""
    return [row for row in rows if row["part"] == part and "part_seconds" not in row]


def test_nothing_fails(rows: list[dict[str, Any]]) -> None:
    wrong = [row for row in rows if {"error", "stopped", "left_out"} & set(row)]
    assert {row["part"] for row in wrong} <= {"prefill"}, wrong
    (about,) = of(rows, "about")
    assert about["torch"]
    assert about["flash-attn"]


def test_tokens_are_judged_in_every_case(rows: list[dict[str, Any]]) -> None:
    cases = {row["case"]: row for row in of(rows, "logits") if "tokens" in row}
    assert set(cases) == set(checks.CASES)
    for row in cases.values():
        assert row["suspect"] == row["first_flips"] == row["second_time_differs"] == 0, row
        assert row["tokens"] == row["prompts"] * checks.NEW
    assert cases["plain"]["drafted"] == 0
    assert cases["all"]["accepted"] == cases["all"]["drafted"] > 0
    firsts = [row for row in of(rows, "logits") if row["case"] == "first output"]
    assert {row["graphs"] for row in firsts} == {True, False}
    assert all(row["same_again"] and row["suspect"] == 0 for row in firsts)
    (errors,) = [row for row in of(rows, "logits") if row["case"] == "errors of logits"]
    assert errors["worst_rms_in_std"] < 1e-4


def test_a_wrong_token_is_suspect(tmp_path: Path, one_thread: None) -> None:
    run = GpuRun(tmp_path, smoke=True)
    oracle = Oracle(make_small(run))
    prompts = [[5, 6, 7], [8] * 20]
    with replay.serve_from(oracle.model) as folder:
        outputs = checks.generate(checks.make_engine(folder, run, "float32"), prompts)
    assert oracle.judge(prompts, outputs).describe()["suspect"] == 0
    outputs[1][3] = (outputs[1][3] + 1) % 1000
    judged = oracle.judge(prompts, outputs).describe()
    assert judged["suspect"] >= 1
    assert judged["worst_gap_std"] > 0.1 > judged["peer_worst_gap_std"]


def test_the_engine_is_measured_with_and_without_its_parts(rows: list[dict[str, Any]]) -> None:
    found = {(row["case"], row["edits"]): row for row in of(rows, "engine")}
    assert set(found) == {
        *((case, share) for case in ("all", "no graphs", "no cascade", "no overlap") for share in (0.03, 1.0)),
        ("no drafts", 1.0),
    }
    assert all(row["requests_per_s"] > 0 and row["ms_per_step"] > 0 for row in found.values())
    assert found["all", 0.03]["tokens_per_step"] > found["no drafts", 1.0]["tokens_per_step"]
    assert found["no drafts", 1.0]["rows_per_token"] == 1


def test_steps_are_traced_while_all_decode(rows: list[dict[str, Any]]) -> None:
    traced = {row["edits"]: row for row in of(rows, "trace")}
    assert set(traced) == {0.03, 1.0}
    for row in traced.values():
        assert row["running_at_the_end"] == row["batch"]
        assert row["tokens"] >= row["batch"]
        assert row["wall_ms"] > 0
        assert row["gpu_busy_ms"] > 0
        assert min(row["host_ms"][part] for part in ("scheduler", "prepare", "launch", "take_sampled")) > 0


def test_the_paged_kernel_is_held_against_fp32(rows: list[dict[str, Any]]) -> None:
    (paged,) = [row for row in of(rows, "prefill") if row.get("way") == "paged kernel"]
    assert paged["max_error"] < 1e-5
    others = {row["way"] for row in of(rows, "prefill") if "way" in row}
    assert "torch varlen, fewer key heads" in others, "measured, or told why not"


def test_failures_of_the_kernels_tests_have_rows(tmp_path: Path) -> None:
    run = GpuRun(tmp_path, smoke=True)
    log = tmp_path / "ops.log"
    log.write_text(
        "tests/kernels/ops/test_a.py::test_x PASSED\n"
        "FAILED tests/kernels/ops/test_a.py::test_y[1-2] - AssertionError: assert 3 == 4\n"
        "ERROR tests/kernels/ops/test_b.py\n== 1 failed, 1 passed in 1s ==\n",
        encoding="utf-8",
    )
    checks.tell_failures(run, 1, stopped=False)
    log.write_text(
        "[gw0] [  1%] PASSED tests/kernels/ops/test_a.py::test_x \n"
        "[gw1] [  2%] FAILED tests/kernels/ops/test_a.py::test_y[1-2] \n",
        encoding="utf-8",
    )
    checks.tell_failures(run, -9, stopped=True)
    total, failed, error, stopped, last = read_rows(tmp_path)
    assert (total["failed"], total["passed"], total["last"]) == (2, 1, "== 1 failed, 1 passed in 1s ==")
    assert (failed["failed"], failed["error"]) == ("test_a.py::test_y[1-2]", "AssertionError: assert 3 == 4")
    assert error["failed"] == "test_b.py"
    assert (stopped["stopped"], stopped["failed"], stopped["passed"]) == (True, 1, 1)
    assert last["failed"] == "test_a.py::test_y[1-2]"


def test_a_new_process_goes_on_where_the_device_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is left of the part, behind the case that broke it, and then the other parts."""

    def break_off(run: GpuRun) -> None:
        if run.begin("engine", "first"):
            raise DeviceLost

    started: list[list[str]] = []
    monkeypatch.setenv("SMOKE", "1")
    monkeypatch.setattr("gpu.serving.measure_engine", break_off)
    monkeypatch.setattr(GpuRun, "is_device_lost", lambda self: True)
    monkeypatch.setattr(os, "execv", lambda program, words: started.append(words))
    assert gpu_run.main(["--out", str(tmp_path), "engine:100", "trace:7"]) == 0
    ((program, script, *words),) = started
    assert (program, Path(script).name) == (sys.executable, "gpu_run.py")
    assert words[words.index("--tried") + 1] == "engine/first"
    assert [word.partition(":")[0] for word in words[-2:]] == ["engine", "trace"]
    assert 15 < float(words[-2].partition(":")[2]) <= 100
    started.clear()
    monkeypatch.setattr(GpuRun, "is_device_lost", lambda self: False)
    assert gpu_run.main(words[:-1]) == 0, "it understands itself, and does not begin the case again"
    assert not started


def test_parts_are_named_with_their_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_run.parse_part("engine") == ("engine", PARTS["engine"][2])
    assert gpu_run.parse_part("engine:30") == ("engine", 30.0)
    for words, told in ((["engnie"], 'no part "engnie"'), (["engine:x"], "write engine:60")):
        with pytest.raises(SystemExit):
            gpu_run.main(words)
        assert told in capsys.readouterr().err


def test_without_a_gpu_that_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    monkeypatch.delenv("SMOKE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_run.main(["about"]) == 2
    assert "there is no GPU; SMOKE=1" in capsys.readouterr().err
