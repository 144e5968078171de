"""How the tensors of a checkpoint become those of the decoder: which are fused, and how the rows of heads are ordered.

The decoder rotates the first half of a head with the second. A checkpoint that rotates neighbours, or a part of a head
only, has the rows of its queries and keys put into such an order that this is the same: scores are sums over a head's
dimensions, in whatever order they stand.
"""

from __future__ import annotations

import torch
from torch import Tensor

from midb.kernels.config import ModelConfig

#: The parts of each fused layer, in order, by their names in the checkpoint.
_PARTS: dict[str, tuple[str, ...]] = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}

#: Where the checkpoint has them fused already.
_FUSED_PARTS = _PARTS | {"qkv": ("self_attn.qkv_proj",), "gate_up": ("mlp.gate_up_proj",)}


def list_parts(config: ModelConfig, layer: int) -> dict[str, tuple[str, ...]]:
    """The parts of each fused linear layer of a layer; what chooses among experts has no feed-forward of its own."""
    parts = _FUSED_PARTS if config.fused_weights else _PARTS
    if config.experts is not None and config.experts.layers[layer]:
        return {name: names for name, names in parts.items() if name in ("qkv", "out")}
    return parts


def weight_shape(config: ModelConfig, part: str) -> tuple[int, int]:
    """``(out, in)`` of a part of a fused layer."""
    q, kv = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
    hidden, inner = config.hidden_size, config.intermediate_size
    return {
        "self_attn.q_proj": (q, hidden),
        "self_attn.k_proj": (kv, hidden),
        "self_attn.v_proj": (kv, hidden),
        "self_attn.qkv_proj": (q + 2 * kv, hidden),
        "self_attn.o_proj": (hidden, q),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.gate_up_proj": (2 * inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }[part]


def reorder_rows(config: ModelConfig, part: str, tensor: Tensor) -> Tensor:
    """Put the rows of queries and keys into the decoder's order.

    :param tensor: a weight, a bias or the upper half of an update of ``part``: ``[out, ...]``.
    """
    q, kv = config.num_heads, config.num_kv_heads
    heads = {"self_attn.q_proj": q, "self_attn.k_proj": kv, "self_attn.qkv_proj": q + kv}.get(part, 0)
    order = _order_head(config)
    if not heads or order == list(range(config.head_dim)):
        return tensor
    rotated, rest = tensor.tensor_split([heads * config.head_dim])
    rotated = rotated.unflatten(0, (heads, config.head_dim))[:, order].flatten(0, 1)
    return torch.cat((rotated, rest))


def _order_head(config: ModelConfig) -> list[int]:
    """Which of a checkpoint's dimensions stands at each place of a head; those that are rotated as pairs stand half a
    head apart."""
    rotated = config.rotary_dim
    if config.rotates_pairs:
        first, second = range(0, rotated, 2), range(1, rotated, 2)
    else:
        first, second = range(rotated // 2), range(rotated // 2, rotated)
    middle = (rotated + config.head_dim) // 2
    return [*first, *range(rotated, middle), *second, *range(middle, config.head_dim)]
