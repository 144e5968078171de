"""Running benchmarks by name: no figure on a red test, and none where nothing can be measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import registry
import run
from registry import Benchmark, Row

BENCH = Path(__file__).resolve().parents[2] / "bench"

_SCRIPT = """
import runpy, sys
for name in (
    "torch", "transformers", "tokenizers", "triton", "flash_attn", "safetensors", "numpy", "pyarrow", "datasets",
):
    sys.modules[name] = None  # importing it fails
sys.argv = [sys.argv[1], "--list"]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def measure(corpora: Path) -> Iterator[Row]:
    """One row, which says how many corpora there are."""
    yield {"corpora": len(list(corpora.glob("*.jsonl")))}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where rows go; there are two benchmarks, of which one needs a GPU, and this machine has none."""
    known = [Benchmark("pipeline-odd", "counts corpora", measure), Benchmark("engine-odd", "is fast", measure, "gpu")]
    monkeypatch.setattr(run, "BENCHMARKS", {one.name: one for one in known})
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(run, "has_gpu", lambda: False)
    return tmp_path / "results"


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that ran the tests of a gate, which all passed."""
    commands: list[list[str]] = []

    def tests(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, returncode=0)

    monkeypatch.setattr(subprocess, "run", tests)
    monkeypatch.setattr(run, "describe_circumstances", lambda: {"device": "this one"})
    return commands


def call(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["run.py", *map(str, words)])
    return run.main()


@pytest.mark.usefixtures("results")
def test_the_list(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "--list") == 0
    assert "engine-odd               is fast (needs a GPU)" in capsys.readouterr().out
    assert call(monkeypatch, "nonsense") == 2


def test_rows_are_appended_after_the_tests_of_the_gate(
    results: Path, gated: list[list[str]], corpora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        assert call(monkeypatch, "pipeline", "--corpora", corpora) == 0
    rows = [json.loads(line) for line in (results / "pipeline-odd.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows == [{"device": "this one", "gate": "green", "corpora": 2}] * 2
    assert gated[0][-len(registry.GATES["pipeline"]) :] == sorted(registry.GATES["pipeline"])


def test_the_gate_of_a_gpu_runs_on_it() -> None:
    """And holds nothing against its version of Triton."""
    chosen = [Benchmark("kernels-odd", "is odd", measure)]
    command, environment = run.make_gate(chosen, gpu=True)
    assert environment["TRITON_INTERPRET"] == "0"
    assert (registry.ROOT / run.COMPILED_TESTS).exists()
    assert f"--ignore={run.COMPILED_TESTS}" in command
    assert set(chosen[0].gate) <= set(command)
    command, environment = run.make_gate(chosen, gpu=False)
    assert environment.get("TRITON_INTERPRET") == os.environ.get("TRITON_INTERPRET")
    assert not [word for word in command if word.startswith("--ignore")]


def test_no_figure_on_a_red_test(
    results: Path, corpora: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, returncode=1))
    assert call(monkeypatch, "pipeline", "--corpora", corpora) == 1
    assert "no figure is reported on a red test" in capsys.readouterr().err
    assert not results.exists()


def test_what_was_not_tested_says_so(
    results: Path, gated: list[list[str]], corpora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(monkeypatch, "pipeline", "--no-gate", "--corpora", corpora) == 0
    assert json.loads((results / "pipeline-odd.jsonl").read_text(encoding="utf-8"))["gate"] == "skipped"
    assert gated == []


def test_what_needs_a_gpu_is_left_out_and_named(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "engine", "--no-gate") == 0
    assert "engine-odd: no GPU is here, so nothing is measured and no row is written" in capsys.readouterr().err
    assert not (results / "engine-odd.jsonl").exists()


def test_what_needs_corpora_says_where_they_are_looked_for(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "pipeline", "--corpora", tmp_path / "nowhere") == 2
    assert "name a folder with --corpora" in capsys.readouterr().err
    assert not results.exists()


def test_listing_needs_no_torch(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SCRIPT, (BENCH / "run.py").as_posix()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    assert listed >= {"drafter", "engine-cpu", "engine-gpu", "engine-gate", "engine-shares", "kernels-compiled"}
    assert "engine-gpu" in next(line for line in done.stdout.splitlines() if line.endswith("(needs a GPU)"))
