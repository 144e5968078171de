"""Steps of padding: they change no token and write no KV."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from random_checkpoints import GetCheckpoint, MakePrompts

from midb.kernels import Engine, EngineConfig, Request
from midb.kernels.engine.padding import StepSize, pad_plan
from midb.kernels.engine.step_plan import StepPlan, plan_step

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


def next_plan(engine: Engine) -> StepPlan:
    return plan_step(engine.scheduler.schedule(), 4, shared=engine.runner.shared)


def test_a_padded_step_samples_what_the_step_samples(engine: Engine) -> None:
    """What a CUDA graph replays, without a GPU."""
    plan, runner = next_plan(engine), engine.runner
    assert (plan.prefix_keys is not None) is engine.config.cascade_attention
    padded = runner.staging.send(pad_plan(plan, ROOM))
    with torch.inference_mode():
        padded_tokens = runner._forward(padded)
        before = runner.kv_cache.clone()
        plain = runner._forward(runner.staging.send(plan))
    assert len(padded_tokens) == ROOM.samples
    assert padded_tokens[: len(plain)].tolist() == plain.tolist()
    assert torch.allclose(before, runner.kv_cache, atol=1e-5)


def test_every_number_of_a_padded_step_is_there(engine: Engine) -> None:
    """Two steps of one size have arrays of the same shapes, so that one can be copied over the other."""
    plan = next_plan(engine)
    smaller = plan_step(plan.works[:1], 4)
    if plan.prefix_keys is None:
        shapes = [[array.shape for array in pad_plan(one, ROOM).arrays] for one in (plan, smaller)]
        assert shapes[0] == shapes[1]
    padded = pad_plan(plan, ROOM)
    rows, sequences = len(plan.token_ids), len(plan.works)
    assert padded.slots.tolist() == [*plan.slots.tolist(), *[-1] * (ROOM.rows - rows)]
    assert padded.all_keys.cu_seqlens_q.tolist()[sequences:] == [rows] * (ROOM.sequences + 1 - sequences)
    assert padded.all_keys.seqlens_k.sum() == plan.all_keys.seqlens_k.sum()
    assert padded.temperatures.dtype == np.float32
    assert padded.temperatures[: len(plan.temperatures)].tolist() == plan.temperatures.tolist()


def test_block_tables_without_room_are_left_out(engine: Engine) -> None:
    """Layers that see no window do not read the tables of all keys where a beginning is shared."""
    plan = next_plan(engine)
    narrow = pad_plan(plan, replace(ROOM, width=1))
    assert narrow.all_keys.block_tables.shape == (ROOM.sequences, 1)
    assert narrow.all_keys.seqlens_k[: len(plan.works)].tolist() == plan.all_keys.seqlens_k.tolist()
