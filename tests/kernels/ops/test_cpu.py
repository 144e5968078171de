"""The ops of a CPU against the reference, which says what each of them computes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from midb.kernels import reference
from midb.kernels.ops import cpu
from midb.kernels.ops.cpu import PagedAttention

#: Largest error in fp32: sums of some hundred products in another order.
FP32 = 2e-6


def case(
    seed: int, *, heads: int, kv_heads: int, rows: list[int], keys: list[int], block_size: int, scattered: bool
) -> tuple[torch.Tensor, ...]:
    """Sequences of so many rows and keys, over blocks in order or scattered; unused slots hold NaN."""
    torch.manual_seed(seed)
    needed = [-(-count // block_size) for count in keys]
    blocks = torch.randperm(sum(needed) + 3) if scattered else torch.arange(sum(needed) + 3)
    tables = torch.zeros(len(keys), max([*needed, 1]), dtype=torch.int32)
    caches = [torch.full(((sum(needed) + 3) * block_size, kv_heads, 16), torch.nan) for _ in range(2)]
    used = 0
    for number, (count, length) in enumerate(zip(needed, keys, strict=True)):
        own = blocks[used : used + count]
        tables[number, :count] = own
        slots = (own[:, None] * block_size + torch.arange(block_size)).flatten()[:length]
        for cache in caches:
            cache[slots] = torch.randn(length, kv_heads, 16)
        used += count
    starts = torch.tensor([0, *itertools.accumulate(rows)], dtype=torch.int32)
    return torch.randn(sum(rows), heads, 16), *caches, tables, starts, torch.tensor(keys, dtype=torch.int32)


@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (8, 2), (8, 1)])
@pytest.mark.parametrize(
    ("window", "causal", "softcap"), [(0, True, 0.0), (5, True, 0.0), (0, False, 0.0), (7, False, 0.0), (6, True, 9.0)]
)
def test_attention(scattered: bool, heads: int, kv_heads: int, window: int, causal: bool, softcap: float) -> None:
    for seed, block_size in enumerate([1, 4, 16]):
        tensors = case(
            seed, heads=heads, kv_heads=kv_heads, block_size=block_size, scattered=scattered,
            rows=[1, 5, 0, 17, 3, 2], keys=[1, 40, 7, 17, 33, 0 if not causal else 2],
        )  # fmt: skip
        settings = {"block_size": block_size, "scale": 0.3, "window": window, "softcap": softcap, "causal": causal}
        attention = PagedAttention()
        for _ in range(2):  # the second layer asks with the same tables
            out, lse = attention(*tensors, **settings)  # type: ignore[arg-type]
        wanted, wanted_lse = reference.paged_attention(*tensors, **settings)  # type: ignore[arg-type]
        # A row that sees no key has no weights; what stands in its output is never used, its -inf says so.
        seen = wanted_lse[:, 0] > -torch.inf
        torch.testing.assert_close(out[seen], wanted[seen], atol=FP32, rtol=FP32)
        torch.testing.assert_close(lse, wanted_lse, atol=FP32, rtol=FP32)


def test_other_tables_and_other_windows_are_not_mistaken() -> None:
    attention = PagedAttention()
    first = case(1, heads=4, kv_heads=2, rows=[2, 3], keys=[9, 12], block_size=4, scattered=True)
    second = case(2, heads=4, kv_heads=2, rows=[4, 1], keys=[5, 30], block_size=4, scattered=False)
    for _ in range(2):
        for tensors, window, causal in ((first, 0, True), (second, 0, True), (first, 5, True), (first, 0, False)):
            out, _ = attention(*tensors, block_size=4, scale=0.3, window=window, causal=causal)
            wanted, _ = reference.paged_attention(*tensors, block_size=4, scale=0.3, window=window, causal=causal)
            torch.testing.assert_close(out, wanted, atol=FP32, rtol=FP32)


def test_no_rows_at_all() -> None:
    tensors = case(0, heads=4, kv_heads=2, rows=[0], keys=[3], block_size=4, scattered=False)
    out, lse = PagedAttention()(*tensors, block_size=4, scale=1.0)
    assert out.shape == (0, 4, 16)
    assert lse.shape == (0, 4)


@pytest.mark.parametrize(("offset", "centered"), [(0.0, False), (1.0, False), (0.0, True), (1.0, True)])
@pytest.mark.parametrize("with_residual", [False, True])
def test_norm(offset: float, centered: bool, with_residual: bool) -> None:
    torch.manual_seed(1)
    x, weight = torch.randn(5, 48), torch.randn(48)
    residual = torch.randn(5, 48) if with_residual else None
    settings: dict[str, Any] = {"eps": 1e-6, "offset": offset, "centered": centered}
    found = cpu.add_rms_norm(x, residual, weight, **settings)
    wanted = reference.add_rms_norm(x, residual, weight, **settings)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=FP32, rtol=FP32)


@pytest.mark.parametrize("norms", ["", "q", "k", "qk"])
@pytest.mark.parametrize("padded", [False, True])
def test_rotary(norms: str, padded: bool) -> None:
    torch.manual_seed(2)
    heads, kv_heads, head_dim, rows = 4, 2, 16, 6
    qkv, angles = torch.randn(rows, (heads + 2 * kv_heads) * head_dim), torch.randn(9, head_dim // 2)
    cos_sin = torch.cat((angles.cos(), angles.sin()), -1)
    positions = torch.tensor([0, 8, 3, 4, 5, 1], dtype=torch.int32)
    slots = torch.tensor([3, 0, -1 if padded else 9, 7, -1 if padded else 8, 1], dtype=torch.int32)
    weights = {f"{name}_weight": torch.randn(head_dim) for name in norms}
    caches = [[torch.full((10, kv_heads, head_dim), 7.0) for _ in range(2)] for _ in range(2)]
    wanted = reference.rotary_kv_write(qkv, positions, slots, cos_sin, *caches[0], **weights, eps=1e-6, offset=1.0)
    found = cpu.rotary_kv_write(qkv, positions, slots, cos_sin, *caches[1], **weights, eps=1e-6, offset=1.0)
    torch.testing.assert_close(found, wanted, atol=FP32, rtol=FP32)
    for written, expected in zip(caches[1], caches[0], strict=True):
        torch.testing.assert_close(written, expected, atol=FP32, rtol=FP32)


@pytest.mark.parametrize("kind", ["silu", "gelu_tanh"])
def test_activation(kind: str) -> None:
    torch.manual_seed(3)
    gate_up = 3 * torch.randn(5, 34)
    wanted = reference.gated_activation(gate_up, kind=kind)
    torch.testing.assert_close(cpu.gated_activation(gate_up, kind=kind), wanted, atol=FP32, rtol=FP32)
