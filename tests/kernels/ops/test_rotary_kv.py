"""Norm, rotary embedding and the write into the KV cache against the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from kernel_judge import Judge, MakeNormal
from torch import Tensor

from midb.kernels import reference

pytest.importorskip("triton", reason="the kernels need Triton, which is made for Linux")

from midb.kernels.ops.rotary_kv import rotary_kv_write

#: Slots of a cache.
SLOTS = 19

#: Positions that have cosines and sines.
POSITIONS = 23


@dataclass
class Case:
    """Arguments of the op but for the caches, which hold 7 before it and lie between guards that hold 7 too."""

    qkv: Tensor
    positions: Tensor
    slots: Tensor
    cos_sin: Tensor
    shape: tuple[int, int]
    weights: dict[str, Tensor]

    def make_caches(self) -> tuple[Tensor, Tensor]:
        guarded = torch.full((2, 1 + SLOTS + 1, *self.shape), 7.0, dtype=self.qkv.dtype, device=self.qkv.device)
        return guarded[0, 1:-1], guarded[1, 1:-1]

    def run(self, op: Callable[..., Tensor], *caches: Tensor) -> Tensor:
        return op(self.qkv, self.positions, self.slots, self.cos_sin, *caches, **self.weights, eps=1e-6, offset=1.0)


def case(
    normal: MakeNormal, *, heads: int, kv_heads: int, head_dim: int, dtype: torch.dtype, norms: str = "", rows: int = 4
) -> Case:
    angles = normal(POSITIONS, head_dim // 2)
    device = angles.device
    return Case(
        normal(rows, (heads + 2 * kv_heads) * head_dim, dtype=dtype),
        torch.tensor([0, 22, 5, 6][:rows], dtype=torch.int32, device=device),
        torch.tensor([18, -1, 0, 3][:rows], dtype=torch.int32, device=device),
        torch.cat((angles.cos(), angles.sin()), dim=1),
        (kv_heads, head_dim),
        {f"{name}_weight": normal(head_dim, dtype=dtype) for name in norms},
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    ("heads", "kv_heads", "head_dim", "norms"),
    [(1, 1, 32, ""), (4, 4, 64, "qk"), (8, 1, 80, ""), (14, 2, 96, "qk"), (13, 1, 128, "q"), (4, 2, 256, "k")],
)
def test_as_good_as_torch(
    normal: MakeNormal, judge: Judge, dtype: torch.dtype, heads: int, kv_heads: int, head_dim: int, norms: str
) -> None:
    given = case(normal, heads=heads, kv_heads=kv_heads, head_dim=head_dim, dtype=dtype, norms=norms)
    found, expected = given.make_caches(), given.make_caches()
    exact = tuple(cache.double() for cache in given.make_caches())
    q = given.run(rotary_kv_write, *found)
    expected_q = given.run(reference.rotary_kv_write, *expected)
    exact_q = judge.compute_exactly(
        lambda *args, **weights: reference.rotary_kv_write(*args, *exact, **weights, eps=1e-6, offset=1.0),
        given.qkv, given.positions, given.slots, given.cos_sin, **given.weights,
    )  # fmt: skip
    judge(q, exact_q, expected_q)
    judge(found[0], exact[0], expected[0])
    assert torch.equal(found[1], expected[1])


def test_padding_is_written_nowhere(normal: MakeNormal) -> None:
    given = case(normal, heads=4, kv_heads=2, head_dim=32, dtype=torch.float32)
    caches = given.make_caches()
    given.run(rotary_kv_write, *caches)
    untouched = [slot for slot in range(SLOTS) if slot not in given.slots.tolist()]
    assert len(untouched) == SLOTS - 3
    assert all(bool((cache[untouched] == 7).all()) for cache in caches)
    guarded = caches[0]._base
    assert guarded is not None
    assert bool((guarded[:, [0, -1]] == 7).all())


def test_values_pass_as_they_are(normal: MakeNormal) -> None:
    given = case(normal, heads=2, kv_heads=1, head_dim=32, dtype=torch.float32, norms="qk")
    given.qkv[0, -3:] = torch.tensor([torch.inf, -torch.inf, 3e38])
    caches = given.make_caches()
    given.run(rotary_kv_write, *caches)
    assert torch.equal(caches[1][18, 0], given.qkv[0, -32:])


def test_no_rows(normal: MakeNormal) -> None:
    given = case(normal, heads=4, kv_heads=2, head_dim=32, dtype=torch.float32, rows=0)
    caches = given.make_caches()
    assert given.run(rotary_kv_write, *caches).shape == (0, 4, 32)
    assert bool((caches[0] == 7).all())


def test_a_row_knows_no_other(normal: MakeNormal) -> None:
    given = case(normal, heads=4, kv_heads=2, head_dim=32, dtype=torch.float32, norms="qk")
    caches, permuted_caches = given.make_caches(), given.make_caches()
    q = given.run(rotary_kv_write, *caches)
    order = torch.tensor([2, 0, 3, 1])
    given.qkv, given.positions, given.slots = given.qkv[order], given.positions[order], given.slots[order]
    assert torch.equal(given.run(rotary_kv_write, *permuted_caches), q[order])
    assert torch.equal(permuted_caches[0], caches[0])
    assert torch.equal(permuted_caches[1], caches[1])


def test_a_cache_that_would_be_copied_is_refused(normal: MakeNormal) -> None:
    given = case(normal, heads=4, kv_heads=2, head_dim=32, dtype=torch.float32)
    strided = normal(SLOTS, 4, 32)[:, ::2]
    with pytest.raises(ValueError, match="contiguous"):
        given.run(rotary_kv_write, strided, given.make_caches()[1])
