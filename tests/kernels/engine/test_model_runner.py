"""The runner: how much KV it holds, in what it computes, and prompts by a kernel of their own."""

from __future__ import annotations

import pytest
import torch
from random_checkpoints import GetCheckpoint, MakeCheckpoint, MakePrompts
from torch import Tensor

from midb.kernels import Engine, EngineConfig, EngineError, ModelConfig, Request
from midb.kernels.engine.model_runner import ModelRunner, choose_device, choose_dtype
from midb.kernels.engine.padding import plan_prompts
from midb.kernels.engine.step_batch import StepBatch
from midb.kernels.ops import prefill
from midb.kernels.reference import paged_attention


def make(checkpoint: GetCheckpoint, **settings: int | str | float) -> ModelRunner:
    folder = checkpoint("qwen3").folder
    config = EngineConfig(checkpoint=folder, **settings)  # type: ignore[arg-type]
    return ModelRunner(config, ModelConfig.from_checkpoint(folder))


@pytest.mark.parametrize(
    ("settings", "length", "blocks"),
    [
        ({}, 160, 32_768 // 16),
        ({"max_model_len": 100, "block_size": 32}, 100, 1024),
        ({"max_model_len": 5_000}, 160, 2048),  # no more than the model takes
        ({"num_kv_tokens": 161, "block_size": 8}, 160, 21),  # in full blocks
        ({"num_kv_tokens": 64, "max_model_len": 64, "block_size": 1}, 64, 64),
    ],
)
def test_the_cache_of_a_cpu(settings: dict[str, int], length: int, blocks: int, checkpoint: GetCheckpoint) -> None:
    runner = make(checkpoint, **settings)
    assert (runner.max_model_len, runner.num_blocks) == (length, blocks)
    assert runner.kv_cache.shape == (3, 2, blocks * runner.config.block_size, 2, 16)
    assert bool((runner.kv_cache == 0).all())


def test_one_longest_sequence_always_fits(fresh: MakeCheckpoint) -> None:
    folder = fresh("qwen3", max_position_embeddings=40_000).folder
    runner = ModelRunner(EngineConfig(checkpoint=folder), ModelConfig.from_checkpoint(folder))
    assert runner.num_blocks * 16 >= runner.max_model_len == 40_000


def test_the_largest_step_is_measured_by_running_it(checkpoint: GetCheckpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row of it, every sample, and prompts of the greatest length; the KV that it needs is given back."""
    runner = make(checkpoint, max_num_batched_tokens=330, max_num_seqs=7)
    seen: list[StepBatch] = []
    forward = runner._forward

    def watch(batch: StepBatch) -> Tensor:
        seen.append(batch)
        return forward(batch)

    monkeypatch.setattr(runner, "_forward", watch)
    for name in ("synchronize", "reset_peak_memory_stats", "empty_cache"):
        monkeypatch.setattr(torch.cuda, name, lambda *device: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1_000)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 51_000)
    with torch.inference_mode():
        assert runner._measure_largest_step() == 50_000
    (batch,) = seen
    assert (batch.token_ids.numel(), batch.sample_rows.numel()) == (330, 7)
    assert batch.all_keys.cu_seqlens_q.tolist() == [0, 160, 320, 330]
    assert not hasattr(runner, "kv_cache")


def test_less_than_one_sequence_is_refused(checkpoint: GetCheckpoint) -> None:
    with pytest.raises(EngineError, match="num_kv_tokens is 100, and one sequence may take 160") as caught:
        make(checkpoint, num_kv_tokens=100)
    assert "max_model_len" in caught.value.hint


def test_a_gpu_gets_what_is_left(checkpoint: GetCheckpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic of it, without a GPU: free memory, less the share that stays free, less a step and the graphs."""
    runner = make(checkpoint, gpu_memory_utilization=0.75, max_num_batched_tokens=1000)
    runner.device = torch.device("cuda")
    per_token = 3 * 2 * 2 * 16 * 4
    activations = 2 * 700_000
    monkeypatch.setattr(runner, "_measure_largest_step", lambda: 700_000)
    for free, total in ((90_000_000, 100_000_000), (70_000_000, 120_000_000)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, found=(free, total): found)
        assert runner._choose_kv_tokens() == (free - total // 4 - activations) // per_token
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (25_880_000, 100_000_000))
    with pytest.raises(EngineError, match="too little for the KV of one sequence of 160 tokens") as caught:
        runner._choose_kv_tokens()
    assert "gpu_memory_utilization" in caught.value.hint


@pytest.mark.parametrize(
    ("stated", "asked", "dtype"),
    [
        ("float32", "auto", torch.float32),
        ("bfloat16", "auto", torch.bfloat16),
        ("float16", "auto", torch.bfloat16),
        ("float16", "float32", torch.float32),
        ("float64", "bfloat16", torch.bfloat16),
    ],
)
def test_it_computes_in_what_the_checkpoint_says_or_the_config(
    stated: str, asked: str, dtype: torch.dtype, fresh: MakeCheckpoint
) -> None:
    folder = fresh("qwen3").folder
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"dtype": "float32"', f'"dtype": "{stated}"'))
    runner = ModelRunner(EngineConfig(checkpoint=folder, dtype=asked), ModelConfig.from_checkpoint(folder))
    assert runner.dtype == runner.kv_cache.dtype == runner.model.embedding.dtype == dtype


@pytest.mark.parametrize("stated", ["float64", "float8_e4m3fn"])
def test_another_dtype_is_refused(stated: str, fresh: MakeCheckpoint) -> None:
    folder = fresh("qwen3").folder
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"dtype": "float32"', f'"dtype": "{stated}"'))
    with pytest.raises(EngineError, match=f'The checkpoint is in "{stated}"') as caught:
        ModelRunner(EngineConfig(checkpoint=folder), ModelConfig.from_checkpoint(folder))
    assert "bfloat16" in caught.value.hint


def test_a_cpu_has_no_graphs_and_no_kernel_for_prompts(checkpoint: GetCheckpoint) -> None:
    runner = make(checkpoint)
    assert (runner.graphs, runner.prefill_rows) == (None, 0)


@pytest.mark.parametrize(
    ("stated", "asked", "dtype"),
    [
        ("float32", "auto", torch.bfloat16),
        ("float16", "auto", torch.bfloat16),
        ("bfloat16", "auto", torch.bfloat16),
        ("bfloat16", "float32", torch.float32),
    ],
)
def test_a_gpu_computes_in_bf16_unless_told(stated: str, asked: str, dtype: torch.dtype) -> None:
    assert choose_dtype(asked, stated, torch.device("cuda", 0)) == dtype


def test_a_gpu_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    assert choose_device("cuda") == torch.device("cuda", 1)
    assert choose_device("cuda:0") == torch.device("cuda", 0)
    with pytest.raises(EngineError, match="There is no cuda:2") as caught:
        choose_device("cuda:2")
    assert "2" in caught.value.hint


def attend_densely(
    q: Tensor, k: Tensor, v: Tensor, cu_q: Tensor, cu_k: Tensor, max_q: int, max_k: int, scale: float, window: int,
    softcap: float,
) -> Tensor:  # fmt: skip
    """What flash-attn's varlen function computes, by the reference: blocks of one token."""
    keys = cu_k.diff()
    assert (max_q, max_k) == (int(cu_q.diff().max()), int(keys.max()))
    tables = torch.zeros(len(keys), max_k, dtype=torch.int32)
    for number, start in enumerate(cu_k[:-1].tolist()):
        tables[number, : keys[number]] = torch.arange(start, start + int(keys[number]))
    out, _ = paged_attention(q, k, v, tables, cu_q, keys, block_size=1, scale=scale, window=window, softcap=softcap)
    return out


@pytest.mark.parametrize("family_name", ["qwen3", "mistral", "gemma2"])
def test_long_runs_of_rows_by_a_varlen_kernel(
    family_name: str, checkpoint: GetCheckpoint, prompts: MakePrompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path of a GPU's prompts, without a GPU: rows, keys and places are those that such a kernel wants."""
    made = checkpoint(family_name)
    engine = Engine(EngineConfig(checkpoint=made.folder, block_size=4, max_num_batched_tokens=40))
    monkeypatch.setattr(prefill, "LEAST_ROWS", 6)
    engine.runner.prefill = prefill.ChosenKernel("dense", attend_densely, ())
    texts = prompts(12, 6, shared=15)
    results = sorted(
        engine.generate(Request(prompt, max_new_tokens=8) for prompt in texts), key=lambda result: result.index
    )
    assert [result.token_ids for result in results] == [made.generate_greedily(prompt, 8) for prompt in texts]


@pytest.mark.parametrize("by_kernel", [False, True])
def test_a_step_of_prompts_reads_and_writes_its_own_blocks(by_kernel: bool, checkpoint: GetCheckpoint) -> None:
    """Two prompts alike get the same hidden states, each from its own KV."""
    runner = make(checkpoint)
    if by_kernel:
        runner.prefill = prefill.ChosenKernel("dense", attend_densely, ())
    plan = plan_prompts(40, 3, longest=20, block_size=16, prefill=by_kernel)
    with torch.inference_mode():
        hidden = runner.compute_hidden(runner.staging.send(plan))
    torch.testing.assert_close(hidden[:20], hidden[20:])
    written = runner.kv_cache[0, 0].flatten(1).any(1).nonzero().flatten().tolist()
    assert written == [*range(20), *range(32, 52)]
