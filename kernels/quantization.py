"""Which quantized checkpoints are read: those in fp8. The others are refused with what to do instead. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from midb.kernels.errors import CheckpointError

#: Methods whose weights are numbers in fp8 with scales beside them.
_FP8 = ("fp8", "fbgemm_fp8")

#: Formats of compressed-tensors that hold such weights; what is packed in integers has other names.
_FP8_FORMATS = ("float-quantized", "naive-quantized")

#: How methods are called, by their names in config.json.
_NAMES = {
    "awq": "AWQ", "gptq": "GPTQ", "bitsandbytes": "bitsandbytes", "compressed-tensors": "compressed-tensors",
    "mxfp4": "MXFP4", "hqq": "HQQ", "aqlm": "AQLM", "torchao": "torchao", "quanto": "Quanto", "modelopt": "ModelOpt",
}  # fmt: skip

#: What does work.
_INSTEAD = (
    "Use the bf16 or fp8 weights that it was made from, or a GGUF file of the model, or let a server that reads it "
    "serve it."
)


def read_block(raw: Mapping[str, Any], path: Path) -> tuple[int, int] | None:
    """Read for which blocks of a weight, in rows and columns, a checkpoint in fp8 has scales of their own.

    :return: None where scales are of rows, or of whole tensors.
    :raises CheckpointError: for a block that is none.
    """
    found = raw.get("quantization_config")
    if not isinstance(found, Mapping):
        return None
    block = found.get("weight_block_size")
    groups = found.get("config_groups")
    for group in groups.values() if isinstance(groups, Mapping) else ():
        weights = group.get("weights") if isinstance(group, Mapping) else None
        block = (weights.get("block_structure") if isinstance(weights, Mapping) else None) or block
    if block is None:
        return None
    if not isinstance(block, list) or len(block) != 2 or not all(type(size) is int and size > 0 for size in block):
        raise CheckpointError(
            f"{path}: {repr(block)[:40]} is no block of rows and columns.", hint="Is it the file of a model?"
        )
    return block[0], block[1]


def check_quantization(raw: Mapping[str, Any], path: Path) -> None:
    """Raise CheckpointError for a config.json whose weights are quantized in another way than fp8."""
    found = raw.get("quantization_config")
    if not found:
        return
    if not isinstance(found, Mapping):
        raise CheckpointError(f"{path}: quantization_config holds no JSON object.", hint="Is it the file of a model?")
    method = str(found.get("quant_method", ""))
    if method in _FP8 or (method == "compressed-tensors" and _is_fp8(found)):
        return
    if found.get("load_in_4bit") or found.get("load_in_8bit"):
        method = "bitsandbytes"
    name = _NAMES.get(method, method[:40])
    how = f"quantized with {name}" if name else "quantized in an unknown way"
    raise CheckpointError(f"{path}: the weights are {how}, which is not read.", hint=_INSTEAD)


def _is_fp8(found: Mapping[str, Any]) -> bool:
    groups = found.get("config_groups")
    if found.get("format") not in _FP8_FORMATS or not isinstance(groups, Mapping) or not groups:
        return False
    return all(_has_fp8_weights(group) for group in groups.values())


def _has_fp8_weights(group: object) -> bool:
    weights = group.get("weights") if isinstance(group, Mapping) else None
    return isinstance(weights, Mapping) and weights.get("type") == "float" and weights.get("num_bits") == 8
