"""Quantized checkpoints: fp8 passes, and the others are one sentence that names the method and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from midb.kernels import CheckpointError
from midb.kernels.quantization import check_quantization, read_block

FLOAT = {"weights": {"num_bits": 8, "type": "float", "strategy": "channel"}, "targets": ["Linear"]}
#: Of compressed-tensors, but for the groups.
FLOATS = {"quant_method": "compressed-tensors", "format": "float-quantized"}
INTEGER = {"weights": {"num_bits": 4, "type": "int", "strategy": "group"}, "targets": ["Linear"]}


@pytest.mark.parametrize(
    "found",
    [
        None, {}, {"quant_method": "fp8", "weight_block_size": [128, 128]}, {"quant_method": "fbgemm_fp8"},
        FLOATS | {"config_groups": {"group_0": FLOAT}},
        {"quant_method": "compressed-tensors", "format": "naive-quantized", "config_groups": {"a": FLOAT, "b": FLOAT}},
    ],
)  # fmt: skip
def test_fp8_passes(found: Any) -> None:
    check_quantization({"quantization_config": found}, Path("config.json"))


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ({"quant_method": "awq", "bits": 4}, "AWQ"), ({"quant_method": "gptq", "bits": 4}, "GPTQ"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        ({"load_in_8bit": True}, "bitsandbytes"),
        ({"quant_method": "mxfp4"}, "MXFP4"), ({"quant_method": "own-thing"}, "own-thing"),
        ({"bits": 4}, "an unknown way"),
        (
            {"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": INTEGER}},
            "compressed-tensors",
        ),
        (
            FLOATS | {"config_groups": {"a": FLOAT, "b": INTEGER}},
            "compressed-tensors",
        ),
        (FLOATS | {"config_groups": {}}, "compressed-tensors"),
        (FLOATS | {"config_groups": {"a": 3}}, "compressed-tensors"),
        ({"quant_method": "x" * 10_000}, "xxx"), ([4], "no JSON object"), ("awq", "no JSON object"),
    ],
)  # fmt: skip
def test_the_others_are_one_sentence(found: Any, name: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        check_quantization({"quantization_config": found}, Path("config.json"))
    assert name in str(caught.value)
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_it_says_what_to_do() -> None:
    with pytest.raises(CheckpointError) as caught:
        check_quantization({"quantization_config": {"quant_method": "awq"}}, Path("config.json"))
    assert all(word in str(caught.value.hint) for word in ("bf16", "GGUF", "server"))


@pytest.mark.parametrize(
    ("found", "block"),
    [
        (None, None), ({"quant_method": "fp8"}, None), ({"weight_block_size": [128, 64]}, (128, 64)),
        (FLOATS | {"config_groups": {"a": FLOAT}}, None),
        (FLOATS | {"config_groups": {"a": {"weights": {"block_structure": [32, 16]}}}}, (32, 16)),
    ],
)  # fmt: skip
def test_blocks_that_share_a_scale(found: Any, block: tuple[int, int] | None) -> None:
    assert read_block({"quantization_config": found}, Path("config.json")) == block


@pytest.mark.parametrize("block", [[128], [128, 0], [128, "a"], "128x128", [True, 1], [1] * 1000])
def test_blocks_that_are_none(block: Any) -> None:
    with pytest.raises(CheckpointError, match="is no block of rows and columns"):
        read_block({"quantization_config": {"weight_block_size": block}}, Path("config.json"))
