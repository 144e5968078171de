"""The list of benchmarks, on a machine without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"

_SCRIPT = """
import runpy, sys
for name in ("torch", "transformers", "tokenizers", "triton"):
    sys.modules[name] = None  # importing it fails
sys.argv = [sys.argv[1], "--list"]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_listing_needs_no_torch(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SCRIPT, (BENCH / "run.py").as_posix()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    assert listed >= {"drafter", "engine-cpu", "engine-gpu", "engine-gate", "engine-shares", "kernels-compiled"}
    assert "engine-gpu" in next(line for line in done.stdout.splitlines() if line.endswith("(needs a GPU)"))
