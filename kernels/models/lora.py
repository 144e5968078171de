"""Reads LoRA adapters in peft's layout: which layers they update, by which matrices, and whether they say the truth."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from midb.kernels.config import ModelConfig
from midb.kernels.config_file import read_json
from midb.kernels.errors import CheckpointError
from midb.kernels.models.layout import list_parts, reorder_rows, weight_shape
from midb.kernels.models.linear import LowRank
from midb.kernels.models.weights import PREFIXES, CheckpointTensors

#: An update that is made larger than that says more about the file than about the model.
_LARGEST_ALPHA = 1e6

#: What to think of where config and weights of an adapter contradict each other.
_CONFIG_HINT = "Is adapter_config.json the one that was written when it was trained?"


def read_adapter(
    folder: str | Path, config: ModelConfig, device: torch.device, dtype: torch.dtype
) -> dict[tuple[int, str], list[LowRank]]:
    """Read a LoRA adapter in peft's layout: its updates by layer and fused layer.

    :raises CheckpointError: for what is no such adapter, for one that was trained on a model of other shapes, and for
        one that lacks something of what it says it has.
    """
    folder = Path(folder)
    raw = read_json(folder / "adapter_config.json")
    if str(raw.get("peft_type", "LORA")).upper() != "LORA" or raw.get("use_dora"):
        raise CheckpointError(f"{folder} is no plain LoRA adapter.", hint="Only LoRA without DoRA is supported.")
    if raw.get("bias", "none") != "none" or raw.get("modules_to_save") or raw.get("trainable_token_indices"):
        raise CheckpointError(
            f"{folder} changes more than linear layers.", hint="Merge it into the checkpoint instead."
        )
    updates: dict[tuple[int, str], list[LowRank]] = {}
    with CheckpointTensors(folder, "adapter_model", device, dtype) as tensors:
        unused = set(tensors.names)
        if not unused:
            raise CheckpointError(f"{folder} holds no update of any layer.", hint="Is its copy complete?")
        for layer in range(config.num_layers):
            for fused, parts in list_parts(config, layer).items():
                start = 0
                for part in parts:
                    outer, inner = weight_shape(config, part)
                    name = _find_update(tensors, f"layers.{layer}.{part}")
                    if name is not None:
                        down, up = (f"{name}.lora_{side}.weight" for side in "AB")
                        rank = _read_rank(tensors, name, raw, max(outer, inner))
                        scale = _compute_scale(raw, name, rank, folder)
                        _check_shape(tensors, down, (rank, inner), raw)
                        _check_shape(tensors, up, (outer, rank), raw)
                        upper = reorder_rows(config, part, tensors.get(up, outer, rank)) * scale
                        low = LowRank(tensors.get(down, rank, inner), upper, start, start + outer)
                        updates.setdefault((layer, fused), []).append(low)
                        unused -= {down, up}
                    elif (target := _find_target(raw, layer, part)) is not None:
                        raise CheckpointError(
                            f"{folder}: the update of layers.{layer}.{part} is missing, and adapter_config.json says "
                            f"that {target} is updated.",
                            hint="Is its copy complete? " + _CONFIG_HINT,
                        )
                    start += outer
        if unused:
            raise CheckpointError(
                f"{folder}: {min(unused)} belongs to no linear layer of this model.", hint=_explain_unused(unused, raw)
            )
    return updates


def _find_update(tensors: CheckpointTensors, layer: str) -> str | None:
    """The name of a layer's update, without the part that says which matrix."""
    names = (f"base_model.model.{prefix}{layer}" for prefix in PREFIXES)
    return next((name for name in names if f"{name}.lora_A.weight" in tensors), None)


def _find_target(raw: dict[str, Any], layer: int, part: str) -> str | None:
    """What adapter_config.json says of a layer that has no update: the target that names it; None where none does, or
    where peft's rules for that are more than a list of names."""
    targets, layers = raw.get("target_modules"), raw.get("layers_to_transform")
    if not isinstance(targets, list) or raw.get("exclude_modules"):
        return None
    if layers is not None and layer not in (layers if isinstance(layers, list) else [layers]):
        return None
    name = f".layers.{layer}.{part}"
    return next((target for target in targets if isinstance(target, str) and name.endswith(f".{target}")), None)


def _read_rank(tensors: CheckpointTensors, name: str, raw: dict[str, Any], most: int) -> int:
    """The rank of an update, which is to be the one that adapter_config.json says."""
    rank = next(iter(tensors.read_shape(f"{name}.lora_A.weight")), 0)
    if not 0 < rank <= most:
        raise CheckpointError(f"{tensors.folder}: the update of {name} has the rank {rank}.", hint=_CONFIG_HINT)
    patterns = raw.get("rank_pattern")
    said = _find_by_name(patterns, name) if isinstance(patterns, dict) else None
    said = raw.get("r") if said is None else said
    if isinstance(said, int) and said != rank:
        raise CheckpointError(
            f"{tensors.folder}: the update of {name} has the rank {rank}, and adapter_config.json says {said}.",
            hint=_CONFIG_HINT,
        )
    return rank


def _check_shape(tensors: CheckpointTensors, name: str, shape: tuple[int, int], raw: dict[str, Any]) -> None:
    """Raise CheckpointError, with the name of the base, for a matrix that fits another model."""
    if name not in tensors:
        raise CheckpointError(f"{tensors.folder}: the tensor {name} is missing.", hint="Is its copy complete?")
    if (found := tensors.read_shape(name)) != shape:
        raise CheckpointError(
            f"{tensors.folder}: {name} has shape {list(found)}, not {list(shape)}.", hint=_explain_base(raw)
        )


def _explain_unused(unused: Iterable[str], raw: dict[str, Any]) -> str:
    if any(part in name for name in unused for part in ("embed_tokens", "lm_head")):
        return "Only linear layers of attention and feed-forward are updated here; merge it into the checkpoint."
    return _explain_base(raw)


def _explain_base(raw: dict[str, Any]) -> str:
    base = raw.get("base_model_name_or_path")
    if isinstance(base, str) and base:
        return f"The adapter was trained on {base[-80:]}; is that this model?"
    return "Was the adapter trained on another model?"


def _find_by_name(patterns: dict[str, Any], name: str) -> Any:
    """What a pattern says for a layer: the one of its name, or of how its name ends."""
    return next((value for key, value in patterns.items() if name == key or name.endswith(f".{key}")), None)


def _compute_scale(raw: dict[str, Any], name: str, rank: int, folder: Path) -> float:
    """``alpha / rank``, or ``alpha / sqrt(rank)`` for rank-stabilised LoRA (Kalajdzievski, 2023)."""
    patterns = raw.get("alpha_pattern") or {}
    if not isinstance(patterns, dict):
        raise CheckpointError(f"{folder}: alpha_pattern gives no alpha by the names of layers.", hint=_CONFIG_HINT)
    alpha = _find_by_name(patterns, name)
    if alpha is None:
        alpha = raw.get("lora_alpha", 8)
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < abs(alpha) <= _LARGEST_ALPHA:
        raise CheckpointError(
            f"{folder}: the alpha of {name} is {repr(alpha)[:40]}, not a number that an update can be scaled by.",
            hint=_CONFIG_HINT,
        )
    return float(alpha) / (math.sqrt(rank) if raw.get("use_rslora") else rank)
