"""Weights in fp8, as checkpoints hold them: numbers of 8 bits with scales, of which the plain weights are made."""

from __future__ import annotations

import torch
from torch import Tensor

#: What weights may be held in.
FP8_DTYPES = (torch.float8_e4m3fn, torch.float8_e5m2)

#: What the scales of a weight are called behind its name. Weights are multiplied by either of them.
SCALES = ("_scale_inv", "_scale")


def dequantize_fp8(weight: Tensor, scale: Tensor, block: tuple[int, int] | None) -> Tensor:
    """Make the weight that numbers in fp8 stand for, in fp32.

    :param weight: ``[out, in]`` or ``[experts or out, ...]`` in fp8.
    :param scale: one number, one for each row (``[out]`` or ``[out, 1]``), or one for each block.
    :param block: rows and columns of a block; None where scales are not of blocks.
    :raises ValueError: if the scale has another shape, or holds what is no number.
    """
    wide, factor = weight.float(), scale.float()
    if not bool(factor.isfinite().all()):
        raise ValueError("it holds what is no number")
    rows = weight.shape[0] if weight.dim() else 1
    if factor.numel() == 1:
        return wide * factor.flatten()
    if weight.dim() != 2:
        raise ValueError(f"{list(factor.shape)} for {list(weight.shape)}")
    if tuple(factor.shape) in ((rows,), (rows, 1)):
        return wide * factor.view(rows, 1)
    if block is not None and tuple(factor.shape) == tuple(-(-n // b) for n, b in zip(weight.shape, block, strict=True)):
        spread = factor.repeat_interleave(block[0], 0)[:rows].repeat_interleave(block[1], 1)
        return wide * spread[:, : weight.shape[1]]
    raise ValueError(f"{list(factor.shape)} for {list(weight.shape)}")
