"""SwiGLU and GeGLU in one pass over memory (Triton). One program computes some columns of one row."""

# Kernels are written in Triton's language: their parameters have the types of the launch.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

#: Values that one program computes: 8 bf16, which are 16 bytes, for each of 128 threads.
_BLOCK = 1024


@triton.jit
def _gated_activation(
    gate_up_ptr,  # [rows, 2 * WIDTH]
    out_ptr,  # [rows, WIDTH]
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    GELU: tl.constexpr,
):
    """``gate * sigmoid(gate) * up``, or with ``0.5 (1 + tanh(u)) = sigmoid(2 u)``, ``u`` the tanh form's polynomial."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    kept = column < WIDTH
    source = gate_up_ptr + row * (2 * WIDTH) + column
    gate = tl.load(source, mask=kept, other=0.0).to(tl.float32)
    up = tl.load(source + WIDTH, mask=kept, other=0.0).to(tl.float32)
    inner = gate
    if GELU:
        # 2 sqrt(2 / pi) (x + 0.044715 x^3): Hendrycks & Gimpel, "Gaussian Error Linear Units", 2016.
        inner = 1.5957691216057308 * (gate + 0.044715 * gate * gate * gate)
    active = gate / (1.0 + tl.exp(-inner))
    tl.store(out_ptr + row * WIDTH + column, (active * up).to(out_ptr.dtype.element_ty), mask=kept)


def gated_activation(gate_up: Tensor, *, kind: str) -> Tensor:
    """As ``reference.gated_activation``; raises ValueError for another ``kind`` than "silu" and "gelu_tanh"."""
    if kind not in ("silu", "gelu_tanh"):
        raise ValueError(f'kind is "{kind}", neither "silu" nor "gelu_tanh"')
    rows, width = gate_up.shape[0], gate_up.shape[1] // 2
    out = torch.empty((rows, width), dtype=gate_up.dtype, device=gate_up.device)
    if out.numel():
        _gated_activation[(rows, triton.cdiv(width, _BLOCK))](
            gate_up.contiguous(), out, WIDTH=width, BLOCK=_BLOCK, GELU=kind == "gelu_tanh", num_warps=4
        )
    return out
