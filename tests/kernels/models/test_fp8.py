"""Checkpoints in fp8, with scales of tensors, rows and blocks: the same tokens as the weights that they stand for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from random_checkpoints import MakeCheckpoint, MakePrompts, RandomCheckpoint
from safetensors.torch import load_file, save_file
from steps import prepare
from torch import Tensor

from midb.kernels import CheckpointError, Engine, EngineConfig, EngineError, ModelConfig, Request
from midb.kernels.engine.block_pool import BlockPool
from midb.kernels.engine.model_runner import ModelRunner
from midb.kernels.engine.scheduler import Work
from midb.kernels.engine.sequence import Sequence
from midb.kernels.models import fp8
from midb.kernels.models.fp8 import can_multiply, dequantize_fp8, multiply_fp8, quantize_rows, try_fp8

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
    with torch.no_grad():
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


def test_each_row_is_rounded_by_its_own_scale() -> None:
    x = torch.randn(6, 32) * torch.tensor([1e-6, 1e-3, 1.0, 1e3, 1e6, 0.0])[:, None]
    rounded, scale = quantize_rows(x)
    back = rounded.float() * scale
    assert bool(
        ((back - x).abs() <= 2**-4 * x.abs() + 2**-9 * scale).all()
    )  # half a unit of three bits, or of the least
    assert bool((back[5] == 0).all())
    assert torch.equal(quantize_rows(x[2:4])[0].view(torch.uint8), rounded[2:4].view(torch.uint8))


@pytest.mark.parametrize("rows", [0, 1, 5, 64])
def test_a_product_is_that_of_the_rounded_matrices(rows: int) -> None:
    torch.manual_seed(rows)
    x, weight = torch.randn(rows, 32).bfloat16(), torch.randn(48, 32)
    rounded, scale = quantize_rows(weight)
    found = multiply_fp8(x, rounded, scale)
    left, own = quantize_rows(x)
    expected = (left.float() * own) @ (rounded.float() * scale).t()
    assert found.dtype == torch.bfloat16
    assert float((found.float() - expected).norm()) <= 2**-8 * float(expected.norm())


@pytest.mark.parametrize(("shape", "can"), [((48, 32), True), ((48, 40), False), ((49, 32), False)])
def test_dimensions_that_matrix_units_take(shape: tuple[int, int], can: bool) -> None:
    assert can_multiply(torch.empty(shape)) is can


@pytest.mark.parametrize("family_name", ["qwen3", "llama-bias-tied", "qwen3-moe"])
def test_a_model_computed_in_fp8_loses_what_three_bits_lose(
    family_name: str, fresh: MakeCheckpoint, prompts: MakePrompts
) -> None:
    """More than bf16 does, so that it is in fp8 that it is computed; and little."""
    sizes = {"hidden_size": 64, "intermediate_size": 96}
    made = fresh(family_name, **(sizes | ({"moe_intermediate_size": 32} if family_name == "qwen3-moe" else {})))
    prompt = prompts(seed=5, count=1)[0]
    with torch.no_grad():
        exact = made.model(torch.tensor([prompt])).logits[0]

    def measure_loss(dtype: str) -> float:
        config = EngineConfig(checkpoint=made.folder, dtype=dtype)
        runner = ModelRunner(config, ModelConfig.from_checkpoint(made.folder))
        quantized = runner.model.layers[0].qkv.weight.dtype == torch.float8_e4m3fn
        assert quantized is (dtype == "fp8")
        assert runner.model.embedding.dtype == runner.model.head[0].weight.dtype == torch.bfloat16
        request = Request(prompt, max_new_tokens=1)
        sequence = Sequence(0, request, request.make_sampling_params(()), 0, list(prompt))
        sequence.block_table = BlockPool(runner.num_blocks, 16).allocate(prompt, len(prompt))
        with torch.inference_mode():
            batch = prepare([Work(sequence, 0, len(prompt), False)], 16, runner.device)
            found = runner.model.compute_logits(runner.compute_hidden(batch))
        return float((found - exact).norm() / exact.norm())

    # Where two experts are worth almost the same to a row, it may choose the other one.
    most = 0.5 if family_name == "qwen3-moe" else 0.25
    assert measure_loss("bfloat16") < measure_loss("fp8") < most


def test_a_device_that_cannot_is_one_sentence(monkeypatch: pytest.MonkeyPatch, fresh: MakeCheckpoint) -> None:
    try_fp8(torch.device("cpu"))

    def refuse(*_: Any, **__: Any) -> Tensor:
        raise RuntimeError("torch._scaled_mm is only supported on CUDA devices with compute capability >= 9.0\nmore")

    monkeypatch.setattr(torch, "_scaled_mm", refuse)
    made = fresh("qwen3")
    with pytest.raises(EngineError, match=r"does not multiply in fp8: torch\._scaled_mm is only") as caught:
        Engine(EngineConfig(checkpoint=made.folder, dtype="fp8"))
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(fp8, "multiply_fp8", lambda x, weight, scale: x @ weight.float().t())
    with pytest.raises(EngineError, match="multiplies wrongly"):
        try_fp8(torch.device("cpu"))
