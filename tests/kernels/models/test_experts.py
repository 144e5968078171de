"""Experts: each row is computed by those it chose and by no other, as if it were alone."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor

from midb.kernels import reference
from midb.kernels.models.experts import Experts
from midb.kernels.models.linear import Linear

#: Largest difference in fp32.
FP32 = 1e-5

HIDDEN, INNER, COUNT = 12, 7, 5


def make(per_token: int, normalised: bool) -> tuple[Experts, Tensor, list[tuple[Tensor, Tensor]]]:
    torch.manual_seed(per_token)
    router = torch.randn(COUNT, HIDDEN)
    weights = [(torch.randn(2 * INNER, HIDDEN), torch.randn(HIDDEN, INNER)) for _ in range(COUNT)]
    pairs = [(Linear(up), Linear(down)) for up, down in weights]
    activate = functools.partial(reference.gated_activation, kind="silu")
    return Experts(router, pairs, per_token, normalised, activate), router, weights


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("per_token", [1, 2, 5])
def test_a_row_is_the_weighted_sum_of_its_experts(per_token: int, normalised: bool) -> None:
    experts, router, weights = make(per_token, normalised)
    x = torch.randn(9, HIDDEN)
    with torch.inference_mode():
        found = experts(x)
    for row, y in zip(x, found, strict=True):
        chances = (router @ row).softmax(0)
        best = chances.argsort(descending=True)[:per_token].tolist()
        total = sum(chances[best]) if normalised else 1.0
        expected = torch.zeros(HIDDEN)
        for number in best:
            gate, up = (weights[number][0] @ row).chunk(2)
            inner = torch.nn.functional.silu(gate) * up
            expected += chances[number] / total * (weights[number][1] @ inner)
        torch.testing.assert_close(y, expected, atol=FP32, rtol=FP32)


def test_a_row_knows_no_other() -> None:
    experts, _, _ = make(2, True)
    x = torch.randn(8, HIDDEN)
    order = torch.tensor([5, 2, 7, 0, 1, 3, 4, 6])
    torch.testing.assert_close(experts(x[order]), experts(x)[order], atol=FP32, rtol=FP32)
    torch.testing.assert_close(experts(x[3:4]), experts(x)[3:4], atol=FP32, rtol=FP32)


def test_no_rows() -> None:
    experts, _, _ = make(2, True)
    assert experts(torch.zeros(0, HIDDEN)).shape == (0, HIDDEN)
