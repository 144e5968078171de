"""The benchmarks by name, and what every result says about where it was measured."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from midb.domain.portability import usable_cores

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"

Row = dict[str, Any]

#: Takes the folder of corpora and yields result rows.
Measure = Callable[[Path], Iterable[Row]]

#: What must pass before a figure is worth anything, by the first part of a benchmark's name.
GATES = {
    "pipeline": ("tests/agent", "tests/audit", "tests/corpus", "tests/detectors"),
    "drafter": ("tests/kernels/engine",),
    "engine": ("tests/kernels",),
    "detectors": ("tests/detectors", "tests/injectors"),
    "kernels": ("tests/kernels/ops",),
    "shards": ("tests/shards", "tests/cluster"),
}


@dataclass(frozen=True)
class Benchmark:
    """``run`` measures.

    :param needs: what it cannot do without: "corpora", "gpu", or "" for nothing.
    """

    name: str
    what: str
    run: Measure
    needs: str = "corpora"

    @property
    def gate(self) -> tuple[str, ...]:
        """The tests that must pass first."""
        return GATES[self.name.partition("-")[0]]


BENCHMARKS: dict[str, Benchmark] = {}


def benchmark(name: str, what: str, needs: str = "corpora") -> Callable[[Measure], Measure]:
    """Register a benchmark."""

    def register(measure: Measure) -> Measure:
        BENCHMARKS[name] = Benchmark(name, what, measure, needs)
        return measure

    return register


def has_gpu() -> bool:
    """Whether torch is installed and finds a GPU."""
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def describe_circumstances() -> Row:
    """Say on what a row was measured: commit, machine, versions, time."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        commit = ""  # a lent machine may have no git
    versions = {name: version(name) for name in ("torch", "triton") if find_spec(name)}
    device = f"{usable_cores()} cores of {_name_processor()}"
    if has_gpu():
        import torch

        device = f"{torch.cuda.get_device_name()}, {device}"
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "device": device,
        "python": platform.python_version(),
        **versions,
    }


def _name_processor() -> str:
    """Name the processor; only Linux has /proc."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), platform.processor())
