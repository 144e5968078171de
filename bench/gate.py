"""What drafting costs where it brings nothing: the engine with drafts against itself without, on new text, in seconds.

The bound is small and machines are noisy, so both engines take their steps in turn, in one process and over the same
requests: what else the machine does meets both. A pair is the same few steps of either.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from engine import SMALL, Load, ReplayEngine, checkpoint, load, streams
from registry import Row, benchmark

from midb.kernels import EngineConfig

#: Rounds that count, each a full batch of so many requests; steps of a pair, so that a round makes eight of them.
ROUNDS, BATCH, STEPS = 6, 16, 16

#: Resamples of the pairs for the interval of their median.
RESAMPLES = 10_000


class Clocks(NamedTuple):
    """Seconds on the clock, and of the process on any core."""

    wall: float
    cpu: float


Pair = tuple[Clocks, Clocks]  # of the first engine and of the second


def taken(work: Callable[[], object]) -> Clocks:
    """What some work takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Clocks(time.perf_counter() - wall, time.process_time() - cpu)


def total(clocks: Iterable[Clocks]) -> Clocks:
    """What all of it takes."""
    walls, cpus = zip(*clocks, strict=True)
    return Clocks(sum(walls), sum(cpus))


def in_turn(engines: tuple[ReplayEngine, ReplayEngine], one: Load) -> list[Pair]:
    """Serve a load on both: first and second, second and first, until both are done. The last pair is longer."""

    def add(engine: ReplayEngine) -> None:
        engine.replay(one.outputs)
        for request in one.requests:
            engine.add(request)

    first, second = engines
    turns = [(taken(lambda: add(first)), taken(lambda: add(second)))]
    while first.busy or second.busy:
        if len(turns) % 2:
            turns.append((taken(first.step), taken(second.step)))
        else:
            turns.append((taken(second.step), taken(first.step))[::-1])
    for engine in engines:
        tokens = sorted((result.index, result.token_ids) for result in engine.results())
        assert [ids for _, ids in tokens] == one.outputs
    cuts = [*range(0, len(turns) - STEPS + 1, STEPS), len(turns)]
    sides = [list(zip(*turns[a:b], strict=True)) for a, b in pairwise(cuts)]
    return [(total(ours), total(theirs)) for ours, theirs in sides]


def interval(values: list[float]) -> list[float]:
    """95 % bootstrap interval of the median."""
    chance = random.Random(0)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return [round(medians[RESAMPLES // 40], 4), round(medians[-1 - RESAMPLES // 40], 4)]


def ratios(pairs: list[Pair], clock: str) -> Row:
    """First by second on one clock: the median with its interval, the extremes, and all seconds by all seconds."""
    ours, theirs = ([getattr(side, clock) for side in sides] for sides in zip(*pairs, strict=True))
    found = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {
        f"{clock}_ratio": round(statistics.median(found), 4),
        f"{clock}_95%": interval(found),
        f"{clock}_range": [round(min(found), 3), round(max(found), 3)],
        f"{clock}_of_all": round(sum(ours) / sum(theirs), 4),
        f"{clock}_s": round(sum(theirs), 1),
    }


def compare(folder: Path, texts: list[list[int]], dtype: str, drafts: bool, rounds: int) -> Row:
    """One row: an engine that drafts, or as a control one that does not, against one that does not."""
    make = partial(EngineConfig, checkpoint=folder, dtype=dtype, max_sequences=BATCH, max_model_len=1024)
    engines = ReplayEngine(make(draft=drafts)), ReplayEngine(make(draft=False))
    # All are of one pass, each with a text of its own; the first round warms up.
    whole = load(texts, BATCH * (rounds + 1), 1.0)
    pairs: list[Pair] = []
    warm = [0, 0]
    for start in range(0, len(whole.requests), BATCH):
        part = slice(start, start + BATCH)
        found = in_turn(engines, Load(whole.requests[part], whole.outputs[part]))
        if start == 0:
            warm = [engine.stats.rows for engine in engines]
        else:
            pairs += found
    rows = [engine.stats.rows - before for engine, before in zip(engines, warm, strict=True)]
    return {
        "side": "drafts" if drafts else "control: no drafts",
        "dtype": dtype,
        "batch": BATCH,
        "pairs": len(pairs),
        "steps_of_a_pair": STEPS,
        **ratios(pairs, "wall"),
        **ratios(pairs, "cpu"),
        "rows_ratio": round(rows[0] / rows[1], 4),
    }


@benchmark(
    "engine-gate", "drafts on against off in seconds on new text, full batch on a CPU, 100M parameters, by replay"
)
def gate(corpora: Path) -> Iterator[Row]:
    texts = streams(corpora)
    with tempfile.TemporaryDirectory() as name:
        folder = checkpoint(Path(name), SMALL, "float32", "cpu")
        yield compare(folder, texts, "bfloat16", True, ROUNDS)
        yield compare(folder, texts, "bfloat16", False, ROUNDS // 2)
        yield compare(folder, texts, "float32", True, ROUNDS)
