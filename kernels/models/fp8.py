"""Numbers of 8 bits with scales: weights of checkpoints that hold them, and products that are computed in them."""

from __future__ import annotations

import torch
from torch import Tensor

from midb.kernels.errors import EngineError

#: The greatest number of e4m3, to which the greatest of each row is scaled.
_MOST = 448.0

#: The least scale, for rows of zeros.
_LEAST_SCALE = 1e-12

#: The matrix units that multiply fp8 take dimensions in such multiples.
_MULTIPLE = 16

#: Relative error of a product of normal numbers, each rounded to three bits of a fraction: 3.5 % were seen.
_SOUND = 0.06

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


def can_multiply(weight: Tensor) -> bool:
    """Whether a weight ``[out, in]`` has the dimensions that products in fp8 need."""
    return all(size % _MULTIPLE == 0 for size in weight.shape)


def quantize_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Round a matrix to fp8, each row with a scale of its own, so that none depends on another.

    :return: ``[rows, columns]`` in e4m3 and the scales, ``[rows, 1]`` in fp32.
    """
    wide = x.float()
    scale = (wide.abs().amax(-1, keepdim=True) / _MOST).clamp(min=_LEAST_SCALE)
    return (wide / scale).to(torch.float8_e4m3fn), scale


def multiply_fp8(x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    """``x W^T`` with both sides in fp8 and sums in fp32: ``[rows, in] -> [rows, out]`` in bf16.

    :param weight: ``[out, in]`` from ``quantize_rows``, with its ``scale``.
    """
    if not len(x):
        return x.new_empty((0, len(weight)), dtype=torch.bfloat16)
    rounded, own = quantize_rows(x)
    return torch._scaled_mm(rounded, weight.t(), scale_a=own, scale_b=scale.t(), out_dtype=torch.bfloat16)


def try_fp8(device: torch.device) -> None:
    """Multiply small matrices in fp8; raises EngineError where a device cannot, or does so wrongly."""
    numbers = torch.Generator().manual_seed(1)
    x, weight = (torch.randn(rows, 64, generator=numbers) for rows in (5, 48))
    try:
        found = multiply_fp8(x.to(device), *quantize_rows(weight.to(device))).float().cpu()
    except (RuntimeError, NotImplementedError, AttributeError, ValueError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise EngineError(
            f"{device} does not multiply in fp8: {reason}.",
            hint='GPUs of compute capability 8.9 or later do; elsewhere choose dtype="bfloat16".',
        ) from error
    expected = x @ weight.t()
    if not bool((found - expected).norm() <= _SOUND * expected.norm()):
        raise EngineError(f"{device} multiplies wrongly in fp8.", hint='Choose dtype="bfloat16".')
