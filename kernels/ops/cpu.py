"""The ops as a CPU does them fast, signatures as in ``kernels.reference``: fewer passes over memory than there.

In bf16 they round after each pass, as transformers does; in fp32 they are the reference's sums.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor
from torch.nn.functional import gelu, rms_norm, silu

from midb.kernels import reference


def add_rms_norm(
    x: Tensor, residual: Tensor | None, weight: Tensor, *, eps: float, offset: float = 0.0
) -> tuple[Tensor, Tensor]:
    """``reference.add_rms_norm`` by torch's fused norm."""
    total = x if residual is None else x + residual
    return _norm(total, weight, eps, offset), total


def _norm(x: Tensor, weight: Tensor, eps: float, offset: float) -> Tensor:
    return rms_norm(x, weight.shape, weight + offset if offset else weight, eps)


def rotary_kv_write(
    qkv: Tensor,
    positions: Tensor,
    slots: Tensor,
    cos_sin: Tensor,
    k_cache: Tensor,
    v_cache: Tensor,
    *,
    q_weight: Tensor | None = None,
    k_weight: Tensor | None = None,
    eps: float = 1e-6,
    offset: float = 0.0,
) -> Tensor:
    """``reference.rotary_kv_write``; heads are turned where they lie, in ``qkv``, which is used up."""
    _, kv_heads, head_dim = k_cache.shape
    heads = qkv.shape[1] // head_dim - 2 * kv_heads
    all_heads = qkv.view(qkv.shape[0], -1, head_dim)
    q: Tensor
    q, k, v = all_heads.split([heads, kv_heads, kv_heads], dim=1)
    if q_weight is not None:
        q.copy_(_norm(q, q_weight, eps, offset))
    if k_weight is not None:
        k.copy_(_norm(k, k_weight, eps, offset))
    cos, sin = cos_sin.index_select(0, positions).to(qkv.dtype).unsqueeze(1).chunk(2, dim=-1)
    a, b = all_heads[:, : heads + kv_heads].chunk(2, dim=-1)
    turned = a * cos
    turned.addcmul_(b, sin, value=-1)
    b.mul_(cos).addcmul_(a, sin)
    a.copy_(turned)
    kept = slots
    if slots.numel() and int(slots.min()) < 0:
        written = slots >= 0
        k, v, kept = k[written], v[written], slots[written]
    k_cache.index_copy_(0, kept.long(), k)
    v_cache.index_copy_(0, kept.long(), v)
    return q


def gated_activation(gate_up: Tensor, *, kind: str) -> Tensor:
    """``reference.gated_activation`` in two passes."""
    gate, up = gate_up.chunk(2, dim=-1)
    return (silu(gate) if kind == "silu" else gelu(gate, approximate="tanh")).mul_(up)


def paged_attention(
    q: Tensor,
    k_cache: Tensor,
    v_cache: Tensor,
    block_tables: Tensor,
    cu_seqlens_q: Tensor,
    seqlens_k: Tensor,
    *,
    page_size: int,
    scale: float,
    window: int = 0,
    softcap: float = 0.0,
    causal: bool = True,
    max_seqlen_q: int = 0,
) -> tuple[Tensor, Tensor]:
    """``reference.paged_attention`` by torch's flash attention for CPUs, sequence by sequence.

    The keys of pages that lie behind one another are read where they are; others are gathered.
    """
    if softcap:
        return reference.paged_attention(
            q, k_cache, v_cache, block_tables, cu_seqlens_q, seqlens_k,
            page_size=page_size, scale=scale, window=window, softcap=softcap, causal=causal,
        )  # fmt: skip
    rows, heads, head_dim = q.shape
    kv_heads = k_cache.shape[1]
    group = heads // kv_heads
    out = torch.zeros(q.shape, dtype=q.dtype)
    lse = torch.full((rows, heads), -torch.inf, dtype=torch.float32)
    starts, lengths, tables = cu_seqlens_q.tolist(), seqlens_k.tolist(), block_tables.tolist()
    for sequence, length in enumerate(lengths):
        start, end = starts[sequence], starts[sequence + 1]
        count = end - start
        if count == 0 or length == 0:
            continue
        # Keys before the window of the first row are seen by none.
        first_page = max(length - count - window + 1, 0) // page_size if window else 0
        pages = tables[sequence][first_page : -(-length // page_size)]
        skipped = first_page * page_size
        keys, values = (_rows(cache, pages, page_size, length - skipped) for cache in (k_cache, v_cache))
        # The heads that share a key head become rows: one product for them all.
        queries = (
            q[start:end].view(count, kv_heads, group, head_dim).permute(1, 2, 0, 3).reshape(1, kv_heads, -1, head_dim)
        )
        mask = None
        if (causal and count > 1) or window:
            mask = _mask(count, length, skipped, window, causal, q.dtype).repeat(group, 1)
        found, states = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            queries, keys.transpose(0, 1)[None], values.transpose(0, 1)[None], 0.0, False, attn_mask=mask, scale=scale
        )
        out[start:end] = (
            found.view(kv_heads, group, count, head_dim).permute(2, 0, 1, 3).reshape(count, heads, head_dim)
        )
        lse[start:end] = states.reshape(heads, count).T
    return out, lse


def _rows(cache: Tensor, pages: list[int], page_size: int, length: int) -> Tensor:
    """``[length, kv_heads, head_dim]`` of the cache, a view where the pages lie behind one another."""
    if pages[-1] - pages[0] == len(pages) - 1 and all(b - a == 1 for a, b in itertools.pairwise(pages)):
        start = pages[0] * page_size
        return cache[start : start + length]
    return cache.view(-1, page_size, *cache.shape[1:])[torch.tensor(pages)].flatten(0, 1)[:length]


def _mask(count: int, length: int, skipped: int, window: int, causal: bool, dtype: torch.dtype) -> Tensor:
    """0 where a row sees a key, ``-inf`` elsewhere: ``[count, length - skipped]``."""
    place = torch.arange(length - count, length)[:, None]
    key_place = torch.arange(skipped, length)
    hidden = (key_place > place) & causal
    if window:
        hidden |= key_place <= place - window
    return torch.zeros(hidden.shape, dtype=dtype).masked_fill_(hidden, -torch.inf)
