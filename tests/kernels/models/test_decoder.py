"""The decoder against transformers: logits of every family, in one piece and in pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from random_checkpoints import GetCheckpoint, MakeCheckpoint, MakePrompts
from steps import prepare
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from midb.kernels import Engine, EngineConfig, ModelConfig
from midb.kernels.engine.block_pool import BlockPool
from midb.kernels.engine.model_runner import ModelRunner
from midb.kernels.engine.scheduler import Work
from midb.kernels.engine.sequence import Sequence
from midb.kernels.models.decoder import make_rotary_table
from midb.kernels.request import Request

#: Largest difference of logits in fp32; the sums have other orders.
LOGITS = 1e-4


def compute_logits(folder: Path, prompts: list[list[int]], chunk: int, block_size: int = 4) -> list[torch.Tensor]:
    """Logits of each position of several prompts, computed together in chunks of so many rows of each."""
    runner = ModelRunner(EngineConfig(checkpoint=folder, block_size=block_size), ModelConfig.from_checkpoint(folder))
    pool = BlockPool(runner.num_blocks, block_size)
    sequences = []
    for index, prompt in enumerate(prompts):
        request = Request(prompt, max_new_tokens=1)
        sequences.append(Sequence(index, request, request.make_sampling_params(()), 0, list(prompt)))
        sequences[-1].block_table = pool.allocate(prompt, len(prompt))
    found: list[list[torch.Tensor]] = [[] for _ in prompts]
    with torch.inference_mode():
        for start in range(0, max(map(len, prompts)), chunk):
            works = [
                Work(s, start, min(chunk, len(s.token_ids) - start), False)
                for s in sequences
                if start < len(s.token_ids)
            ]
            batch = prepare(works, block_size, runner.device)
            values = runner.model.compute_logits(runner.compute_hidden(batch))
            for work, part in zip(batch.works, values.split([work.rows for work in batch.works]), strict=True):
                found[work.sequence.index].append(part)
    return [torch.cat(parts) for parts in found]


@pytest.mark.parametrize("chunk", [160, 7, 1])
def test_logits_are_those_of_transformers(
    family: str, chunk: int, checkpoint: GetCheckpoint, prompts: MakePrompts
) -> None:
    made = checkpoint(family)
    texts = prompts(seed=chunk, count=4, longest=50) if chunk > 1 else prompts(seed=0, count=2, longest=20)
    for prompt, found in zip(texts, compute_logits(made.folder, texts, chunk), strict=True):
        with torch.no_grad():
            expected = made.model(torch.tensor([prompt])).logits[0]
        torch.testing.assert_close(found, expected, atol=LOGITS, rtol=0)


def test_longrope_beyond_the_original_context(fresh: MakeCheckpoint, prompts: MakePrompts) -> None:
    """The engine takes longer texts, so that all are computed with the long factors, which transformers does with
    these: they are longer than the original context."""
    made = fresh("phi3-longrope-part", original_max_position_embeddings=20)
    texts = [prompt for prompt in prompts(seed=3, count=8) if len(prompt) > 20]
    assert len(texts) > 2
    for prompt, found in zip(texts, compute_logits(made.folder, texts, 7), strict=True):
        with torch.no_grad():
            expected = made.model(torch.tensor([prompt])).logits[0]
        torch.testing.assert_close(found, expected, atol=LOGITS, rtol=0)


def test_longrope_within_the_original_context(fresh: MakeCheckpoint, prompts: MakePrompts) -> None:
    """Where the engine takes no longer texts, the short factors hold."""
    made = fresh("phi3-longrope-part", original_max_position_embeddings=60)
    prompt = prompts(seed=5, count=1)[0]
    config = EngineConfig(checkpoint=made.folder, max_model_len=60)
    result = next(iter(Engine(config).generate([Request(prompt, max_new_tokens=10)])))
    assert result.token_ids == made.generate_greedily(prompt, 10)
    longer = EngineConfig(checkpoint=made.folder, max_model_len=61)
    assert next(iter(Engine(longer).generate([Request(prompt, max_new_tokens=10)]))).token_ids != result.token_ids


def test_bfloat16_differs_from_float32_by_rounding_only(fresh: MakeCheckpoint, prompts: MakePrompts) -> None:
    made = fresh("qwen3")
    prompt = prompts(seed=5, count=1)[0]
    config = EngineConfig(checkpoint=made.folder, dtype="bfloat16")
    runner = ModelRunner(config, ModelConfig.from_checkpoint(made.folder))
    request = Request(prompt, max_new_tokens=1)
    sequence = Sequence(0, request, request.make_sampling_params(()), 0, list(prompt))
    sequence.block_table = BlockPool(runner.num_blocks, 16).allocate(prompt, len(prompt))
    with torch.inference_mode():
        batch = prepare([Work(sequence, 0, len(prompt), False)], 16, runner.device)
        ours = runner.model.compute_logits(runner.compute_hidden(batch))
        exact = made.model(torch.tensor([prompt])).logits[0]
        theirs = made.model.to(torch.bfloat16)(torch.tensor([prompt])).logits[0].float()
    assert (ours - exact).norm() <= 2 * (theirs - exact).norm()


@pytest.mark.parametrize(
    "scaling",
    [
        {"rope_type": "linear", "factor": 4.0},
        {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
        {"rope_type": "yarn", "factor": 4.0},
        {"rope_type": "yarn", "factor": 40.0, "beta_fast": 16.0, "beta_slow": 2.0, "truncate": False},
        {"rope_type": "yarn", "factor": 4.0, "attention_factor": 0.8},
        {"rope_type": "yarn", "factor": 4.0, "mscale": 1.0, "mscale_all_dim": 0.7},
        {"rope_type": "yarn", "factor": 1.5, "beta_fast": 2.0, "beta_slow": 2.0, "truncate": False},  # of no width
    ],
)
@pytest.mark.parametrize("original", [2_048, 8_192])
def test_rotary_tables_are_those_of_transformers(scaling: dict[str, Any], original: int, tmp_path: Path) -> None:
    """At the shapes of real models, where few dimensions are scaled in part."""
    parameters = {"rope_theta": 1e6} | scaling
    if scaling["rope_type"] != "linear":
        parameters["original_max_position_embeddings"] = original
    make_config: Any = transformers.Qwen2Config  # it takes a head size, though its signature does not say so
    config = make_config(
        hidden_size=256, num_attention_heads=2, num_key_value_heads=2, head_dim=128, max_position_embeddings=8_192,
        rope_parameters=parameters,
    )  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    (rope,) = set(ModelConfig.from_checkpoint(tmp_path).ropes)
    table = make_rotary_table(rope, 128, 300, torch.device("cpu"))
    frequencies, factor = ROPE_INIT_FUNCTIONS[scaling["rope_type"]](config, torch.device("cpu"))
    angles = torch.arange(300.0)[:, None] * frequencies
    torch.testing.assert_close(table, torch.cat((angles.cos(), angles.sin()), -1) * factor, rtol=0, atol=1e-5)
