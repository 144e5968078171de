"""Running argmax or Gumbel sample over chunks of the vocabulary (Triton). One program reduces one row of a chunk."""

# Kernels are written in Triton's language: their parameters have the types of the launch.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from midb.kernels import reference
from midb.kernels.ops.softcap import apply_softcap

#: Logits that one program reads at a time: 8 bf16, which are 16 bytes, for each of 512 threads.
_BLOCK = 4096

#: The multipliers of the noise's finalizer, inside a kernel.
_MIX_1 = tl.constexpr(reference.MIX_1)
_MIX_2 = tl.constexpr(reference.MIX_2)


@triton.jit(
    do_not_specialize=["first_id"],
    do_not_specialize_on_alignment=["temperatures_ptr", "noise_keys_ptr", "best_values_ptr", "best_ids_ptr"],
)
def _sample_chunk(
    logits_ptr,  # [rows, chunk]
    temperatures_ptr,  # [rows]
    noise_keys_ptr,  # [rows, 2]
    best_values_ptr,  # [rows]
    best_ids_ptr,  # [rows]
    first_id,
    chunk,
    row_stride,
    SOFTCAP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """``argmax(logit)``, or where the temperature is above 0 ``argmax(logit / temperature - log(-log(u)))``."""
    row = tl.program_id(0).to(tl.int64)
    temperature = tl.load(temperatures_ptr + row)
    key_0 = tl.load(noise_keys_ptr + 2 * row).to(tl.uint32, bitcast=True)
    key_1 = tl.load(noise_keys_ptr + 2 * row + 1).to(tl.uint32, bitcast=True)
    best = tl.full([BLOCK], -float("inf"), tl.float32)
    best_column = tl.zeros([BLOCK], tl.int32)
    for start in range(0, chunk, BLOCK):
        column = start + tl.arange(0, BLOCK)  # [BLOCK]
        kept = column < chunk
        score = tl.load(logits_ptr + row * row_stride + column, mask=kept, other=0.0).to(tl.float32)
        if SOFTCAP > 0:
            score = apply_softcap(score, SOFTCAP)
        if temperature > 0:
            score = tl.div_rn(score, temperature) + _gumbel(key_0, key_1, first_id + column)
        better = kept & (score > best)  # strictly: the lower id wins a tie
        best = tl.where(better, score, best)
        best_column = tl.where(better, column, best_column)
    top = tl.max(best, axis=0)
    at = tl.min(tl.where(best == top, best_column, 0x7FFFFFFF), axis=0)
    better = top > tl.load(best_values_ptr + row)
    tl.store(best_values_ptr + row, top, mask=better)
    tl.store(best_ids_ptr + row, first_id + at, mask=better)


@triton.jit
def _gumbel(key_0, key_1, ids):
    """``-log(-log(u))`` with the uniform number of ``reference.gumbel``."""
    mixed = _mix(_mix(ids.to(tl.uint32, bitcast=True) ^ key_0) ^ key_1)
    uniform = ((mixed >> 9).to(tl.int32).to(tl.float32) + 0.5) * 1.1920928955078125e-07
    return -tl.log(-tl.log(uniform))


@triton.jit
def _mix(x):
    x = x ^ (x >> 16)
    x = x * _MIX_1
    x = x ^ (x >> 15)
    x = x * _MIX_2
    return x ^ (x >> 16)


def sample_chunk(
    logits: Tensor,
    first_id: int,
    temperatures: Tensor,
    noise_keys: Tensor,
    best_values: Tensor,
    best_ids: Tensor,
    *,
    softcap: float = 0.0,
) -> None:
    """As ``reference.sample_chunk``, except that a logit that is not a number never wins.

    The noise is that of the reference up to the last bit or two of fp32, by which the logarithms of devices differ.
    """
    rows, chunk = logits.shape
    if not logits.numel():
        return
    if logits.stride(1) != 1:
        logits = logits.contiguous()
    _sample_chunk[(rows,)](
        logits,
        temperatures,
        noise_keys,
        best_values,
        best_ids,
        first_id,
        chunk,
        logits.stride(0),
        SOFTCAP=softcap,
        BLOCK=min(_BLOCK, triton.next_power_of_2(chunk)),
        num_warps=16,
    )
