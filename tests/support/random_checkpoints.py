"""Small random checkpoints of every family, in the hub's own layout, and the models they were written from.

Needs torch and transformers; a conftest skips its folder where they are missing, and only then imports this.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import transformers
from safetensors.torch import save_file

#: Ids of every model.
VOCABULARY = 99

_SIZE: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 160, "head_dim": 16,
    "bos_token_id": None, "eos_token_id": None, "pad_token_id": None, "initializer_range": 0.2,
}  # fmt: skip
_LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
_YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 40}

_LONGROPE = {
    "rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5],
    "long_factor": [1.0, 1.5, 2.0, 3.0, 5.0, 8.0], "partial_rotary_factor": 0.75,
    "attention_factor": 1.2,
}  # fmt: skip

#: Name -> transformers' classes and what differs from the common size. Windows are shorter than the texts.
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama-3": ("Llama", {"rope_parameters": _LLAMA3}),
    "llama-bias-tied": ("Llama", {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True}),
    "llama-linear-mha": (
        "Llama",
        {"num_key_value_heads": 4, "rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}},
    ),
    "mistral": ("Mistral", {"sliding_window": 9}),
    "mistral-full": ("Mistral", {"sliding_window": None, "num_key_value_heads": 1}),
    "qwen2": ("Qwen2", {"head_dim": None}),
    "qwen2-yarn": ("Qwen2", {"head_dim": None, "rope_parameters": _YARN}),
    "qwen2-window": (
        "Qwen2",
        {
            "head_dim": None, "use_sliding_window": True, "sliding_window": 9, "max_window_layers": 1,
            "tie_word_embeddings": True,
        },
    ),
    "qwen3": ("Qwen3", {}),
    "qwen3-tied": ("Qwen3", {"tie_word_embeddings": True, "num_key_value_heads": 4}),
    "gemma2": ("Gemma2", {"sliding_window": 9, "query_pre_attn_scalar": 24}),
    "gemma3": (
        "Gemma3",
        {
            "sliding_window": 9, "query_pre_attn_scalar": 24,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        },
    ),
    "smollm3": (
        "SmolLM3",
        {
            "no_rope_layers": [1, 0, 1], "use_sliding_window": True, "sliding_window": 9,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
        },
    ),
    "phi3": ("Phi3", {"sliding_window": 9}),
    "phi3-longrope-part": (
        "Phi3",
        {
            "head_dim": None, "num_attention_heads": 2, "num_key_value_heads": 1, "rope_parameters": _LONGROPE,
            "original_max_position_embeddings": 160,
        },
    ),
    "cohere": ("Cohere", {"head_dim": None, "logit_scale": 0.25, "attention_bias": True}),
    "cohere2": (
        "Cohere2",
        {
            "head_dim": None, "sliding_window": 9,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        },
    ),
    "qwen3-moe": (
        "Qwen3Moe",
        {
            "num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "norm_topk_prob": True,
            "mlp_only_layers": [1],
        },
    ),
}  # fmt: skip


@dataclass(frozen=True)
class RandomCheckpoint:
    """A folder, and the model of transformers that it was written from."""

    folder: Path
    model: Any

    def generate_greedily(self, prompt: list[int], count: int) -> list[int]:
        """What transformers generates."""
        ids = torch.tensor([prompt])
        with torch.no_grad():
            out = self.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False)
        found: list[int] = out[0, len(prompt) :].tolist()
        return found


class GetCheckpoint(Protocol):
    """The checkpoint of a family, which many tests share."""

    def __call__(self, family: str, /) -> RandomCheckpoint: ...


class MakeCheckpoint(Protocol):
    """A checkpoint of one's own, with changes to its configuration."""

    def __call__(self, family: str = "llama-3", /, **changes: Any) -> RandomCheckpoint: ...


class MakePrompts(Protocol):
    """Random prompts of ragged lengths; ``shared`` tokens stand before all of them."""

    def __call__(self, seed: int, count: int, longest: int = 50, shared: int = 0) -> list[list[int]]: ...


def build_checkpoint(folder: Path, family: str, seed: int = 1, **changes: Any) -> RandomCheckpoint:
    """Write a checkpoint of a family with random weights."""
    name, special = FAMILIES[family]
    wanted = copy.deepcopy(_SIZE | special | changes)  # transformers writes into the parameters of rope
    settings = {key: value for key, value in wanted.items() if key != "head_dim" or value}
    config_class = getattr(transformers, f"{name}TextConfig" if name == "Gemma3" else f"{name}Config")
    torch.manual_seed(seed)
    model = getattr(transformers, f"{name}ForCausalLM")(config_class(**settings)).eval().float()
    for parameter_name, parameter in model.named_parameters():
        # Fresh norms are ones and fresh biases zeros, which would hide a wrong use of either.
        if "norm" in parameter_name:
            parameter.data.add_(torch.randn_like(parameter) * 0.2)
        elif parameter_name.endswith("bias"):
            parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    return RandomCheckpoint(folder, model)


#: The layers that adapters of tests update.
ADAPTED_MODULES = (
    "self_attn.q_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)


def write_adapter(
    folder: Path,
    made: RandomCheckpoint,
    seed: int,
    modules: tuple[str, ...] = ADAPTED_MODULES,
    rank: int = 4,
    **settings: Any,
) -> Path:
    """An adapter with random weights of noticeable size."""
    torch.manual_seed(seed)
    weights = {}
    for layer in range(3):
        for module in modules:
            out, inner = made.model.get_submodule(f"model.layers.{layer}.{module}").weight.shape
            name = f"base_model.model.model.layers.{layer}.{module}"
            weights[f"{name}.lora_A.weight"] = torch.randn(rank, inner) * 0.3
            weights[f"{name}.lora_B.weight"] = torch.randn(out, rank) * 0.3
    folder.mkdir()
    save_file(weights, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 6, "target_modules": list(modules), "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config | settings))
    return folder
