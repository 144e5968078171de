"""Norm of queries and keys, rotary embedding and the write into the KV cache in one launch (Triton).

One program takes some heads of one row, which may be queries, keys or values.
"""

# Kernels are written in Triton's language: their parameters have the types of the launch.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

#: Heads of one program: with 8 values for each thread, these are 4 warps at a head size of 128.
_BLOCK_HEADS = 16


@triton.jit(do_not_specialize_on_alignment=["positions_ptr", "slots_ptr"])  # they are parts of one buffer
def _rotary_kv_write(
    qkv_ptr,  # [rows, HEADS + 2 * KV_HEADS, HEAD_DIM]
    positions_ptr,  # [rows]
    slots_ptr,  # [rows]
    cos_sin_ptr,  # [max_positions, HEAD_DIM]: cosines, then sines
    q_weight_ptr,  # [HEAD_DIM], read if Q_NORM
    k_weight_ptr,  # [HEAD_DIM], read if K_NORM
    q_ptr,  # [rows, HEADS, HEAD_DIM]
    k_cache_ptr,  # [slots, KV_HEADS, HEAD_DIM]
    v_cache_ptr,  # [slots, KV_HEADS, HEAD_DIM]
    eps,
    offset,
    HEADS: tl.constexpr,
    KV_HEADS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    BLOCK_HEADS: tl.constexpr,
    BLOCK_HALF: tl.constexpr,
    Q_NORM: tl.constexpr,
    K_NORM: tl.constexpr,
):
    """``(a, b) -> (a cos - b sin, b cos + a sin)`` for the halves of each query and key, after their norms."""
    HALF: tl.constexpr = HEAD_DIM // 2
    ALL: tl.constexpr = HEADS + 2 * KV_HEADS
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_HEADS + tl.arange(0, BLOCK_HEADS)  # [BLOCK_HEADS]
    place = tl.arange(0, BLOCK_HALF)  # [BLOCK_HALF]
    inside = place < HALF
    kept = (head < ALL)[:, None] & inside[None, :]
    is_query = head < HEADS
    is_key = (head >= HEADS) & (head < HEADS + KV_HEADS)
    is_value = (head >= HEADS + KV_HEADS) & (head < ALL)

    within = head[:, None] * HEAD_DIM + place[None, :]  # [BLOCK_HEADS, BLOCK_HALF]
    source = qkv_ptr + row * (ALL * HEAD_DIM) + within
    a = tl.load(source, mask=kept, other=0.0).to(tl.float32)
    b = tl.load(source + HALF, mask=kept, other=0.0).to(tl.float32)
    if Q_NORM:
        a, b = _normalise(a, b, is_query, q_weight_ptr, place, inside, eps, offset, HEAD_DIM)
    if K_NORM:
        a, b = _normalise(a, b, is_key, k_weight_ptr, place, inside, eps, offset, HEAD_DIM)

    angles = cos_sin_ptr + tl.load(positions_ptr + row).to(tl.int64) * HEAD_DIM + place
    cos = tl.load(angles, mask=inside, other=0.0)[None, :]
    sin = tl.load(angles + HALF, mask=inside, other=0.0)[None, :]
    is_not_rotated = (head >= HEADS + KV_HEADS)[:, None]
    first = tl.where(is_not_rotated, a, a * cos - b * sin)
    second = tl.where(is_not_rotated, b, b * cos + a * sin)

    target = q_ptr + row * (HEADS * HEAD_DIM) + within
    to_query = is_query[:, None] & inside[None, :]
    tl.store(target, first.to(q_ptr.dtype.element_ty), mask=to_query)
    tl.store(target + HALF, second.to(q_ptr.dtype.element_ty), mask=to_query)

    slot = tl.load(slots_ptr + row).to(tl.int64)
    if slot >= 0:
        in_cache = slot * (KV_HEADS * HEAD_DIM) + within
        to_keys = is_key[:, None] & inside[None, :]
        target = k_cache_ptr + in_cache - HEADS * HEAD_DIM
        tl.store(target, first.to(k_cache_ptr.dtype.element_ty), mask=to_keys)
        tl.store(target + HALF, second.to(k_cache_ptr.dtype.element_ty), mask=to_keys)
        to_values = is_value[:, None] & inside[None, :]
        target = v_cache_ptr + in_cache - (HEADS + KV_HEADS) * HEAD_DIM
        tl.store(target, first.to(v_cache_ptr.dtype.element_ty), mask=to_values)
        tl.store(target + HALF, second.to(v_cache_ptr.dtype.element_ty), mask=to_values)


@triton.jit
def _normalise(a, b, chosen, weight_ptr, place, inside, eps, offset, HEAD_DIM: tl.constexpr):
    """``x / sqrt(mean(x^2) + eps) * (offset + weight)`` of the chosen heads, ``a`` and ``b`` being the halves of x."""
    scale = tl.rsqrt((tl.sum(a * a, axis=1) + tl.sum(b * b, axis=1)) / HEAD_DIM + eps)[:, None]
    weight_a = offset + tl.load(weight_ptr + place, mask=inside, other=0.0).to(tl.float32)
    weight_b = offset + tl.load(weight_ptr + HEAD_DIM // 2 + place, mask=inside, other=0.0).to(tl.float32)
    a_normed = tl.where(chosen[:, None], a * scale * weight_a[None, :], a)
    b_normed = tl.where(chosen[:, None], b * scale * weight_b[None, :], b)
    return a_normed, b_normed


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
    """As ``reference.rotary_kv_write``; raises ValueError for caches that are not contiguous."""
    if not (k_cache.is_contiguous() and v_cache.is_contiguous()):
        raise ValueError("k_cache and v_cache are written in place and must be contiguous")
    rows = qkv.shape[0]
    _, kv_heads, head_dim = k_cache.shape
    every = qkv.shape[1] // head_dim
    heads = every - 2 * kv_heads
    q = torch.empty((rows, heads, head_dim), dtype=qkv.dtype, device=qkv.device)
    if rows:
        half = triton.next_power_of_2(head_dim // 2)
        _rotary_kv_write[(rows, triton.cdiv(every, _BLOCK_HEADS))](
            qkv.contiguous(),
            positions,
            slots,
            cos_sin,
            cos_sin if q_weight is None else q_weight,
            cos_sin if k_weight is None else k_weight,
            q,
            k_cache,
            v_cache,
            eps,
            offset,
            HEADS=heads,
            KV_HEADS=kv_heads,
            HEAD_DIM=head_dim,
            BLOCK_HEADS=_BLOCK_HEADS,
            BLOCK_HALF=half,
            Q_NORM=q_weight is not None,
            K_NORM=k_weight is not None,
            num_warps=max(_BLOCK_HEADS * half // 256, 1),
        )
    return q
