"""The CPU's attention against the reference, which says what attention is."""

from __future__ import annotations

import itertools

import pytest
import torch

from midb.kernels import reference
from midb.kernels.ops.cpu import PagedAttention

#: Largest error in fp32: sums of some hundred products in another order.
FP32 = 2e-6


def case(
    seed: int, *, heads: int, kv_heads: int, rows: list[int], keys: list[int], page_size: int, scattered: bool
) -> tuple[torch.Tensor, ...]:
    """Sequences of so many rows and keys, over pages in order or scattered; unused slots hold NaN."""
    torch.manual_seed(seed)
    needed = [-(-count // page_size) for count in keys]
    pages = torch.randperm(sum(needed) + 3) if scattered else torch.arange(sum(needed) + 3)
    tables = torch.zeros(len(keys), max([*needed, 1]), dtype=torch.int32)
    caches = [torch.full(((sum(needed) + 3) * page_size, kv_heads, 16), torch.nan) for _ in range(2)]
    used = 0
    for number, (count, length) in enumerate(zip(needed, keys, strict=True)):
        own = pages[used : used + count]
        tables[number, :count] = own
        slots = (own[:, None] * page_size + torch.arange(page_size)).flatten()[:length]
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
    for seed, page_size in enumerate([1, 4, 16]):
        tensors = case(
            seed, heads=heads, kv_heads=kv_heads, page_size=page_size, scattered=scattered,
            rows=[1, 5, 0, 17, 3, 2], keys=[1, 40, 7, 17, 33, 0 if not causal else 2],
        )  # fmt: skip
        settings = {"page_size": page_size, "scale": 0.3, "window": window, "softcap": softcap, "causal": causal}
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
    first = case(1, heads=4, kv_heads=2, rows=[2, 3], keys=[9, 12], page_size=4, scattered=True)
    second = case(2, heads=4, kv_heads=2, rows=[4, 1], keys=[5, 30], page_size=4, scattered=False)
    for _ in range(2):
        for tensors, window, causal in ((first, 0, True), (second, 0, True), (first, 5, True), (first, 0, False)):
            out, _ = attention(*tensors, page_size=4, scale=0.3, window=window, causal=causal)
            wanted, _ = reference.paged_attention(*tensors, page_size=4, scale=0.3, window=window, causal=causal)
            torch.testing.assert_close(out, wanted, atol=FP32, rtol=FP32)


def test_no_rows_at_all() -> None:
    tensors = case(0, heads=4, kv_heads=2, rows=[0], keys=[3], page_size=4, scattered=False)
    out, lse = PagedAttention()(*tensors, page_size=4, scale=1.0)
    assert out.shape == (0, 4, 16)
    assert lse.shape == (0, 4)
