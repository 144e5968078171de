"""Runs benchmarks by name and appends their rows to bench/results. Refuses to measure what does not pass its tests.

Listing them needs no torch.

python bench/run.py --list
python bench/run.py pipeline --corpora ../shared/data/corpora
python bench/run.py kernels-compiled
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import compiled  # noqa: F401  (each registers its benchmarks)
import detectors.real
import detectors.recall  # noqa: F401
import drafting.drafters  # noqa: F401
import engine  # noqa: F401
import gate  # noqa: F401
import gpu_ops  # noqa: F401
import model_pipeline  # noqa: F401
import neighbours.comparing  # noqa: F401
import pipeline  # noqa: F401
import real_weights  # noqa: F401
import shards.merging  # noqa: F401
from registry import BENCHMARKS, RESULTS, ROOT, Benchmark, describe_circumstances, has_gpu

#: Tests with bounds on what kernels compile to.
COMPILED_TESTS = "tests/kernels/ops/test_compiled.py"


def main() -> int:
    """Parse the command line, hold the gate, run, print and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="benchmarks to run; a prefix names several; default: all")
    parser.add_argument("--list", action="store_true", help="list the benchmarks")
    parser.add_argument("--corpora", type=Path, default=ROOT.parent / "shared" / "data" / "corpora")
    parser.add_argument("--no-gate", action="store_true", help="do not run the tests first; rows say so")
    options = parser.parse_args()
    chosen = [b for b in BENCHMARKS.values() if not options.names or any(b.name.startswith(n) for n in options.names)]
    if options.list or not chosen:
        for known in BENCHMARKS.values():
            needs = f" (needs a {known.needs.upper()})" if known.needs == "gpu" else ""
            print(f"{known.name:24} {known.what}{needs}")
        return 0 if options.list else 2
    if not has_gpu():
        for skipped in [one for one in chosen if one.needs == "gpu"]:
            print(f"{skipped.name}: no GPU is here, so nothing is measured and no row is written", file=sys.stderr)
        chosen = [one for one in chosen if one.needs != "gpu"]
    if any(one.needs for one in chosen) and not sorted(options.corpora.glob("*.jsonl")):
        print(f"error: no *.jsonl in {options.corpora}; name a folder with --corpora", file=sys.stderr)
        return 2
    if chosen and not options.no_gate:
        command, environment = make_gate(chosen, gpu=has_gpu())
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            print("error: tests fail; no figure is reported on a red test", file=sys.stderr)
            return 1
    about = describe_circumstances() | {"gate": "skipped" if options.no_gate else "green"}
    RESULTS.mkdir(exist_ok=True)
    for chosen_one in chosen:
        print(f"\n== {chosen_one.name}: {chosen_one.what}", flush=True)
        for row in chosen_one.run(options.corpora):
            print("  " + "  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
            with (RESULTS / f"{chosen_one.name}.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(about | row, ensure_ascii=False) + "\n")
    return 0


def make_gate(chosen: list[Benchmark], *, gpu: bool) -> tuple[list[str], dict[str, str]]:
    """Make the command of the tests that must pass first, and its environment.

    On a GPU the kernels' tests run there and not under Triton's interpreter. Bounds on what they compile to are left
    out: they depend on the version of Triton, and a machine with a GPU has its own.
    """
    tests = sorted({path for one in chosen for path in one.gate})
    command = [str(Path(sys.executable).with_name("pytest")), "-q", "-x", "-n", "auto", *tests]
    if not gpu:
        return command, dict(os.environ)
    return [*command, f"--ignore={COMPILED_TESTS}"], os.environ | {"TRITON_INTERPRET": "0"}


if __name__ == "__main__":
    sys.exit(main())
