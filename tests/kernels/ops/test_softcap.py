"""The soft cap of Gemma 2 inside a kernel, against fp64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

pytest.importorskip("triton", reason="the kernels need Triton, which is made for Linux")

import triton
import triton.language as tl

from midb.kernels.ops.softcap import apply_softcap

#: Relative error in fp32: some roundings of 6e-8 each, and on a GPU the error of its exponential, 2^-22.5 by NVIDIA's
#: documentation of ex2.approx (2.7e-7 was seen on an H200).
FP32 = 4e-7


@triton.jit  # type: ignore[untyped-decorator]
def _cap(x_ptr, y_ptr, count, CAP: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    place = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + place, mask=place < count, other=0.0)
    tl.store(y_ptr + place, apply_softcap(x, CAP), mask=place < count)


def cap(values: Tensor, bound: float) -> Tensor:
    found = torch.empty_like(values)
    _cap[(1,)](values, found, len(values), CAP=bound, BLOCK=triton.next_power_of_2(len(values)))
    return found


@pytest.mark.parametrize("bound", [2.0, 30.0, 50.0])
def test_it_is_exact(bound: float, device: str) -> None:
    """Tiny, about the passage from series to exponentials at a quarter of the cap, and far beyond it."""
    parts = [
        torch.tensor([0.0, 1e-30, -1e-4]),
        torch.linspace(-0.3, 0.3, 65) * bound,
        torch.linspace(-3, 3, 33) * bound,
        torch.tensor([-7.0, 31.0, 1e4]) * bound,
    ]
    values = torch.cat(parts).to(device)
    exact = bound * torch.tanh(values.double() / bound)
    torch.testing.assert_close(cap(values, bound).double(), exact, rtol=FP32, atol=0)


def test_it_rises_over_the_passage_and_is_odd(device: str) -> None:
    values = torch.linspace(7.4, 7.6, 400).to(device)  # a quarter of 30
    found = cap(values, 30.0)
    assert bool((found.diff() >= 0).all())
    assert torch.equal(cap(-values, 30.0), -found)
