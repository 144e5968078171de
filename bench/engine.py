"""The engine against what its users would pick instead, on rewriting requests, by replay (see ``replay``).

Prompt lookup is replayed as well; the other peers compute as many tokens, whatever these are. References are cut from
the corpora, with seeded edits; half of each prompt is a beginning that all share.

Listing the benchmarks needs no torch, so whatever needs it is imported when they run.
"""

from __future__ import annotations

import copy
import functools
import gc
import logging
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry import Row, benchmark

if TYPE_CHECKING:
    from replay import ReplayEngine

#: Shares of tokens that are edited; 1 is new text.
EDITS = (0.03, 0.12, 1.0)

#: The peer that drafts as well.
LOOKUP = "generate, prompt lookup"

#: Tokens of the longest prompt and output together: a request of these loads has at most 600.
MODEL_LEN = 1024

#: Rounds of each side, in turn with the others; the median is quoted.
ROUNDS = 3

#: Name, dtype, share of edits.
Side = tuple[str, str, float]


@dataclass
class Measured:
    """Seconds of each round of one side, and what an engine did in the last one, by the names of its statistics."""

    seconds: list[float] = field(default_factory=list)
    done: dict[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Seconds of the round in the middle."""
        return statistics.median(self.seconds)


@dataclass
class Group:
    """Sides that share what takes the memory: what measures one round of each, and their engine if they have one."""

    sides: dict[Side, Callable[[], float]]
    engine: ReplayEngine | None = None


def make_groups(
    model: Any, texts: list[list[int]], *, device: str, dtypes: tuple[str, ...], batch: int, count: int
) -> list[Callable[[], Group]]:
    """Make what makes each group of sides. ``model`` is transformers' own; engines take its weights from memory."""
    import torch
    from replay import Peer, ReplayEngine, make_load, serve_from

    from midb.kernels import EngineConfig

    # Each load has its own seed and so its own beginning: it is a pass of its own, about which the engine learns
    # separately.
    loads = {share: make_load(texts, count, share, seed=number) for number, share in enumerate(EDITS)}

    def make_engine(dtype: str, name: str, draft: bool) -> Group:
        with serve_from(model) as folder:
            engine = ReplayEngine(
                EngineConfig(
                    checkpoint=folder,
                    device=device,
                    dtype=dtype,
                    max_num_seqs=batch,
                    max_model_len=MODEL_LEN,
                    num_kv_tokens=0 if device == "cpu" else (batch + 1) * MODEL_LEN,
                    draft=draft,
                )
            )
        shares = EDITS if draft else (1.0,)
        return Group(
            {
                (name, dtype, share): functools.partial(
                    engine.measure_seconds, loads[share].requests, loads[share].outputs
                )
                for share in shares
            },
            engine,
        )

    def make_peer(dtype: str) -> Group:
        wanted = getattr(torch, dtype)
        peer = Peer(model if model.dtype == wanted else copy.deepcopy(model).to(wanted))
        sides: dict[Side, Callable[[], float]] = {}
        for share in EDITS if batch == 1 else ():
            load = loads[share]
            sides[LOOKUP, dtype, share] = functools.partial(peer.measure_lookup, load.requests, load.outputs)
        # The other peers compute the same, be the text new or old.
        requests = loads[0.03].requests
        sides["generate", dtype, 0.03] = functools.partial(peer.measure_generate, requests, batch)
        sides["continuous batching", dtype, 0.03] = functools.partial(peer.measure_continuous, requests, batch)
        return Group(sides)

    made: list[Callable[[], Group]] = []
    for dtype in dtypes:
        for name, draft in (("engine", True), ("engine, no drafts", False)):
            made.append(functools.partial(make_engine, dtype, name, draft))
        made.append(functools.partial(make_peer, dtype))
    return made


def measure(groups: list[Group], device: str) -> dict[Side, Measured]:
    """Measure all sides in turn, round by round; the first round warms up."""
    found = {side: Measured() for group in groups for side in group.sides}
    for turn in range(ROUNDS + 1):
        for group in groups:
            for side, run in group.sides.items():
                if side[0] == "continuous batching" and device == "cpu" and turn != 1:
                    continue  # a round of it takes a minute or two there
                before = group.engine.stats.as_dict() if group.engine else {}
                taken = run()
                if turn:
                    found[side].seconds.append(taken)
                if group.engine:
                    after = group.engine.stats.as_dict()
                    found[side].done = {name: after[name] - before[name] for name in after}
    return found


def measure_all(makers: list[Callable[[], Group]], device: str) -> dict[Side, Measured]:
    """Measure all groups: in turn on a CPU; on a GPU, whose memory holds one engine, one after the other."""
    if device == "cpu":
        return measure([make() for make in makers], device)
    found: dict[Side, Measured] = {}
    for make in makers:
        found |= measure([make()], device)
        free_memory()
    return found


def free_memory() -> None:
    """Give back what a dropped engine held: its parts know each other, so the collector has to find them."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def compare(
    model: Any, texts: list[list[int]], *, device: str, dtypes: tuple[str, ...], batch: int, count: int
) -> Iterator[Row]:
    """One table: every side at one batch size; requests/s, and ratios to the better dtype of each peer."""
    from replay import NEW_TOKENS

    makers = make_groups(model, texts, device=device, dtypes=dtypes, batch=batch, count=count)
    found = measure_all(makers, device)

    def compare_to(peer: str, share: float, taken: float) -> Row:
        best = min((one.median for (name, _, edits), one in found.items() if (name, edits) == (peer, share)), default=0)
        return {f"times_{peer.replace(', ', '_').replace(' ', '_')}": round(best / taken, 2)} if best else {}

    for (name, dtype, share), measured in found.items():
        taken = measured.median
        row: Row = {
            "side": name,
            "dtype": dtype,
            "batch": batch,
            "requests": count,
            "edits": share if "engine" in name or name == LOOKUP else "any",
            "requests_per_s": round(count / taken, 3),
            "tokens_per_s": round(count * NEW_TOKENS / taken, 1),
            "rounds": len(measured.seconds),
            "range_s": [round(min(measured.seconds), 2), round(max(measured.seconds), 2)],
        }
        if done := measured.done:
            row |= {
                **compare_to("generate", 0.03, taken),
                **compare_to("continuous batching", 0.03, taken),
                **compare_to(LOOKUP, share, taken),
                "tokens_per_step": round(done["generated"] / done["steps"], 2),
                "rows_per_token": round(done["verified"] / done["generated"], 2),
                "prefix_hits": round(done["prefix_hits"] / done["prompt_tokens"], 2),
            }
        yield row


@benchmark("engine-cpu", "requests/s of the engine and of transformers on a CPU, 100M parameters, by replay")
def run_on_cpu(corpora: Path) -> Iterator[Row]:
    """Batches of 16 and of one, in both dtypes."""
    from replay import SMALL, make_model, read_texts

    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    logging.getLogger("ContinuousBatchingLogger").setLevel(logging.CRITICAL)
    texts, model = read_texts(corpora), make_model(SMALL, "float32", "cpu")
    for batch, count in ((16, 16), (1, 3)):
        yield from compare(model, texts, device="cpu", dtypes=("float32", "bfloat16"), batch=batch, count=count)


@benchmark("engine-gpu", "the same on a GPU at the shapes of Qwen3-8B in bf16, batch 1 to 256", needs="gpu")
def run_on_gpu(corpora: Path) -> Iterator[Row]:
    """Batches of five sizes, with the most memory that each needs: one engine, and the weights of its peer."""
    import torch
    from replay import LARGE, make_model, read_texts

    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    texts, model = read_texts(corpora), make_model(LARGE, "bfloat16", "cuda")
    for batch in (1, 8, 32, 128, 256):
        torch.cuda.reset_peak_memory_stats()
        for row in compare(model, texts, device="cuda", dtypes=("bfloat16",), batch=batch, count=max(batch, 4)):
            yield row | {"peak_GiB": round(torch.cuda.max_memory_allocated() / 2**30, 1)}


#: Names of torch's operators, by what they are for; the first that fits.
PARTS = {
    "linear layers": ("_linear_pointwise", "linear", "addmm", "mm", "packed"),
    "attention": ("scaled_dot_product", "flash", "bmm"),
    "sampling": ("max", "argmax", "where"),
    "copies and indexing": ("copy_", "index", "cat", "embedding", "clone"),
    "norms, rotary, activations": ("mul", "add", "silu", "pow", "mean", "rsqrt", "sub", "neg", "sum"),
}


@benchmark("engine-shares", "where a step's time goes on a CPU, bf16, batch 16, 3 % edits")
def run_shares(corpora: Path) -> Iterator[Row]:
    """By torch's profiler; what it does not see is Python's."""
    from replay import SMALL, ReplayEngine, make_checkpoint, make_load, read_texts
    from torch.profiler import ProfilerActivity, profile

    from midb.kernels import EngineConfig

    texts = read_texts(corpora)
    with tempfile.TemporaryDirectory() as name:
        folder = make_checkpoint(Path(name), SMALL, "float32", "cpu")
        load = make_load(texts, 16, 0.03)
        engine = ReplayEngine(EngineConfig(checkpoint=folder, dtype="bfloat16", max_num_seqs=16, max_model_len=1024))
        engine.measure_seconds(load.requests, load.outputs)
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            taken = engine.measure_seconds(load.requests, load.outputs)
    left = taken
    found = dict.fromkeys([*PARTS, "other operators"], 0.0)
    for event in profiled.key_averages():
        part = next((p for p, names in PARTS.items() if any(n in event.key for n in names)), "other operators")
        found[part] += event.self_cpu_time_total / 1e6
    for part, spent in found.items():
        left -= spent
        yield {"part": part, "share": f"{100 * spent / taken:.1f}%", "seconds": round(spent, 2)}
    yield {
        "part": "Python: scheduling, drafting, calls",
        "share": f"{100 * left / taken:.1f}%",
        "seconds": round(left, 2),
    }
