"""One run on a GPU that is lent for minutes, in parts that fail alone; rows go to $OUT/rows.jsonl as they are measured.

Nothing need be installed but torch, Triton and transformers, and nothing is downloaded: weights are drawn on the
device.

python bench/gpu_run.py about checks kernels prefill      # parts by name, in this order
python bench/gpu_run.py engine:200 trace:60               # with the seconds that each may take
SMOKE=1 python bench/gpu_run.py                           # everything on a CPU with tiny shapes: does it run at all?
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpu.context import GpuRun

ROOT = Path(__file__).resolve().parents[1]

#: Part -> its module, its function, and the seconds that it may take, in the order of what they are worth.
PARTS: dict[str, tuple[str, str, float]] = {
    "about": ("gpu.about", "describe", 20),
    "checks": ("gpu.checks", "check_all", 200),
    "logits": ("gpu.checks", "compare_logits", 120),
    "ops": ("gpu.checks", "run_kernel_tests", 170),
    "kernels": ("gpu.tables", "measure_kernels", 90),
    "prefill": ("gpu.tables", "measure_prefill", 60),
    "tiles": ("gpu.tiles", "measure_tiles", 60),
    "mixed": ("gpu.tiles", "measure_mixed", 30),
    "engine": ("gpu.serving", "measure_engine", 220),
    "overlap": ("gpu.serving", "measure_overlap", 150),
    "trace": ("gpu.tracing", "trace_steps", 90),
    "peers": ("gpu.serving", "measure_peers", 80),
}

#: What runs where nothing is named: ``checks`` is ``ops`` and ``logits`` side by side.
DEFAULT = ("about", "checks", "kernels", "prefill", "engine", "trace", "peers")


#: Seconds that a part must have left for a new process to go on with it.
LEAST_REST = 15


def link_packages() -> None:
    """Make ``midb`` of this checkout importable, installed or not: its folders stand apart in the repository."""
    site = Path(tempfile.mkdtemp(prefix="midb-links-"))
    (site / "midb").mkdir()
    for one in (ROOT / "midb").iterdir():
        (site / "midb" / one.name).symlink_to(one)
    for name in ("agent", "kernels", "prompts", "training"):
        (site / "midb" / name).symlink_to(ROOT / name)
    sys.path[:0] = [str(site), str(ROOT / "bench")]


def parse_part(text: str) -> tuple[str, float]:
    """``engine:200`` is a part and its seconds; without these it has its own."""
    name, _, seconds = text.partition(":")
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f'There is no part "{name}". Known: {", ".join(PARTS)}.')
    try:
        return name, float(seconds) if seconds else PARTS[name][2]
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{seconds}" is no number of seconds; write {name}:60.') from None


def run_parts(run: GpuRun, parts: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Run parts one after the other; returns those that are left where one has lost the device for this process."""
    for number, (name, seconds) in enumerate(parts):
        module, function, _ = PARTS[name]
        tried, started = len(run.tried), time.monotonic()
        with run.bounded(name, seconds):
            getattr(importlib.import_module(module), function)(run)
        if run.is_device_lost():
            run.say(name, lost="the device answers this process no more: a new one goes on with what is left")
            rest = seconds - (time.monotonic() - started)
            again = [(name, rest)] if len(run.tried) > tried and rest > LEAST_REST else []
            return again + parts[number + 1 :]
        run.free()
    return []


def main(words: list[str]) -> int:
    """Run the named parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", type=parse_part, metavar="PART[:SECONDS]", help=", ".join(PARTS))
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT") or ROOT / "build" / "gpu-run"))
    parser.add_argument("--corpora", type=Path, help="folder of *.jsonl to cut texts from; default: random ids")
    parser.add_argument("--compile-peers", action="store_true", help="measure torch.compile next to the kernels too")
    parser.add_argument("--tried", default="", help=argparse.SUPPRESS)  # for the process that takes over
    options = parser.parse_args(words)
    if options.corpora and not sorted(options.corpora.glob("*.jsonl")):
        parser.error(f"no *.jsonl in {options.corpora}")
    smoke = bool(os.environ.get("SMOKE"))
    import torch
    from gpu.context import GpuRun

    if not smoke and not torch.cuda.is_available():
        print("error: there is no GPU; SMOKE=1 runs the parts on a CPU with tiny shapes", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    run = GpuRun(options.out, smoke, options.corpora, options.compile_peers)
    run.tried = options.tried.split(";") if options.tried else []
    left = run_parts(run, options.parts or [(name, PARTS[name][2]) for name in DEFAULT])
    if left:
        again = [sys.executable, __file__, "--out", str(options.out)]
        again += ["--corpora", str(options.corpora)] if options.corpora else []
        again += ["--compile-peers"] if options.compile_peers else []
        again += ["--tried", ";".join(run.tried)] if run.tried else []
        os.execv(sys.executable, [*again, *(f"{name}:{seconds:g}" for name, seconds in left)])
    return 0


if __name__ == "__main__":
    link_packages()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # the end of the output is all that may come back
    if os.environ.get("SMOKE"):
        os.environ.setdefault("TRITON_INTERPRET", "1")  # read when Triton is imported: the kernels run on a CPU
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # in models of this size a second thread only waits
    sys.exit(main(sys.argv[1:]))
