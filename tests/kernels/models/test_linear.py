"""Linear layers: packed or plain they compute the same, and an adapter changes its own rows and columns alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from midb.kernels.models import linear
from midb.kernels.models.linear import Linear, LowRank

#: Largest error in fp32: sums of some dozen products in another order.
FP32 = 1e-5


def make(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rows", [0, 1, 7, 64, 100])
@pytest.mark.parametrize("biased", [False, True])
def test_a_packed_layer_computes_what_a_plain_one_does(rows: int, biased: bool) -> None:
    weight, bias, x = make(24, 40), make(24, seed=2) if biased else None, make(rows, 40, seed=3)
    expected = x @ weight.T + (bias if bias is not None else 0.0)
    with torch.inference_mode():
        plain = Linear(weight.clone(), bias)(x)
        packed = Linear(weight.clone(), bias).pack()
        assert packed.packed is linear._can_pack(torch.float32)
        torch.testing.assert_close(plain, expected, atol=FP32, rtol=FP32)
        torch.testing.assert_close(packed(x), expected, atol=FP32, rtol=FP32)


def test_without_the_layout_of_this_cpu_a_layer_stays_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    weight, x = make(24, 40), make(5, 40, seed=3)
    layer = Linear(weight).pack()
    assert not layer.packed
    assert layer.weight is weight
    torch.testing.assert_close(layer(x), x @ weight.T, atol=FP32, rtol=FP32)


@pytest.mark.parametrize("packed", [False, True])
def test_adapters_change_their_own_rows_and_columns(packed: bool) -> None:
    """Two adapters of other ranks on parts of a fused weight; rows between them belong to none."""
    weight, x = make(24, 40), make(9, 40, seed=3)
    first = [LowRank(make(2, 40, seed=4), make(10, 2, seed=5), 0, 10), LowRank(make(2, 40), make(6, 2), 18, 24)]
    second = [LowRank(make(3, 40, seed=6), make(8, 3, seed=7), 10, 18)]
    layer = Linear(weight.clone(), updates={"first": first, "second": second})
    with torch.inference_mode():
        if packed:
            layer.pack()
        y = layer(x, [("first", 1, 4), ("second", 6, 9), ("unknown", 4, 5)])
    expected = x @ weight.T
    for name, updates in (("first", first), ("second", second)):
        rows = slice(1, 4) if name == "first" else slice(6, 9)
        for update in updates:
            expected[rows, update.start : update.end] += x[rows] @ update.down.T @ update.up.T
    torch.testing.assert_close(y, expected, atol=FP32, rtol=FP32)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), x @ weight.T, atol=FP32, rtol=FP32)
