"""Residual addition and RMSNorm in one pass over memory (Triton). One program normalises one row."""

# Kernels are written in Triton's language: their parameters have the types of the launch.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _add_rms_norm(
    x_ptr,  # [rows, HIDDEN]
    residual_ptr,  # [rows, HIDDEN], read if ADD
    weight_ptr,  # [HIDDEN]
    y_ptr,  # [rows, HIDDEN]
    total_ptr,  # [rows, HIDDEN], written if ADD
    eps,
    offset,
    HIDDEN: tl.constexpr,
    BLOCK: tl.constexpr,
    ADD: tl.constexpr,
    CENTERED: tl.constexpr,
):
    """``s = x + residual; y = s / sqrt(mean(s^2) + eps) * (offset + weight)``, of ``s - mean(s)`` if CENTERED."""
    column = tl.arange(0, BLOCK)
    kept = column < HIDDEN
    place = tl.program_id(0).to(tl.int64) * HIDDEN + column
    total = tl.load(x_ptr + place, mask=kept, other=0.0)
    if ADD:
        residual = tl.load(residual_ptr + place, mask=kept, other=0.0)
        total = (total.to(tl.float32) + residual.to(tl.float32)).to(total.dtype)
        tl.store(total_ptr + place, total, mask=kept)
    wide = total.to(tl.float32)
    if CENTERED:
        wide = tl.where(kept, wide - tl.sum(wide, axis=0) / HIDDEN, 0.0)
    scale = tl.rsqrt(tl.sum(wide * wide, axis=0) / HIDDEN + eps)
    weight = tl.load(weight_ptr + column, mask=kept, other=0.0).to(tl.float32)
    tl.store(y_ptr + place, (wide * scale * (offset + weight)).to(total.dtype), mask=kept)


def add_rms_norm(
    x: Tensor, residual: Tensor | None, weight: Tensor, *, eps: float, offset: float = 0.0, centered: bool = False
) -> tuple[Tensor, Tensor]:
    """As ``reference.add_rms_norm``; without a residual ``s`` is ``x`` itself, not a copy."""
    rows, hidden = x.shape
    x = x.contiguous()
    y = torch.empty_like(x)
    total = x if residual is None else torch.empty_like(x)
    if rows:
        block = triton.next_power_of_2(hidden)
        _add_rms_norm[(rows,)](
            x,
            x if residual is None else residual.contiguous(),
            weight,
            y,
            total,
            eps,
            offset,
            HIDDEN=hidden,
            BLOCK=block,
            ADD=residual is not None,
            CENTERED=centered,
            num_warps=min(max(block // 512, 1), 16),
        )
    return y, total
