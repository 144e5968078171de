"""LoRA adapters with random weights of noticeable size, for a checkpoint in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from midb.agent.engines.adapter_manifest import write_manifest


def make_adapter(
    folder: Path, checkpoint: Path, *, seed: int = 1, rank: int = 2, manifest: dict[str, Any] | None = None,
    **config: Any,
) -> Path:  # fmt: skip
    """Write an adapter of the attention's outputs of each layer, and return its folder.

    :param manifest: what it says of itself; None: nothing.
    :param config: fields of adapter_config.json in place of peft's.
    """
    import torch
    from safetensors.torch import save_file

    described = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    width = described["hidden_size"]
    torch.manual_seed(seed)
    weights = {}
    for layer in range(described["num_hidden_layers"]):
        name = f"base_model.model.model.layers.{layer}.self_attn.o_proj"
        weights[f"{name}.lora_A.weight"] = torch.randn(rank, width)
        weights[f"{name}.lora_B.weight"] = torch.randn(width, rank)
    folder.mkdir(parents=True)
    save_file(weights, folder / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": rank, "lora_alpha": 4, "target_modules": ["o_proj"], "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(settings | config), encoding="utf-8")
    if manifest is not None:
        write_manifest(folder, manifest)
    return folder
