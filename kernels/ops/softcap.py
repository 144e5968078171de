"""The soft cap of Gemma 2 inside Triton kernels, of attention scores as of logits. It launches nothing by itself."""

# Kernels are written in Triton's language: their parameters have the types of the launch.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def softcapped(x, CAP: tl.constexpr):
    """``CAP * tanh(x / CAP)``, to the last bits of fp32: Triton has no tanh that its interpreter knows.

    Near 0 the form with ``exp`` loses its digits to cancellation, so the series stands there; 1 / 4 is where both are
    about as good.
    """
    turned = x / CAP
    square = turned * turned
    series = 1.0 + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835))))
    decay = tl.exp(-2.0 * tl.abs(turned))
    far = (1.0 - decay) / (1.0 + decay)
    far = tl.where(turned < 0, -far, far)
    return CAP * tl.where(tl.abs(turned) < 0.25, turned * series, far)
