"""Where a step's time goes: how long the GPU is busy in it, and what the host does meanwhile."""

from __future__ import annotations

import cProfile
import pstats
import time
from dataclasses import dataclass
from typing import Any

from replay import Load, ReplayEngine, make_load, serve_from

from gpu.context import GpuRun
from gpu.models import make_large
from gpu.serving import EDITS, count_graphs, get_texts, make_engine
from midb.kernels import Request

#: Requests that are decoded together.
BATCHES = (8, 128, 256, 32)

#: Steps before the windows, in which the last tokens of the prompts are computed.
FIRST_STEPS = 4


@dataclass(frozen=True)
class Traced:
    """A load that is traced.

    :param steps: of each of three windows: by the clock, by torch's profiler, by Python's. Few where a step brings many
        tokens, or the outputs would end before the windows.
    :param new_tokens: of each output.
    """

    batch: int
    share: float
    steps: int
    new_tokens: int


def choose_load(batch: int, share: float) -> Traced:
    """Choose windows and outputs so that all sequences decode all the time, and their KV has room."""
    if share == 1.0:
        return Traced(batch, share, 8, 40)
    return Traced(batch, share, 4, 384 if batch < 256 else 192)


#: Functions of the host's side of a step, by their names and the ends of their files.
HOST = {
    "scheduler": ("schedule", "scheduler.py"),
    "prepare": ("plan_step", "step_plan.py"),
    "launch": ("launch", "model_runner.py"),
    "wait": ("read_sampled", "model_runner.py"),
    "take_sampled": ("_take_sampled", "engine.py"),
}


def trace_steps(run: GpuRun) -> None:
    """Trace steps in which all sequences decode."""
    texts = get_texts(run)
    with serve_from(make_large(run)) as folder:
        engine = make_engine(run, folder)
    for batch in (2,) if run.smoke else BATCHES:
        for share in EDITS:
            if not run.begin("trace", f"{batch} {share}", 8):
                continue
            with run.telling("trace", batch=batch, edits=share):
                traced = choose_load(batch, share)
                load = make_load(texts, batch, share, seed=70 + batch, new_tokens=traced.new_tokens)
                for _ in range(2):  # it compiles and captures
                    start(engine, load)
                    finish(engine)
                trace_load(run, engine, load, traced)


def start(engine: ReplayEngine, load: Load) -> None:
    """Add a load whose prompts are in the prefix cache already, so that all sequences decode after a few steps."""
    engine.replay([[0]] * len(load.requests))
    for _ in engine.generate([Request(one.prompt_ids, max_new_tokens=1, ignore_eos=True) for one in load.requests]):
        pass
    engine.replay(load.outputs, keep_prefixes=True)
    for request in load.requests:
        engine.add(request)
    for _ in range(FIRST_STEPS):
        engine.step()


def finish(engine: ReplayEngine) -> None:
    """Compute what is left."""
    while engine.busy:
        engine.step()
    list(engine.take_results())


def trace_load(run: GpuRun, engine: ReplayEngine, load: Load, traced: Traced) -> None:
    """Trace windows of one load, and write what they show."""
    start(engine, load)
    before, graphs = engine.stats.as_dict(), count_graphs(engine)
    wall = watch_steps(run, engine, traced.steps)
    after = engine.stats.as_dict()
    done = {name: (after[name] - before[name]) / traced.steps for name in ("rows", "verified", "generated")}
    captured = count_graphs(engine) - graphs
    busy = 0.0
    top: dict[str, float] = {}
    with run.telling("trace", batch=traced.batch, edits=traced.share, way="torch.profiler"):
        busy, top = profile_device(run, engine, traced.steps)
    host = profile_host(engine, traced.steps)
    running = len(engine.scheduler.running)
    finish(engine)
    run.say(
        "trace", batch=traced.batch, edits=traced.share, wall_ms=round(wall, 3), gpu_busy_ms=round(busy, 3),
        host_ms=host, rows=done["rows"], verified=done["verified"], tokens=done["generated"],
        running_at_the_end=running,
        graphs_captured_meanwhile=captured, top_ms=top,
    )  # fmt: skip


def watch_steps(run: GpuRun, engine: ReplayEngine, steps: int) -> float:
    """Milliseconds of a step by the clock."""
    started = time.perf_counter()
    for _ in range(steps):
        engine.step()
    synchronize(run)
    return 1e3 * (time.perf_counter() - started) / steps


def synchronize(run: GpuRun) -> None:
    """Wait for the device."""
    if not run.smoke:
        import torch

        torch.cuda.synchronize()


def profile_device(run: GpuRun, engine: ReplayEngine, steps: int) -> tuple[float, dict[str, float]]:
    """Milliseconds of a step in which the GPU computes, and those of the longest kernels; on a CPU, of operators."""
    from torch.profiler import ProfilerActivity, profile

    watched = ProfilerActivity.CPU if run.smoke else ProfilerActivity.CUDA
    name = "self_cpu_time_total" if run.smoke else "self_device_time_total"
    with profile(activities=[watched]) as seen:
        for _ in range(steps):
            engine.step()
        synchronize(run)
    taken = {event.key: getattr(event, name) / 1e3 / steps for event in seen.key_averages()}
    longest = sorted(taken.items(), key=lambda item: -item[1])[:12]
    return sum(taken.values()), {key[:70]: round(spent, 3) for key, spent in longest}


def profile_host(engine: ReplayEngine, steps: int) -> dict[str, Any]:
    """Milliseconds of a step by Python's profiler, which slows Python down: its parts, and its own longest functions.

    ``wait`` is the time until the sampled tokens are on the host.
    """
    watch = cProfile.Profile()
    watch.enable()
    for _ in range(steps):
        engine.step()
    watch.disable()
    found: dict[Any, Any] = pstats.Stats(watch).stats  # type: ignore[attr-defined]
    told: dict[str, Any] = {}
    for part, (function, file) in HOST.items():
        spent = [row[3] for (path, _, name), row in found.items() if name == function and path.endswith(file)]
        told[part] = round(1e3 * max(spent, default=0.0) / steps, 3)
    longest = sorted(found.items(), key=lambda item: -item[1][2])[:10]
    told["own"] = {
        f"{path.rpartition('/')[2]}:{name}"[:60]: round(1e3 * row[2] / steps, 3) for (path, _, name), row in longest
    }
    return told
