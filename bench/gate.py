"""What drafting costs where it brings nothing: the engine with drafts against itself without, on new text, in seconds.

The bound is small and machines are noisy, so both engines take their steps in turn, in one process and over the same
requests: what else the machine does meets both. A round serves a full batch once on each; its ratio is one pair.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine import NEW, SMALL, Load, ReplayEngine, checkpoint, load, streams
from registry import Row, benchmark

from midb.kernels import EngineConfig

#: Pairs that count, and sequences of a full batch.
PAIRS, BATCH = 40, 16

#: Resamples of the pairs for the interval of their median.
RESAMPLES = 10_000


@dataclass
class Spent:
    """Of one engine by round: seconds on the clock, and of the process on any core; rows computed in all."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rows: int = 0


def step(engine: ReplayEngine, spent: Spent) -> None:
    """One step, added to the seconds of the latest round."""
    wall, cpu = time.perf_counter(), time.process_time()
    engine.step()
    spent.wall[-1] += time.perf_counter() - wall
    spent.cpu[-1] += time.process_time() - cpu


def start(engine: ReplayEngine, one: Load, spent: Spent) -> None:
    """Add the requests of a round to an empty prefix cache; what a drafter costs to make counts."""
    engine.replay(one.outputs)
    wall, cpu = time.perf_counter(), time.process_time()
    for request in one.requests:
        engine.add(request)
    spent.wall.append(time.perf_counter() - wall)
    spent.cpu.append(time.process_time() - cpu)


def in_turn(engines: tuple[ReplayEngine, ReplayEngine], one: Load, spent: tuple[Spent, Spent]) -> None:
    """A round: first and second, second and first, until both are done."""
    sides = list(zip(engines, spent, strict=True))
    for engine, of_engine in sides:
        start(engine, one, of_engine)
    while any(engine.busy for engine in engines):
        for engine, of_engine in sides:
            if engine.busy:
                step(engine, of_engine)
        sides.reverse()
    for engine, of_engine in sides:
        of_engine.rows = engine.stats.rows
        tokens = sorted((result.index, result.token_ids) for result in engine.results())
        assert [ids for _, ids in tokens] == one.outputs


def interval(values: list[float]) -> tuple[float, float]:
    """95 % bootstrap interval of the median."""
    chance = random.Random(0)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return medians[RESAMPLES // 40], medians[-1 - RESAMPLES // 40]


def compare(folder: Path, texts: list[list[int]], dtype: str, drafts: bool, pairs: int) -> Row:
    """One row: an engine that drafts, or as a control one that does not, against one that does not."""
    config = {"checkpoint": folder, "dtype": dtype, "max_sequences": BATCH, "max_model_len": 1024}
    engines = ReplayEngine(EngineConfig(**config, draft=drafts)), ReplayEngine(EngineConfig(**config, draft=False))
    # All are of one pass, each with a text of its own.
    whole = load(texts, BATCH * (pairs + 1), 1.0)
    spent = Spent(), Spent()
    for first in range(0, len(whole.requests), BATCH):
        part = slice(first, first + BATCH)
        in_turn(engines, Load(whole.requests[part], whole.outputs[part]), spent)
    row: Row = {"side": "drafts" if drafts else "control: no drafts", "dtype": dtype, "batch": BATCH, "new": NEW}
    on, off = spent
    for name, ours, theirs in (("wall", on.wall, off.wall), ("cpu", on.cpu, off.cpu)):
        ratios = [a / b for a, b in zip(ours[1:], theirs[1:], strict=True)]  # the first round warms up
        low, high = interval(ratios)
        row[f"{name}_ratio"] = round(statistics.median(ratios), 4)
        row[f"{name}_95%"] = [round(low, 4), round(high, 4)]
        row[f"{name}_range"] = [round(min(ratios), 3), round(max(ratios), 3)]
    return row | {"pairs": pairs, "rows_ratio": round(on.rows / off.rows, 4), "seconds": round(sum(off.wall[1:]), 1)}


@benchmark(
    "engine-gate", "drafts on against off in seconds on new text, full batch on a CPU, 100M parameters, by replay"
)
def gate(corpora: Path) -> Iterator[Row]:
    texts = streams(corpora)
    with tempfile.TemporaryDirectory() as name:
        folder = checkpoint(Path(name), SMALL, "float32", "cpu")
        yield compare(folder, texts, "bfloat16", True, PAIRS)
        yield compare(folder, texts, "bfloat16", False, PAIRS // 4)
        yield compare(folder, texts, "float32", True, PAIRS)
