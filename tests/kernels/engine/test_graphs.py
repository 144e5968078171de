"""Steps that are padded for CUDA graphs, without a GPU: the padding changes no token and writes no KV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from random_checkpoints import GetCheckpoint, MakePrompts

from midb.kernels import Engine, EngineConfig, Request
from midb.kernels.engine import graphs
from midb.kernels.engine.graphs import StepGraphs, copy_into, make_padding, round_up_to_bucket
from midb.kernels.engine.step_batch import StepBatch, prepare


@pytest.mark.parametrize(("count", "bucket"), [(1, 1), (2, 2), (3, 4), (9, 16), (16, 16), (17, 32), (100, 112)])
def test_buckets(count: int, bucket: int) -> None:
    assert round_up_to_bucket(count) == bucket


def test_buckets_waste_less_than_half() -> None:
    buckets = [round_up_to_bucket(count) for count in range(1, 300)]
    assert buckets == sorted(buckets)
    assert all(count <= bucket < 2 * count for count, bucket in enumerate(buckets, start=1))
    assert len(set(buckets)) < 30


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


def next_batch(engine: Engine) -> StepBatch:
    return prepare(engine.scheduler.schedule(), 4, engine.runner.device)


def test_a_padded_step_samples_what_the_step_samples(engine: Engine) -> None:
    """What a CUDA graph replays, without a GPU: rows that pad a step change no token and write no KV."""
    batch = next_batch(engine)
    rows, samples = batch.token_ids.numel(), batch.sample_rows.numel()
    padded = make_padding(
        round_up_to_bucket(rows + 1),
        round_up_to_bucket(samples + 1),
        max_num_blocks=40,
        longest=33,
        device=engine.runner.device,
    )
    for _ in range(2):  # a graph's buffers are used again
        copy_into(padded, batch)
        with torch.inference_mode():
            padded_tokens = engine.runner._forward(padded)
            before = engine.runner.kv_cache.clone()
            plain = engine.runner._forward(batch)
        assert padded_tokens[:samples].tolist() == plain.tolist()
        assert torch.allclose(before, engine.runner.kv_cache, atol=1e-5)


def test_a_smaller_step_leaves_nothing_of_the_one_before(engine: Engine) -> None:
    batch = next_batch(engine)
    padded, fresh = (make_padding(64, 64, max_num_blocks=40, longest=33, device=engine.runner.device) for _ in range(2))
    copy_into(padded, batch)
    (work, *_) = batch.works
    smaller = prepare([work], 4, engine.runner.device)
    copy_into(padded, smaller)
    copy_into(fresh, smaller)
    assert torch.equal(padded.slots, fresh.slots)
    assert torch.equal(padded.all_keys.cu_seqlens_q, fresh.all_keys.cu_seqlens_q)
    assert torch.equal(padded.all_keys.seqlens_k, fresh.all_keys.seqlens_k)


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
        self.captured: dict[tuple[int, int], Replayed] = {}

    def _capture(self, rows: int, samples: int) -> graphs._Graph:
        batch = make_padding(rows, samples, max_num_blocks=40, longest=33, device=self._runner.device)
        sampled = torch.zeros(samples, dtype=torch.int32)
        graph = self.captured[rows, samples] = Replayed(lambda: sampled.copy_(self._forward(batch)))
        return graphs._Graph(graph, batch, sampled)  # type: ignore[arg-type]


def test_a_graph_is_captured_once_for_a_bucket(engine: Engine) -> None:
    stepped = CountedGraphs(engine)
    batch = next_batch(engine)
    with torch.inference_mode():
        for _ in range(3):
            sampled = stepped.run(batch)
            assert sampled is not None
            assert sampled.tolist() == engine.runner._forward(batch).tolist()
    rows, samples = batch.token_ids.numel(), batch.sample_rows.numel()
    assert {bucket: graph.times for bucket, graph in stepped.captured.items()} == {
        (round_up_to_bucket(rows), round_up_to_bucket(samples)): 3
    }


def test_prompts_and_shared_beginnings_run_without_a_graph(
    checkpoint: GetCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = EngineConfig(checkpoint=checkpoint("qwen3").folder, block_size=4, draft=False, num_speculative_tokens=3)
    engine = Engine(config)
    stepped = CountedGraphs(engine)
    for _ in range(2):
        engine.add(Request([1, 2, 3, 4, 5], max_new_tokens=9))
    prompt = next_batch(engine)
    assert prompt.all_keys.max_seqlen_q == 5  # more than a draft of 3 and the token before it
    assert stepped.run(prompt) is None
    engine.scheduler.requeue()
    engine.step()
    decoding = engine.scheduler.schedule()
    assert stepped.run(prepare(decoding, 4, engine.runner.device)) is None  # they share a block
    alone = prepare(decoding, 4, engine.runner.device, cascade=False)
    monkeypatch.setattr(graphs, "_MOST_ROWS", 1)
    assert stepped.run(alone) is None
    monkeypatch.setattr(graphs, "_MOST_ROWS", 2)
    with torch.inference_mode():
        assert stepped.run(alone) is not None
    assert list(stepped.captured) == [(2, 2)]


def test_a_step_that_samples_nothing_runs_without_a_graph(checkpoint: GetCheckpoint) -> None:
    config = EngineConfig(checkpoint=checkpoint("qwen3").folder, block_size=4, max_num_batched_tokens=2)
    engine = Engine(config)
    engine.add(Request([1, 2, 3, 4, 5], max_new_tokens=9))
    batch = next_batch(engine)
    assert (batch.token_ids.numel(), batch.sample_rows.numel()) == (2, 0)
    assert CountedGraphs(engine).run(batch) is None
