"""Checkpoints in fp8, with scales of tensors, rows and blocks: the same tokens as the weights that they stand for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from random_checkpoints import MakeCheckpoint, RandomCheckpoint
from safetensors.torch import load_file, save_file
from torch import Tensor

from midb.kernels import CheckpointError, Engine, EngineConfig, Request
from midb.kernels.models.fp8 import dequantize_fp8

#: The greatest number of e4m3.
MOST = 448.0

#: Of the blocks of tests, which do not divide the weights evenly.
BLOCK = (24, 20)

FP8 = {"quant_method": "fp8", "weight_block_size": list(BLOCK)}
ROWS = {
    "quant_method": "compressed-tensors", "format": "float-quantized",
    "config_groups": {"group_0": {"weights": {"type": "float", "num_bits": 8, "strategy": "channel"}}},
}  # fmt: skip


def by_tensor(weight: Tensor) -> tuple[Tensor, Tensor]:
    scale = weight.abs().max() / MOST
    return (weight / scale).to(torch.float8_e4m3fn), scale


def by_row(weight: Tensor) -> tuple[Tensor, Tensor]:
    scale = weight.abs().amax(1, keepdim=True) / MOST
    return (weight / scale).to(torch.float8_e4m3fn), scale.to(torch.bfloat16)


def by_block(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Block by block, so that it has nothing in common with what is tested."""
    quantized = torch.empty_like(weight)
    rows = [
        [quantize_into(quantized[i : i + BLOCK[0], j : j + BLOCK[1]], weight[i : i + BLOCK[0], j : j + BLOCK[1]])
         for j in range(0, weight.shape[1], BLOCK[1])]
        for i in range(0, weight.shape[0], BLOCK[0])
    ]  # fmt: skip
    return quantized.to(torch.float8_e4m3fn), torch.tensor(rows)


def quantize_into(target: Tensor, part: Tensor) -> float:
    scale = float(part.abs().max() / MOST)
    target.copy_(part / scale)
    return scale


def quantize(
    made: RandomCheckpoint, way: Callable[[Tensor], tuple[Tensor, Tensor]], settings: Any, ending: str
) -> None:
    """Write the linear layers of a checkpoint in fp8, and give transformers' model what they then stand for."""
    path = made.folder / "model.safetensors"
    written = load_file(path)
    for name in list(written):
        if "proj" in name and name.endswith("weight"):
            quantized, scale = way(written[name])
            written[name], written[name + ending] = quantized, scale
            factor = scale.float()
            if way is by_block:
                factor = torch.stack([
                    torch.stack([scale[i // BLOCK[0], j // BLOCK[1]] for j in range(quantized.shape[1])])
                    for i in range(quantized.shape[0])
                ])  # fmt: skip
            made.model.get_parameter(name).data.copy_(quantized.float() * factor)
    save_file(written, path)
    config = json.loads((made.folder / "config.json").read_text())
    (made.folder / "config.json").write_text(json.dumps(config | {"quantization_config": settings}))


@pytest.mark.parametrize("family_name", ["qwen3", "cohere2"])
@pytest.mark.parametrize(
    ("way", "settings", "ending"),
    [
        (by_tensor, {"quant_method": "fp8"}, "_scale"),
        (by_row, ROWS, "_scale"),
        (by_row, {"quant_method": "fbgemm_fp8"}, "_scale"),
        (by_block, FP8, "_scale_inv"),
    ],
)
def test_tokens_are_those_of_what_the_file_stands_for(
    family_name: str,
    way: Callable[[Tensor], tuple[Tensor, Tensor]],
    settings: Any,
    ending: str,
    fresh: MakeCheckpoint,
) -> None:
    made = fresh(family_name)
    prompt = [1, 2, 3, 4, 50, 60]
    before = made.model(torch.tensor([prompt])).logits
    quantize(made, way, settings, ending)
    after = made.model(torch.tensor([prompt])).logits
    assert 0 < float((after - before).norm() / before.norm()) < 0.2  # three bits of a fraction
    result = next(iter(Engine(EngineConfig(checkpoint=made.folder)).generate([Request(prompt, max_new_tokens=16)])))
    assert result.token_ids == made.generate_greedily(prompt, 16)


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        ("no scale", "is in fp8, and it has no scale"), ("shape", "does not fit"), ("infinite", "what is no number"),
        ("block", "is no block of rows and columns"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_sentence(damage: str, part: str, fresh: MakeCheckpoint) -> None:
    made = fresh("qwen3")
    quantize(made, by_block, FP8 | ({"weight_block_size": [24]} if damage == "block" else {}), "_scale_inv")
    path = made.folder / "model.safetensors"
    written = load_file(path)
    name = "model.layers.1.mlp.up_proj.weight_scale_inv"
    if damage == "no scale":
        del written[name]
    elif damage == "shape":
        written[name] = torch.ones(3, 3)
    elif damage == "infinite":
        written[name] = torch.full_like(written[name], torch.inf)
    save_file(written, path)
    with pytest.raises(CheckpointError, match=part) as caught:
        Engine(EngineConfig(checkpoint=made.folder))
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_numbers_are_multiplied_by_their_scale(dtype: torch.dtype) -> None:
    weight = torch.tensor([[1.0, -2.0], [0.5, 4.0], [0.0, 8.0]]).to(dtype)
    assert dequantize_fp8(weight, torch.tensor(0.5), None).tolist() == [[0.5, -1.0], [0.25, 2.0], [0.0, 4.0]]
    rows = torch.tensor([1.0, 2.0, 4.0])
    expected = [[1.0, -2.0], [1.0, 8.0], [0.0, 32.0]]
    assert (
        dequantize_fp8(weight, rows, None).tolist() == dequantize_fp8(weight, rows[:, None], None).tolist() == expected
    )
    blocks = torch.tensor([[1.0, 10.0], [2.0, 20.0]])
    assert dequantize_fp8(weight, blocks, (2, 1)).tolist() == [[1.0, -20.0], [0.5, 40.0], [0.0, 160.0]]
    with pytest.raises(ValueError, match="for"):
        dequantize_fp8(weight, blocks, None)


def test_blocks_without_a_weight_in_fp8(fresh: MakeCheckpoint) -> None:
    """A checkpoint without fp8 is read as before, whatever its config.json says of blocks."""
    made = fresh("qwen3")
    config = json.loads((made.folder / "config.json").read_text())
    (made.folder / "config.json").write_text(json.dumps(config | {"quantization_config": FP8}))
    result = next(iter(Engine(EngineConfig(checkpoint=made.folder)).generate([Request([1, 2], max_new_tokens=8)])))
    assert result.token_ids == made.generate_greedily([1, 2], 8)
