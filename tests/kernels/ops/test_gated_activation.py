"""SwiGLU and GeGLU against the reference."""

from __future__ import annotations

import pytest
import torch
from kernel_judge import Judge, MakeNormal

from midb.kernels import reference

pytest.importorskip("triton", reason="the kernels need Triton, which is made for Linux")

from midb.kernels.ops.gated_activation import gated_activation

KINDS = ["silu", "gelu_tanh"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("width", [1, 37, 1023, 1024, 1025])
@pytest.mark.parametrize("kind", KINDS)
def test_as_good_as_torch(normal: MakeNormal, judge: Judge, dtype: torch.dtype, width: int, kind: str) -> None:
    gate_up = 3 * normal(3, 2 * width, dtype=dtype)
    exact = judge.compute_exactly(reference.gated_activation, gate_up, kind=kind)
    judge(gated_activation(gate_up, kind=kind), exact, reference.gated_activation(gate_up, kind=kind))


@pytest.mark.parametrize("kind", KINDS)
def test_far_gates_open_and_close(device: str, kind: str) -> None:
    gates = torch.tensor([[-1e4, -88.0, 0.0, 88.0, 1e4]], device=device)
    found = gated_activation(torch.cat((gates, torch.ones_like(gates)), dim=1), kind=kind)
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.0, 0.0, 88.0, 1e4]], device=device))


@pytest.mark.parametrize("shape", [(0, 64), (3, 0)])
def test_nothing_to_do(normal: MakeNormal, shape: tuple[int, int]) -> None:
    assert gated_activation(normal(*shape), kind="silu").shape == (shape[0], shape[1] // 2)


def test_a_row_knows_no_other(normal: MakeNormal) -> None:
    gate_up = normal(5, 130)
    order = torch.tensor([3, 0, 4, 1, 2])
    assert torch.equal(gated_activation(gate_up[order], kind="silu"), gated_activation(gate_up, kind="silu")[order])


def test_another_kind_is_refused(normal: MakeNormal) -> None:
    with pytest.raises(ValueError, match="relu"):
        gated_activation(normal(1, 4), kind="relu")
