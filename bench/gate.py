"""What drafting costs where it brings nothing: the engine with drafts against itself without, on new text, in seconds.

The bound is small and machines are noisy, so two engines take their steps in turn, in one process and over the same
requests, and then again with their roles swapped: what else the machine does meets both sides, and so does what sets
the engines apart. A pair is the same few steps of either side. Its ratio is told in seconds, which is what drafting
costs, and in seconds per token, which is what it costs less the tokens that it brings even there.
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
ROUNDS, BATCH, STEPS = 6, 16, 16

#: Resamples of the pairs for the interval of their median.
RESAMPLES = 10_000


class Spent(NamedTuple):
    """Seconds on the clock, and of the process on any core, and the tokens that they brought."""

    wall: float
    cpu: float
    tokens: int


Pair = tuple[Spent, Spent]  # of the first engine and of the second


def spent(engine: ReplayEngine, work: Callable[[], object]) -> Spent:
    """What some work of an engine takes and brings."""
    tokens, wall, cpu = engine.stats.generated, time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu, engine.stats.generated - tokens)


def total(some: Iterable[Spent]) -> Spent:
    """All of it."""
    walls, cpus, tokens = zip(*some, strict=True)
    return Spent(sum(walls), sum(cpus), sum(tokens))


def in_turn(engines: tuple[ReplayEngine, ReplayEngine], one: Load) -> list[Pair]:
    """Serve a load on both: first and second, second and first, until both are done. The last pair is longer."""

    def add(engine: ReplayEngine) -> None:
        engine.replay(one.outputs)
        for request in one.requests:
            engine.add(request)

    first, second = engines
    turns = [(spent(first, lambda: add(first)), spent(second, lambda: add(second)))]
    while first.busy or second.busy:
        if len(turns) % 2:
            turns.append((spent(first, first.step), spent(second, second.step)))
        else:
            turns.append((spent(second, second.step), spent(first, first.step))[::-1])
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


def ratios(pairs: list[Pair], name: str, cost: Callable[[Spent], float]) -> Row:
    """First by second in one respect: the median with its interval, the extremes, and of all pairs together.

    By then both sides have brought the same tokens, so that of all pairs a token costs what the steps do.
    """
    found = [cost(a) / cost(b) for a, b in pairs if a.tokens and b.tokens]
    whole, other = (total(side) for side in zip(*pairs, strict=True))
    return {
        f"{name}_ratio": round(statistics.median(found), 4),
        f"{name}_95%": interval(found),
        f"{name}_range": [round(min(found), 3), round(max(found), 3)],
        f"{name}_of_all": round(cost(whole) / cost(other), 4),
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
        "wall_s": round(sum(off.wall for _, off in pairs), 1),
        **ratios(pairs, "wall", lambda side: side.wall),
        **ratios(pairs, "wall_per_token", lambda side: side.wall / side.tokens),
        **ratios(pairs, "cpu", lambda side: side.cpu),
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
