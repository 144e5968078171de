"""What drafting costs where it brings nothing: the engine with drafts against itself without, on new text, in seconds.

The bound is small and machines are noisy, so two engines take their steps in turn, in one process and over the same
requests, and then again with their roles swapped: what else the machine does meets both sides, and so does what sets
the engines apart. A pair is the same few steps of either side.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from engine import SMALL, Load, ReplayEngine, checkpoint, load, streams
from registry import Row, benchmark

from midb.kernels import EngineConfig

#: Rounds that count, each a full batch of so many requests served twice; steps of a pair, of which a round makes eight.
ROUNDS, BATCH, STEPS = 12, 16, 16

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


def swapped(engines: tuple[ReplayEngine, ReplayEngine], one: Load, drafts: bool) -> list[Pair]:
    """A load twice, the roles of the engines swapped in between: (with, without) of both, by the same steps.

    Two engines differ by a per cent or two even where both do the same, by where their memory lies. Each is on either
    side here, so that this cancels out.
    """
    first, second = engines
    halves = []
    for on, off in ((first, second), (second, first)):
        on.config, off.config = replace(on.config, draft=drafts), replace(off.config, draft=False)
        halves.append(in_turn((on, off), one))
    # Steps of the two halves are the same ones; the last block of a half may be a step longer.
    return [(total((a, c)), total((b, d))) for (a, b), (c, d) in zip(*halves, strict=False)]


def compare(folder: Path, texts: list[list[int]], dtype: str, drafts: bool, rounds: int) -> Row:
    """One row: drafts on against off, or as a control off against off."""
    config = EngineConfig(checkpoint=folder, dtype=dtype, max_sequences=BATCH, max_model_len=1024)
    engines = ReplayEngine(config), ReplayEngine(config)
    # All are of one pass, each with a text of its own; the first round warms up.
    whole = load(texts, BATCH * (rounds + 1), 1.0)
    pairs: list[Pair] = []
    for start in range(0, len(whole.requests), BATCH):
        part = slice(start, start + BATCH)
        found = swapped(engines, Load(whole.requests[part], whole.outputs[part]), drafts)
        pairs += found if start else []
    return {
        "side": "drafts" if drafts else "control: no drafts",
        "dtype": dtype,
        "batch": BATCH,
        "pairs": len(pairs),
        "steps_of_a_pair": 2 * STEPS,
        **ratios(pairs, "wall"),
        **ratios(pairs, "cpu"),
    }


@benchmark(
    "engine-gate", "drafts on against off in seconds on new text, full batch on a CPU, 100M parameters, by replay"
)
def gate(corpora: Path) -> Iterator[Row]:
    texts = streams(corpora)
    with tempfile.TemporaryDirectory() as name:
        folder = checkpoint(Path(name), SMALL, "float32", "cpu")
        for dtype in ("bfloat16", "float32"):
            for drafts in (True, False):
                yield compare(folder, texts, dtype, drafts, ROUNDS)
