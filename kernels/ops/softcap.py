"""The soft cap of Gemma 2 for use in other Triton kernels, which cap attention scores and logits with it."""

# Kernels are written in Triton's language: their parameters have the types of the launch.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def apply_softcap(x, CAP: tl.constexpr):
    """``CAP * tanh(x / CAP)``, exact up to the last bits of fp32: Triton's own tanh is unknown to its interpreter.

    Near 0, the formula with ``exp`` loses digits to cancellation, so the Taylor series is used there. At 1 / 4 both are
    about equally exact.
    """
    ratio = x / CAP
    square = ratio * ratio
    series = 1.0 + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835))))
    decay = tl.exp(-2.0 * tl.abs(ratio))
    far = (1.0 - decay) / (1.0 + decay)
    far = tl.where(ratio < 0, -far, far)
    return CAP * tl.where(tl.abs(ratio) < 0.25, ratio * series, far)
