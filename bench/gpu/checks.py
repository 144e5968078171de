"""Is it right at all: the engine's tokens by transformers' logits, and the kernels' own tests on the GPU."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from registry import ROOT
from replay import serve_from

from gpu.context import GpuRun
from gpu.models import Oracle, make_small

#: Lengths of prompts behind the shared beginning: on both sides of a block, of the prefill kernel, and long ones.
LENGTHS = (1, 7, 40, 63, 64, 65, 129, 300, 900, 1500)

#: Tokens of the beginning that most prompts share.
SHARED = 130

#: New tokens of each prompt.
NEW = 12

#: Tokens that the KV cache of these engines holds.
KV_TOKENS = 40_000

#: Case -> what is off in it. Drafts come from the output of the first case.
CASES: dict[str, dict[str, bool]] = {
    "plain": {"cuda_graphs": False, "cascade_attention": False, "draft": False},
    "graphs": {"cascade_attention": False, "draft": False},
    "cascade": {"cuda_graphs": False, "draft": False},
    "drafts": {"cuda_graphs": False, "cascade_attention": False},
    "all": {},
}

#: A failed test in pytest's own summary.
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)(?: - (.*))?$", re.MULTILINE)

#: Most failures that have rows of their own.
_MOST_FAILURES = 60


def make_prompts(run: GpuRun) -> list[list[int]]:
    """Make prompts of 1 to 1,630 tokens, most with a common beginning."""
    chance = random.Random(1)

    def draw(count: int) -> list[int]:
        return [chance.randrange(10, 900) for _ in range(count)]

    shared = draw(SHARED)
    lengths = LENGTHS[:6] if run.smoke else LENGTHS
    prompts = [shared + draw(count) for count in lengths] + [draw(1), draw(33), shared[:17]]
    return prompts + [shared + draw(20 + number) for number in range(2 if run.smoke else 20)]


def make_engine(folder: Path, run: GpuRun, dtype: str, **options: Any) -> Any:
    """Make an engine of bounded memory, as it meets a GPU for the first time."""
    from midb.kernels import Engine, EngineConfig

    return Engine(
        EngineConfig(
            checkpoint=folder, device=run.device, dtype=dtype, num_kv_tokens=KV_TOKENS, max_model_len=2048, **options
        )
    )


def generate(engine: Any, prompts: list[list[int]], references: list[list[int]] | None = None) -> list[list[int]]:
    """Generate greedily for all prompts together."""
    from midb.kernels import Request

    drafts = references or [[]] * len(prompts)
    requests = [
        Request(prompt, reference or None, max_new_tokens=NEW, ignore_eos=True)
        for prompt, reference in zip(prompts, drafts, strict=True)
    ]
    found = {result.index: result.token_ids for result in engine.generate(requests)}
    return [list(found[number]) for number in range(len(prompts))]


@contextlib.contextmanager
def record_logits(engine: Any) -> Iterator[list[torch.Tensor]]:
    """Collect the logits from which an engine without graphs samples, step by step."""
    logits: list[torch.Tensor] = []
    model = engine.runner.model
    sample = model.sample

    def sample_and_record(hidden: torch.Tensor, *args: Any) -> torch.Tensor:
        logits.append(model.compute_logits(hidden))
        out: torch.Tensor = sample(hidden, *args)
        return out

    model.sample = sample_and_record
    try:
        yield logits
    finally:
        model.sample = sample


def compare_logits(run: GpuRun) -> None:
    """Compare the engine with transformers: first outputs, every case, errors of logits; in fp32 as well."""
    model = make_small(run)
    oracle, prompts = Oracle(model), make_prompts(run)
    with serve_from(model) as folder:
        expected: list[list[int]] | None = None
        for case, options in CASES.items():
            if run.begin("logits", case, 8):
                expected = compare_case(run, oracle, folder, prompts, case, options, expected) or expected
        for graphs in (False, True):
            if run.begin("logits", f"first outputs, graphs {graphs}", 5):
                compare_first_outputs(run, oracle, folder, prompts, graphs)
        if run.begin("logits", "errors", 8):
            with run.telling("logits", case="errors of logits"):
                measure_logits(run, oracle, folder, prompts)
        if not run.smoke and run.begin("logits", "fp32", 8):
            single = Oracle(oracle.exact)
            compare_case(run, single, folder, prompts, "all", CASES["all"], expected, dtype="float32")
        if not run.smoke and run.begin("logits", "fp8", 8):  # its tokens differ: how far below the best logit are they
            compare_case(run, oracle, folder, prompts, "all", CASES["all"], None, dtype="fp8")


def compare_case(
    run: GpuRun,
    oracle: Oracle,
    folder: Path,
    prompts: list[list[int]],
    case: str,
    options: dict[str, bool],
    references: list[list[int]] | None,
    dtype: str = "",
) -> list[list[int]] | None:
    """Judge one case; returns its outputs, or None if it failed. The same engine is asked twice."""
    dtype = dtype or run.dtype
    with run.telling("logits", case=case, dtype=dtype):
        engine = make_engine(folder, run, dtype, **options)
        outputs = generate(engine, prompts, references if engine.config.draft else None)
        again = generate(engine, prompts, references if engine.config.draft else None)
        stats = engine.stats
        run.say(
            "logits",
            case=case,
            dtype=dtype,
            **oracle.judge(prompts, outputs).describe(),
            second_time_differs=sum(a != b for a, b in zip(outputs, again, strict=True)),
            differs_from_plain=sum(a != b for a, b in zip(outputs, references or outputs, strict=True)),
            prompts=len(prompts),
            drafted=stats.drafted,
            accepted=stats.accepted,
            steps=stats.steps,
            peak_GiB=run.find_peak(),
        )
        return outputs
    return None


def compare_first_outputs(run: GpuRun, oracle: Oracle, folder: Path, prompts: list[list[int]], graphs: bool) -> None:
    """Judge what a fresh engine says first, with nothing warmed up, and whether it says the same again."""
    for chosen in (prompts[len(prompts) // 2 :][:1], [[5]], prompts[-3:]):
        with run.telling("logits", case="first output", graphs=graphs):
            engine = make_engine(folder, run, run.dtype, cuda_graphs=graphs)
            first, second = generate(engine, chosen), generate(engine, chosen)
            judged = oracle.judge(chosen, first).describe()
            told = {name: judged[name] for name in ("suspect", "flips", "worst_gap_std", "peer_worst_gap_std")}
            same = first == second
            run.say("logits", case="first output", graphs=graphs, prompts=len(chosen), same_again=same, **told)
            del engine


def measure_logits(run: GpuRun, oracle: Oracle, folder: Path, prompts: list[list[int]]) -> None:
    """Measure the error of the logits of prefill and decoding against fp32, next to transformers' own."""
    engine = make_engine(folder, run, run.dtype, **CASES["plain"])
    worst = 0.0
    ratios = {}
    for prompt in prompts[:14]:
        with record_logits(engine) as logits:
            (output,) = generate(engine, [prompt])
        ours, theirs = oracle.measure_errors(prompt, output, torch.cat(logits))
        ratios[len(prompt)] = round(ours / theirs, 2) if theirs else None
        worst = max(worst, ours)
    run.say("logits", case="errors of logits", worst_rms_in_std=round(worst, 6), times_transformers_own=ratios)


def start_tests(run: GpuRun) -> subprocess.Popen[bytes]:
    """Start the kernels' own tests, on the GPU instead of Triton's interpreter, with their output in ``ops.log``."""
    import midb.kernels

    site = str(Path(midb.kernels.__file__).absolute().parents[2])
    tests = "tests/kernels/ops/test_gated_activation.py" if run.smoke else "tests/kernels/ops"
    command = [sys.executable, "-m", "pytest", "-v", "-rfE", "--tb=short", "-p", "no:cacheprovider", tests]
    # What the conftest of all tests needs is not here, and these tests need nothing of it.
    command += ["--confcutdir=tests/kernels", "--ignore=tests/kernels/ops/test_compiled.py"]
    if find_spec("xdist") and not run.smoke:
        command += ["-n", str(max(2, (os.cpu_count() or 4) - 4))]
    if find_spec("pytest_timeout"):
        command.append("--timeout=100")
    environment = os.environ | {
        "TRITON_INTERPRET": "1" if run.smoke else "0",
        "PYTHONPATH": os.pathsep.join(filter(None, (site, os.environ.get("PYTHONPATH")))),
        "PYTHONSAFEPATH": "1",  # the folder midb/ of the checkout is only a part of the package
        "OMP_NUM_THREADS": "1",
    }
    with (run.out / "ops.log").open("wb") as log:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def finish_tests(run: GpuRun, process: subprocess.Popen[bytes]) -> None:
    """Wait for the tests as long as the part has time, and write a row for each that failed."""
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=max(1.0, run.seconds_left - 5))
    finally:
        stopped = process.poll() is None
        if stopped:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        tell_failures(run, process.returncode, stopped)


def tell_failures(run: GpuRun, code: int, stopped: bool) -> None:
    """Write what ``ops.log`` says: its last line, and the first line of each failure."""
    text = (run.out / "ops.log").read_text(encoding="utf-8", errors="replace")
    failed = dict(_FAILED.findall(text))
    if stopped:  # there is no summary yet, only the lines of tests as they ended
        failed = {name: "" for name in re.findall(r"(?:FAILED|ERROR) (?:\S+ )*?(tests/\S+)", text)}
    last = text.strip().splitlines()[-1:] or [""]
    passed = len(re.findall(r"\bPASSED\b", text))
    run.say("ops", code=code, stopped=stopped, passed=passed, failed=len(failed), last=last[0][:300])
    for name, error in list(failed.items())[:_MOST_FAILURES]:
        run.say("ops", failed=name.removeprefix("tests/kernels/ops/"), error=error[:300])


def run_kernel_tests(run: GpuRun) -> None:
    """Run the kernels' own tests."""
    finish_tests(run, start_tests(run))


def check_all(run: GpuRun) -> None:
    """Run the kernels' tests in other processes while the engine's tokens are compared: neither is timed."""
    process = start_tests(run) if run.begin("ops", "all") else None
    try:
        compare_logits(run)
    finally:
        if process is not None:
            finish_tests(run, process)
