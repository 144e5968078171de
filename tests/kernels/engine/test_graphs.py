"""Steps that are padded for CUDA graphs, without a GPU: the padding changes no token and writes no KV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from random_checkpoints import GetCheckpoint, MakePrompts, write_adapter

from midb.kernels import Engine, EngineConfig, Request
from midb.kernels.engine import graphs
from midb.kernels.engine.graphs import StepGraphs
from midb.kernels.engine.padding import StepSize
from midb.kernels.engine.step_batch import view_batch
from midb.kernels.engine.step_plan import SpanPlan, StepPlan, plan_step


@pytest.fixture
def engine(checkpoint: GetCheckpoint, prompts: MakePrompts) -> Engine:
    """An engine whose three sequences are about to decode, with drafts."""
    made = checkpoint("gemma3")
    engine = Engine(EngineConfig(checkpoint=made.folder, block_size=4, cascade_attention=False))
    for prompt in prompts(11, 3):
        drafted = made.generate_greedily(prompt, 9)
        engine.add(Request(prompt, drafted, max_new_tokens=10, temperature=0.7, seed=4))
    engine.step()
    return engine


def next_plan(engine: Engine) -> StepPlan:
    return plan_step(engine.scheduler.schedule(), 4, shared=engine.runner.shared)


@dataclass
class Replayed:
    """Stands for a captured graph: ``replay`` does what was captured, and counts how often."""

    work: Callable[[], object]
    times: int = 0

    def replay(self) -> None:
        self.times += 1
        self.work()


class CountedGraphs(StepGraphs):
    """Captures without a GPU."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.runner._forward, engine.runner)
        self.captured: list[Replayed] = []

    def _capture(self, plan: StepPlan) -> graphs._Graph:
        numbers = self._runner.staging.put(plan).clone()
        batch = view_batch(plan, numbers)
        sampled = torch.zeros(len(plan.sample_rows), dtype=torch.int32)

        def replay() -> None:
            # A CPU's attention recognises tables by identity; a graph's buffers are overwritten, so its plan is old.
            self._runner.ops.paged_attention._plans.clear()  # type: ignore[attr-defined]
            sampled.copy_(self._forward(batch))

        self.captured.append(Replayed(replay))
        return graphs._Graph(self.captured[-1], numbers, sampled)  # type: ignore[arg-type]

    @property
    def sizes(self) -> list[StepSize]:
        return list(self._graphs)


def test_a_graph_is_captured_once_for_a_bucket(engine: Engine) -> None:
    stepped = CountedGraphs(engine)
    plan = next_plan(engine)
    for _ in range(graphs._WORTH):
        stepped.capture(plan)
        assert stepped.run(plan) is None  # it may be a short run
    with torch.inference_mode():
        for _ in range(3):
            stepped.capture(plan)
            sampled = stepped.run(plan)
            assert sampled is not None
            assert sampled.tolist() == engine.runner._forward(engine.runner.staging.send(plan)).tolist()
    assert [graph.times for graph in stepped.captured] == [3]
    assert len(stepped) == 1


@pytest.mark.parametrize("cascade", [False, True])
@pytest.mark.parametrize("adapter", [None, "style"])
@pytest.mark.parametrize("family_name", ["qwen3", "gemma3"])
def test_an_engine_with_graphs_gives_the_same_tokens(
    family_name: str, adapter: str | None, cascade: bool, checkpoint: GetCheckpoint, prompts: MakePrompts,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Through whole requests: prompts, drafts, shared beginnings, an adapter; and every step is replayed."""
    monkeypatch.setattr(graphs, "_WORTH", 0)
    made = checkpoint(family_name)
    adapters = {"style": write_adapter(tmp_path / "style", made, seed=1)} if adapter else {}
    config = EngineConfig(
        checkpoint=made.folder, block_size=4, cascade_attention=cascade, num_speculative_tokens=6, adapters=adapters
    )
    texts = prompts(5, 5, longest=30, shared=68)  # a pass is known by its first 64 tokens
    requests = [Request(text, text[::-1], max_new_tokens=12, adapter=adapter, ignore_eos=True) for text in texts]
    plain, stepped = Engine(config), Engine(config)
    stepped.runner.graphs = counted = CountedGraphs(stepped)
    found, wanted = ({r.index: r.token_ids for r in one.generate(requests)} for one in (stepped, plain))
    assert found == wanted
    assert sum(graph.times for graph in counted.captured) == stepped.stats.steps
    assert {size.adapter for size in counted.sizes} == {adapter}
    assert any(size.groups for size in counted.sizes) is cascade


def test_what_is_not_replayed(checkpoint: GetCheckpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    config = EngineConfig(checkpoint=checkpoint("qwen3").folder, block_size=4, draft=False, num_speculative_tokens=3)
    engine = Engine(config)
    stepped = CountedGraphs(engine)
    for _ in range(2):
        engine.add(Request([1, 2, 3, 4, 5], max_new_tokens=9))
    prompt = plan_step(engine.scheduler.schedule(), 4, prefill_rows=5)
    assert prompt.prefill is not None
    assert stepped.find_bucket(prompt) is None  # another kernel takes it
    assert stepped.find_bucket(replace(prompt, prefill=None)) is not None
    engine.scheduler.requeue()
    engine.step()
    decoding = plan_step(engine.scheduler.schedule(), 4)
    assert stepped.find_bucket(decoding) is not None
    assert stepped.find_bucket(replace(decoding, adapters=[("a", 0, 1), ("b", 1, 2)])) is None
    assert stepped.find_bucket(replace(decoding, adapters=[("a", 0, 1)])) is None  # the other row has none
    assert stepped.find_bucket(replace(decoding, adapters=[("a", 0, 2)])) is not None
    monkeypatch.setattr(graphs, "MOST_ROWS", 1)
    assert stepped.find_bucket(decoding) is None


def test_a_step_that_samples_nothing_is_replayed_too(
    checkpoint: GetCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "_WORTH", 0)
    config = EngineConfig(checkpoint=checkpoint("qwen3").folder, block_size=4, max_num_batched_tokens=2)
    engine = Engine(config)
    engine.add(Request([1, 2, 3, 4, 5], max_new_tokens=9))
    plan = next_plan(engine)
    assert (len(plan.token_ids), len(plan.sample_rows)) == (2, 0)
    stepped = CountedGraphs(engine)
    with torch.inference_mode():
        stepped.capture(plan)
        sampled = stepped.run(plan)
    assert sampled is not None
    assert sampled.tolist() == []


def test_there_are_not_more_graphs_than_are_kept(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "_MOST_GRAPHS", 0)
    monkeypatch.setattr(graphs, "_WORTH", 0)
    stepped, plan = CountedGraphs(engine), next_plan(engine)
    stepped.capture(plan)
    assert (len(stepped), stepped.run(plan)) == (0, None)


def make_step(sequences: int, rows_each: int, keys: int) -> StepPlan:
    """A step in blocks of 16 tokens, as far as its sizes go."""
    rows = sequences * rows_each
    numbers = np.zeros(rows, np.int32)
    span = SpanPlan(
        numbers[: sequences + 1], np.zeros((sequences, -(-keys // 16)), np.int32), numbers[:sequences], rows_each
    )
    temperatures = np.zeros(rows, np.float32)
    return StepPlan(
        numbers, numbers, numbers, numbers, numbers[:, None].repeat(2, 1), temperatures, span, None, span, [], []
    )


@pytest.mark.parametrize(
    ("sequences", "rows_each"), [(1, 1), (1, 33), (3, 2), (8, 9), (20, 5), (100, 1), (256, 1), (70, 20), (1, 2048)]
)
@pytest.mark.parametrize("keys", [20, 700, 1500, 16_000])
def test_a_replay_launches_few_programs_in_vain(
    sequences: int, rows_each: int, keys: int, checkpoint: GetCheckpoint
) -> None:
    """Attention launches about (tiles of rows and one a sequence) times splits of 512 keys: at most 16 of each program
    that is needed, where block tables as wide as the longest text and a sequence a row made it hundreds.
    """
    runner = SimpleNamespace(
        config=EngineConfig(checkpoint="x", block_size=16),
        max_model_len=16_384,
        model_config=SimpleNamespace(windows=(0,)),
    )
    bucket = StepGraphs(lambda batch: batch.slots, runner).find_bucket(make_step(sequences, rows_each, keys))  # type: ignore[arg-type]
    assert bucket is not None

    def count(rows: int, sequences: int, keys: int) -> int:  # tiles of 16 rows: 64 of 4 heads
        return (rows // 16 + sequences + 1) * -(-keys // 512)

    assert bucket.rows >= sequences * rows_each
    assert bucket.sequences >= sequences
    assert bucket.width * 16 >= keys
    launched = count(bucket.rows, bucket.sequences, bucket.width * 16)
    assert launched <= 16 * count(sequences * rows_each, sequences, keys)


def test_buckets_are_few() -> None:
    """Each costs a capture. All that a run at one length of text meets:"""
    runner = SimpleNamespace(
        config=EngineConfig(checkpoint="x"), max_model_len=16_384, model_config=SimpleNamespace(windows=(0,))
    )
    stepped = StepGraphs(lambda batch: batch.slots, runner)  # type: ignore[arg-type]
    found = {
        stepped.find_bucket(make_step(sequences, each, 700))
        for sequences in range(1, 257)
        for each in (1, 5, 33)
        if sequences * each <= 2048
    }
    assert len(found) <= 70
