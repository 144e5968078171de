"""Requests a second at the shapes of Qwen3-8B, by replay (``bench/replay.py``): the engine, and transformers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from replay import NEW_TOKENS, Load, Peer, ReplayEngine, draw_texts, make_load, read_texts, serve_from

from gpu.context import GpuRun
from gpu.models import make_large
from midb.kernels import EngineConfig

#: Requests that are served together.
BATCHES = (8, 32, 128, 256, 1)

#: Those for which parts of the engine are switched off in turn.
SMALLER = (32, 128, 8)

#: Those for which it matters what the host does.
LARGER = (256, 128)

#: Shares of tokens that are edited; 1 is new text.
EDITS = (0.03, 1.0)

#: Case -> what is off in it.
CASES: dict[str, dict[str, Any]] = {
    "all": {},
    "fp8": {"dtype": "fp8"},
    "no graphs": {"cuda_graphs": False},
    "no cascade": {"cascade_attention": False},
    "no drafts": {"draft": False},
    "no overlap": {"overlap_steps": False},
}

#: Rounds before one is measured, at the most: a graph is captured once its kind of step has come some times.
MOST_WARM_ROUNDS = 6

#: Tokens of the KV cache: 256 requests of 600 tokens, of which they share 200, and room to spare.
KV_TOKENS = 180_000

#: Entries of the vocabulary that random texts are drawn from: of the size that real corpora are cut with.
VOCABULARY = 48_000


def get_texts(run: GpuRun) -> list[list[int]]:
    """Read the corpora that were named, or draw random ids: then drafts find nothing by chance in new text."""
    if "texts" not in run.kept:
        known = make_large(run).config.vocab_size
        run.kept["texts"] = read_texts(run.corpora) if run.corpora else draw_texts(min(VOCABULARY, known))
        run.say("texts", source="corpora" if run.corpora else "random ids", texts=len(run.kept["texts"]))
    texts: list[list[int]] = run.kept["texts"]
    return texts


def make_engine(run: GpuRun, folder: Path, **options: Any) -> ReplayEngine:
    """Make an engine of bounded memory."""
    settings: dict[str, Any] = {
        "dtype": run.dtype, "max_num_seqs": 8 if run.smoke else 256, "max_model_len": 2048,
        "num_kv_tokens": 8192 if run.smoke else KV_TOKENS,
    }  # fmt: skip
    return ReplayEngine(EngineConfig(checkpoint=folder, device=run.device, **settings | options))


def measure_engine(run: GpuRun) -> None:
    """Measure the engine, one at a time: with all it has at every batch, in fp8, then without each part in turn."""
    measure_cases(run, {case: BATCHES if case == "all" else SMALLER for case in CASES})


def measure_overlap(run: GpuRun) -> None:
    """Measure the engine with many sequences, once with steps that overlap and once without."""
    measure_cases(run, {"all": LARGER, "no overlap": LARGER})


def measure_cases(run: GpuRun, cases: dict[str, tuple[int, ...]]) -> None:
    """Measure cases, each at its batches, with one engine at a time."""
    model, texts = make_large(run), get_texts(run)
    with serve_from(model) as folder:
        for case, batches in cases.items():
            options = CASES[case]
            if case == "fp8" and run.smoke:
                continue
            wanted = (2,) if run.smoke else batches
            loads = [(batch, share) for batch in wanted for share in EDITS]
            if case == "no drafts":
                loads = [(batch, share) for batch, share in loads if share == 1.0]  # nothing else is decoded then
            loads = [load for load in loads if f"engine/{case} {load}" not in run.tried]
            if not loads or not run.begin("engine", f"{case} {loads[0]}", 10):
                continue
            with run.telling("engine", case=case):
                engine = make_engine(run, folder, **options)
                for number, (batch, share) in enumerate(loads):
                    if number and not run.begin("engine", f"{case} {(batch, share)}", 8):
                        continue
                    with run.telling("engine", case=case, batch=batch, edits=share):
                        measure_load(run, engine, make_load(texts, batch, share, seed=batch), case, batch, share)
            engine = None  # type: ignore[assignment]


def count_graphs(engine: ReplayEngine) -> int:
    """How many graphs were captured."""
    graphs = engine.runner.graphs
    return len(graphs) if graphs is not None else 0


def measure_load(run: GpuRun, engine: ReplayEngine, load: Load, case: str, batch: int, share: float) -> None:
    """Measure one load after rounds that compile, learn, and capture graphs, until a round captures none."""
    warm, graphs = 0.0, -1
    for _ in range(MOST_WARM_ROUNDS):
        if graphs == (graphs := count_graphs(engine)):
            break
        warm += engine.measure_seconds(load.requests, load.outputs)
    run.find_peak()
    before = engine.stats.as_dict()
    taken = engine.measure_seconds(load.requests, load.outputs)
    after = engine.stats.as_dict()
    done = {name: after[name] - before[name] for name in after}
    run.say(
        "engine", case=case, batch=batch, edits=share,
        requests_per_s=round(batch / taken, 3),
        tokens_per_s=round(done["generated"] / taken, 1),
        ms_per_step=round(1e3 * taken / done["steps"], 2),
        tokens_per_step=round(done["generated"] / done["steps"], 2),
        rows_per_token=round(done["verified"] / done["generated"], 2),
        steps=done["steps"], halved=done["halved"],
        step_share=round(done["step_seconds"] / taken, 3),
        prefix_hits=round(done["prefix_hits"] / done["prompt_tokens"], 2),
        warm_up_s=round(warm, 2), graphs=count_graphs(engine), seconds=round(taken, 3), peak_GiB=run.find_peak(),
    )  # fmt: skip


def measure_peers(run: GpuRun) -> None:
    """Measure transformers on the same weights: ``generate`` at every batch, then its continuous batching."""
    logging.getLogger("ContinuousBatchingLogger").setLevel(logging.CRITICAL)
    peer, texts = Peer(make_large(run)), get_texts(run)
    batches = (2,) if run.smoke else (8, 32, 128, 1)
    for side in ("generate", "continuous batching"):
        warm = False
        for batch in batches:
            if not run.begin("peers", f"{side} {batch}", 6):
                continue
            with run.telling("peers", side=side, batch=batch):
                requests = make_load(texts, batch, EDITS[0], seed=batch).requests
                measure = peer.measure_generate if side == "generate" else peer.measure_continuous
                if not warm:
                    measure(requests, batch)
                    warm = True
                taken = measure(requests, batch)
                run.say(
                    "peers", side=side, batch=batch, requests_per_s=round(batch / taken, 3),
                    tokens_per_s=round(batch * NEW_TOKENS / taken, 1), seconds=round(taken, 2),
                    peak_GiB=run.find_peak(),
                )  # fmt: skip
