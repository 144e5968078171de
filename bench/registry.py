"""The benchmarks by name, and what every result says about where it was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"

Row = dict[str, Any]
Run = Callable[[Path], Iterable[Row]]


@dataclass(frozen=True)
class Benchmark:
    """``run`` takes the folder of corpora and yields result rows; ``needs`` names what it cannot do without."""

    name: str
    what: str
    run: Run
    needs: str = "corpora"


BENCHMARKS: dict[str, Benchmark] = {}


def benchmark(name: str, what: str, needs: str = "corpora") -> Callable[[Run], Run]:
    """Register a benchmark."""

    def register(run: Run) -> Run:
        BENCHMARKS[name] = Benchmark(name, what, run, needs)
        return run

    return register


def circumstances() -> Row:
    """On what a row was measured: commit, machine, versions, time."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "device": f"{len(os.sched_getaffinity(0))} cores of {model}",
        "python": platform.python_version(),
    }
