"""Steps of padding: they change no token and write no KV."""

from __future__ import annotations

import pytest
import torch
from random_checkpoints import GetCheckpoint, MakePrompts

from midb.kernels import Engine, EngineConfig, Request
from midb.kernels.engine.padding import StepSize, copy_into, make_padding
from midb.kernels.engine.step_batch import StepBatch, prepare

ROOM = StepSize(rows=64, samples=64, sequences=64, longest=33, width=60, groups=4, prefix_width=20, own_width=60)


@pytest.fixture(params=[False, True], ids=["alone", "shared"])
def engine(request: pytest.FixtureRequest, checkpoint: GetCheckpoint, prompts: MakePrompts) -> Engine:
    """An engine whose sequences are about to decode, with drafts; they share a beginning or not."""
    made = checkpoint("gemma3")
    engine = Engine(EngineConfig(checkpoint=made.folder, block_size=4, cascade_attention=request.param))
    for prompt in prompts(11, 3, shared=68 if request.param else 0):  # a pass is known by its first 64 tokens
        drafted = made.generate_greedily(prompt, 9)
        engine.add(Request(prompt, drafted, max_new_tokens=10, temperature=0.7, seed=4))
    for _ in range(2 if request.param else 1):  # the others wait for the first one's beginning
        engine.step()
    return engine


def next_batch(engine: Engine) -> StepBatch:
    return prepare(engine.scheduler.schedule(), 4, engine.runner.device, cascade=engine.config.cascade_attention)


def make_room(batch: StepBatch) -> StepBatch:
    shares = batch.prefix_keys is not None
    size = ROOM if shares else StepSize(rows=64, samples=64, sequences=64, longest=33, width=60)
    return make_padding(size, batch.slots.device)


def test_a_padded_step_samples_what_the_step_samples(engine: Engine) -> None:
    """What a CUDA graph replays, without a GPU."""
    batch = next_batch(engine)
    assert (batch.prefix_keys is not None) is engine.config.cascade_attention
    samples = batch.sample_rows.numel()
    padded = make_room(batch)
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
    padded, fresh = make_room(batch), make_room(batch)
    copy_into(padded, batch)
    (work, *_) = batch.works
    smaller = prepare([work], 4, engine.runner.device, cascade=False)
    copy_into(padded, smaller)
    copy_into(fresh, smaller)
    assert torch.equal(padded.slots, fresh.slots)
    assert torch.equal(padded.all_keys.cu_seqlens_q, fresh.all_keys.cu_seqlens_q)
    assert torch.equal(padded.all_keys.seqlens_k, fresh.all_keys.seqlens_k)


def test_block_tables_without_room_are_left_out() -> None:
    """Layers that see no window do not read the tables of all keys where a beginning is shared."""
    narrow = make_padding(StepSize(rows=4, samples=4, sequences=4, longest=1, width=1), torch.device("cpu"))
    wide = make_padding(StepSize(rows=2, samples=2, sequences=2, longest=1, width=3), torch.device("cpu"))
    wide.all_keys.seqlens_k.fill_(5)
    copy_into(narrow, wide)
    assert narrow.all_keys.seqlens_k.tolist() == [5, 5, 0, 0]
