"""The families of models that are known, and what each does that its ``config.json`` does not state. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midb.kernels.errors import CheckpointError

#: What a file means where it says nothing: the defaults of transformers, which older files leave out.
_PLAIN: dict[str, Any] = {
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "rope_theta": 10000.0,
}

#: What both generations of Gemma do.
_GEMMA: dict[str, Any] = _PLAIN | {
    "hidden_act": "gelu_pytorch_tanh", "tie_word_embeddings": True, "head_dim": 256, "query_pre_attn_scalar": 256,
    "sliding_window": 4096,
}  # fmt: skip

#: What both generations of Cohere do.
_COHERE: dict[str, Any] = _PLAIN | {
    "layer_norm_eps": 1e-5, "tie_word_embeddings": True, "logit_scale": 0.0625, "max_position_embeddings": 8192,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the models of one family have in common.

    :param defaults: what its config.json means where it says nothing.
    :param windows: which layers have a window: "none", "all" if the file states one, or "stated" layer by layer.
    :param gemma: weights of norms stand for ``1 + weight``, there are norms after attention and feed-forward too, and
        embeddings and queries are scaled.
    :param cohere: LayerNorm in the place of RMSNorm, attention and feed-forward of a layer side by side, neighbours
        rotated as pairs, logits scaled.
    :param qkv_bias: queries, keys and values have a bias, whatever the file says.
    :param qk_norm: query and key heads are normed.
    :param fused: the parts of fused layers are fused in the checkpoint too, and heads may be rotated in part (Phi-3).
    :param experts: layers may choose among experts.
    """

    defaults: Mapping[str, Any]
    windows: str = "none"
    gemma: bool = False
    cohere: bool = False
    qkv_bias: bool = False
    qk_norm: bool = False
    fused: bool = False
    experts: bool = False


#: By their model type.
FAMILIES: dict[str, Family] = {
    "llama": Family(defaults=_PLAIN),
    "mistral": Family(defaults=_PLAIN | {"sliding_window": None}, windows="all"),
    "qwen2": Family(defaults=_PLAIN, windows="stated", qkv_bias=True),
    "qwen3": Family(defaults=_PLAIN | {"head_dim": 128}, windows="stated", qk_norm=True),
    "qwen3_moe": Family(
        defaults=_PLAIN | {
            "moe_intermediate_size": 768, "num_experts_per_tok": 8, "norm_topk_prob": False, "decoder_sparse_step": 1,
        },
        windows="all", qk_norm=True, experts=True,
    ),
    "gemma2": Family(
        defaults=_GEMMA
        | {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "sliding_window_pattern": 2},
        windows="stated", gemma=True,
    ),
    "gemma3_text": Family(
        defaults=_GEMMA | {
            "rope_theta": 1_000_000.0, "rope_local_base_freq": 10_000.0, "sliding_window_pattern": 6,
            "vocab_size": 262_208, "num_attention_heads": 8, "num_key_value_heads": 4,
            "max_position_embeddings": 131_072,
        },
        windows="stated", gemma=True, qk_norm=True,
    ),
    "smollm3": Family(
        defaults=_PLAIN | {"tie_word_embeddings": True, "rope_theta": 2_000_000.0, "no_rope_layer_interval": 4},
        windows="stated",
    ),
    "phi3": Family(
        defaults=_PLAIN | {"rms_norm_eps": 1e-5, "original_max_position_embeddings": 4096},
        windows="all", fused=True,
    ),
    "cohere": Family(defaults=_COHERE, cohere=True),
    "cohere2": Family(
        defaults=_COHERE | {"sliding_window": 4096, "sliding_window_pattern": 4}, windows="stated", cohere=True
    ),
}  # fmt: skip

#: Activations by the names in config.json, as our ops call them.
_ACTIVATIONS = {"silu": "silu", "swish": "silu", "gelu_pytorch_tanh": "gelu_tanh"}


def find_family(raw: Mapping[str, Any], path: Path) -> tuple[str, Family]:
    """Find the family of a config.json and its name; raises CheckpointError for one that is not known."""
    name = raw.get("model_type")
    if not isinstance(name, str) or name not in FAMILIES:
        raise CheckpointError(f'{path}: model type "{str(name)[:40]}" is unknown.', hint=f"Known: {list_families()}.")
    return name, FAMILIES[name]


def list_families() -> str:
    """The names of all families, in one line."""
    return ", ".join(FAMILIES)


def read_activation(raw: Mapping[str, Any], family: Family, path: Path) -> str:
    """Read the activation, as our ops call it; raises CheckpointError."""
    name = str(raw.get("hidden_activation", raw["hidden_act"]))
    if family.gemma and name == "gelu":
        name = "gelu_pytorch_tanh"  # older files of Gemma say "gelu", and the model computes this one
    if name not in _ACTIVATIONS:
        raise CheckpointError(f'{path}: activation "{name}" is unknown.', hint=f"Known: {', '.join(_ACTIVATIONS)}.")
    return _ACTIVATIONS[name]


def read_layer_kinds(raw: Mapping[str, Any], name: str, layers: int, path: Path) -> list[str]:
    """ "sliding_attention" or "full_attention" for each layer, as transformers derives it for each family."""
    family = FAMILIES[name]
    windowed = raw.get("sliding_window") is not None
    if name in ("qwen2", "qwen3", "qwen3_moe", "smollm3"):
        windowed = windowed and bool(raw.get("use_sliding_window", False))
    if family.windows != "stated":
        sliding = windowed and family.windows == "all"
        kinds = ["sliding_attention" if sliding else "full_attention"] * layers
    elif "layer_types" in raw:
        kinds = list(raw["layer_types"])
    elif name == "smollm3":
        rotated = read_rotated(raw, name, ["full_attention"] * layers, path)
        kinds = ["sliding_attention" if windowed and not turned else "full_attention" for turned in rotated]
    elif name in ("qwen2", "qwen3"):
        first = raw.get("max_window_layers", layers)
        kinds = ["sliding_attention" if windowed and i >= first else "full_attention" for i in range(layers)]
    else:
        pattern = raw.get("_sliding_window_pattern", raw["sliding_window_pattern"])
        kinds = ["sliding_attention" if (i + 1) % pattern else "full_attention" for i in range(layers)]
    if len(kinds) != layers or set(kinds) - {"sliding_attention", "full_attention"}:
        raise CheckpointError(f"{path}: layer_types does not fit {layers} layers of sliding or full attention.")
    return kinds


def read_rotated(raw: Mapping[str, Any], name: str, kinds: list[str], path: Path) -> list[bool]:
    """Whether each layer rotates its heads: Cohere 2 does where there is a window, SmolLM 3 as its file lists it."""
    if name == "cohere2":
        return [kind == "sliding_attention" for kind in kinds]
    if name != "smollm3":
        return [True] * len(kinds)
    listed = raw.get("no_rope_layers")
    if listed is None:  # the file's word notwithstanding, 1 stands for a layer that is rotated
        listed = [(i + 1) % raw["no_rope_layer_interval"] for i in range(len(kinds))]
    if not isinstance(listed, list) or len(listed) < len(kinds):
        raise CheckpointError(f"{path}: no_rope_layers does not list {len(kinds)} layers.")
    return [bool(turned) for turned in listed[: len(kinds)]]
