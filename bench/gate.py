"""What drafting costs: where it brings nothing, in seconds of the whole engine; and what the host takes for a step.

The bound is small and machines are noisy. So two engines take their steps in turn, in one process and over the same
requests, and then again with their roles swapped: whatever else the machine does affects both sides, and so does
whatever makes the engines differ. A pair is the same few steps of either side. Its ratio is given in seconds, which is
what drafting costs, and in seconds per token, which is that cost less the tokens that drafting brings even there.
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
from typing import TYPE_CHECKING, NamedTuple

from registry import Row, benchmark

if TYPE_CHECKING:
    from replay import HostEngine, Load, ReplayEngine

#: Rounds that count. Each is a full batch of requests, served twice.
ROUNDS = 6

#: Requests of a batch.
BATCH = 16

#: Steps of a pair; a round has eight pairs.
STEPS = 16

#: Resamples of the pairs for the interval of their median.
RESAMPLES = 10_000

#: Sequences that are decoded together while the host's time is measured.
HOST_BATCHES = (32, 256)

#: Shares of tokens that the seeded edits change then; 1 is a new text.
HOST_SHARES = (0.03, 0.12, 1.0)

#: Tokens of an output then, so that all sequences decode long enough.
HOST_TOKENS = 192

#: Rounds of each side then; they take turns, after one that warms up.
HOST_ROUNDS = 5

#: A step counts then if at least this share of the sequences decodes in it, and nothing else is computed.
FULL_STEP = 0.9


class TimeSpent(NamedTuple):
    """Seconds on the clock, seconds of the process on any core, and the tokens that they brought."""

    wall: float
    cpu: float
    tokens: int


#: What the first engine spent, and the second.
Pair = tuple[TimeSpent, TimeSpent]


def measure(engine: ReplayEngine, work: Callable[[], object]) -> TimeSpent:
    """Measure what some work of an engine takes and brings."""
    tokens, wall, cpu = engine.stats.generated, time.perf_counter(), time.process_time()
    work()
    return TimeSpent(time.perf_counter() - wall, time.process_time() - cpu, engine.stats.generated - tokens)


def add_up(parts: Iterable[TimeSpent]) -> TimeSpent:
    """Add up what was spent."""
    walls, cpus, tokens = zip(*parts, strict=True)
    return TimeSpent(sum(walls), sum(cpus), sum(tokens))


def serve_in_turn(engines: tuple[ReplayEngine, ReplayEngine], load: Load) -> list[Pair]:
    """Serve a load on both: first and second, second and first, until both are done. The last pair is longer."""

    def add(engine: ReplayEngine) -> None:
        engine.replay(load.outputs)
        for request in load.requests:
            engine.add(request)

    first, second = engines
    turns = [(measure(first, lambda: add(first)), measure(second, lambda: add(second)))]
    while first.busy or second.busy:
        if len(turns) % 2:
            turns.append((measure(first, first.step), measure(second, second.step)))
        else:
            turns.append((measure(second, second.step), measure(first, first.step))[::-1])
    for engine in engines:
        tokens = sorted((result.index, result.token_ids) for result in engine.take_results())
        assert [ids for _, ids in tokens] == load.outputs
    cuts = [*range(0, len(turns) - STEPS + 1, STEPS), len(turns)]
    sides = [list(zip(*turns[a:b], strict=True)) for a, b in pairwise(cuts)]
    return [(add_up(ours), add_up(theirs)) for ours, theirs in sides]


def compute_interval(values: list[float]) -> list[float]:
    """Compute the 95 % bootstrap interval of the median."""
    chance = random.Random(0)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return [round(medians[RESAMPLES // 40], 4), round(medians[-1 - RESAMPLES // 40], 4)]


def compute_ratios(pairs: list[Pair], name: str, cost: Callable[[TimeSpent], float]) -> Row:
    """First by second in one respect: the median with its interval, the extremes, and all pairs together.

    All pairs together have brought the same tokens on either side, so there a token costs what the steps do.
    """
    found = [cost(a) / cost(b) for a, b in pairs if a.tokens and b.tokens]
    first, second = (add_up(side) for side in zip(*pairs, strict=True))
    return {
        f"{name}_ratio": round(statistics.median(found), 4),
        f"{name}_95%": compute_interval(found),
        f"{name}_range": [round(min(found), 3), round(max(found), 3)],
        f"{name}_of_all": round(cost(first) / cost(second), 4),
    }


def serve_swapped(engines: tuple[ReplayEngine, ReplayEngine], load: Load, drafts: bool) -> list[Pair]:
    """Serve a load twice, the roles of the engines swapped in between: (with, without) of both, by the same steps.

    Two engines differ by a per cent or two even where both do the same, depending on where their memory lies. Each is
    on either side here, so that this cancels out.
    """
    first, second = engines
    halves = []
    for on, off in ((first, second), (second, first)):
        on.config, off.config = replace(on.config, draft=drafts), replace(off.config, draft=False)
        halves.append(serve_in_turn((on, off), load))
    # The two halves have the same steps; only the last pair of a half may be a step longer.
    return [(add_up((a, c)), add_up((b, d))) for (a, b), (c, d) in zip(*halves, strict=False)]


def compare(folder: Path, texts: list[list[int]], dtype: str, drafts: bool, rounds: int) -> Row:
    """One row: drafts on against off, or as a control off against off."""
    from replay import Load, ReplayEngine, make_load

    from midb.kernels import EngineConfig

    config = EngineConfig(checkpoint=folder, dtype=dtype, max_num_seqs=BATCH, max_model_len=1024)
    engines = ReplayEngine(config), ReplayEngine(config)
    # All requests are of one pass, each with a text of its own; the first round warms up.
    load = make_load(texts, BATCH * (rounds + 1), 1.0)
    pairs: list[Pair] = []
    for start in range(0, len(load.requests), BATCH):
        part = slice(start, start + BATCH)
        found = serve_swapped(engines, Load(load.requests[part], load.outputs[part]), drafts)
        pairs += found if start else []
    return {
        "side": "drafts" if drafts else "control: no drafts",
        "dtype": dtype,
        "batch": BATCH,
        "pairs": len(pairs),
        "steps_of_a_pair": 2 * STEPS,
        "wall_s": round(sum(off.wall for _, off in pairs), 1),
        **compute_ratios(pairs, "wall", lambda side: side.wall),
        **compute_ratios(pairs, "wall_per_token", lambda side: side.wall / side.tokens),
        **compute_ratios(pairs, "cpu", lambda side: side.cpu),
    }


@benchmark(
    "engine-gate", "drafts on against off in seconds on new text, full batch on a CPU, 100M parameters, by replay"
)
def run_gate(corpora: Path) -> Iterator[Row]:
    """Both dtypes, each with its control."""
    from replay import SMALL, make_checkpoint, read_texts

    texts = read_texts(corpora)
    with tempfile.TemporaryDirectory() as name:
        folder = make_checkpoint(Path(name), SMALL, "float32", "cpu")
        for dtype in ("bfloat16", "float32"):
            for drafts in (True, False):
                yield compare(folder, texts, dtype, drafts, ROUNDS)


class HostStep(NamedTuple):
    """A step in which all sequences decode: milliseconds of processor time, and the tokens that it brought."""

    spent: float
    tokens: int


def measure_steps(engine: HostEngine, load: Load, batch: int) -> list[HostStep]:
    """Serve a load with a new engine, and measure each full step."""
    engine.runner.outputs = load.outputs
    for request in load.requests:
        engine.add(request)
    steps = []
    while engine.busy:
        running = engine.scheduler.running
        full = len(running) >= FULL_STEP * batch and all(sequence.decoding for sequence in running)
        before, started = engine.stats.generated, time.process_time()
        engine.step()
        spent = 1e3 * (time.process_time() - started)
        if full:
            steps.append(HostStep(spent, engine.stats.generated - before))
    found = sorted((result.index, result.token_ids) for result in engine.take_results())
    assert [ids for _, ids in found] == load.outputs
    return steps


def compare_hosts(
    folder: Path, texts: list[list[int]], batch: int, share: float, rounds: int = HOST_ROUNDS
) -> Iterator[Row]:
    """One row with drafts and one without.

    Each round has engines of its own and takes the same steps, so the least that a step took is what it takes where
    nothing else is going on.
    """
    from replay import HostEngine, make_load

    from midb.kernels import EngineConfig

    load = make_load(texts, batch, share, new_tokens=HOST_TOKENS)
    found: dict[bool, list[list[HostStep]]] = {True: [], False: []}
    for number in range(rounds + 1):
        for draft in (True, False):
            steps = measure_steps(
                HostEngine(EngineConfig(checkpoint=folder, max_num_seqs=batch, draft=draft)), load, batch
            )
            if number:  # the first one warms up
                found[draft].append(steps)
    for draft, measured in found.items():
        least = [min(same) for same in zip(*measured, strict=True)]
        spent = [step.spent for step in least]
        cuts = statistics.quantiles(spent, n=5)
        yield {
            "drafts": draft,
            "batch": batch,
            "edits": share,
            "steps": len(least),
            "tokens_a_step": round(statistics.fmean(step.tokens for step in least), 1),
            "ms_a_step": round(statistics.median(spent), 3),
            "ms_p20_p80": [round(cuts[0], 3), round(cuts[-1], 3)],
            "us_a_token": round(1e3 * statistics.median(step.spent / step.tokens for step in least), 3),
        }


@benchmark(
    "engine-host", "the host's processor time of a step, all sequences decoding and no model behind them, by replay"
)
def run_host(corpora: Path) -> Iterator[Row]:
    """Batches and shares of edits, each with drafts and without."""
    from replay import LARGE, read_texts, write_settings

    texts = read_texts(corpora)
    with tempfile.TemporaryDirectory() as name:
        folder = write_settings(Path(name), LARGE)
        for batch in HOST_BATCHES:
            for share in HOST_SHARES:
                yield from compare_hosts(folder, texts, batch, share)
