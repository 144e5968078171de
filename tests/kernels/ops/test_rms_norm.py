"""Residual addition and RMSNorm against the reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from kernel_judge import Judge, MakeNormal

from midb.kernels import reference

pytest.importorskip("triton", reason="the kernels need Triton, which is made for Linux")

from midb.kernels.ops.rms_norm import add_rms_norm

DTYPES = [torch.float32, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", [1, 63, 64, 65, 509, 2048])
@pytest.mark.parametrize(("offset", "centered"), [(0.0, False), (1.0, False), (0.0, True)])
def test_as_good_as_torch(
    normal: MakeNormal, judge: Judge, dtype: torch.dtype, hidden: int, offset: float, centered: bool
) -> None:
    settings: dict[str, Any] = {"eps": 1e-6, "offset": offset, "centered": centered}
    x, residual, weight = normal(3, hidden, dtype=dtype), normal(3, hidden, dtype=dtype), normal(hidden, dtype=dtype)
    for second in (residual, None):
        y, total = add_rms_norm(x, second, weight, **settings)
        expected, expected_total = reference.add_rms_norm(x, second, weight, **settings)
        exact, exact_total = judge.compute_exactly(reference.add_rms_norm, x, second, weight, **settings)
        judge(y, exact, expected)
        judge(total, exact_total, expected_total)


def test_no_rows(normal: MakeNormal) -> None:
    y, total = add_rms_norm(normal(0, 32), normal(0, 32), normal(32), eps=1e-6)
    assert y.shape == total.shape == (0, 32)


def test_zeros_are_held_by_eps(device: str, normal: MakeNormal) -> None:
    y, _ = add_rms_norm(torch.zeros(2, 48, device=device), None, normal(48), eps=1e-6)
    assert bool((y == 0).all())


def test_a_row_knows_no_other(normal: MakeNormal) -> None:
    x, residual, weight = normal(5, 65), normal(5, 65), normal(65)
    order = torch.tensor([3, 0, 4, 1, 2])
    y, _ = add_rms_norm(x, residual, weight, eps=1e-5)
    permuted, _ = add_rms_norm(x[order], residual[order], weight, eps=1e-5)
    assert torch.equal(permuted, y[order])


def test_rows_that_do_not_lie_behind_one_another(normal: MakeNormal) -> None:
    wide, residual, weight = normal(4, 96), normal(4, 96), normal(48)
    y, total = add_rms_norm(wide[:, ::2], residual[:, 48:], weight, eps=1e-6)
    expected, expected_total = reference.add_rms_norm(wide[:, ::2], residual[:, 48:], weight, eps=1e-6)
    torch.testing.assert_close(y, expected)
    assert torch.equal(total, expected_total)
