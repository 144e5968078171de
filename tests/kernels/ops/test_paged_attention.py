"""Paged attention, its splits and the merge of states against the reference, and what must not change a result."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import pytest
import torch
from kernel_judge import Judge, MakeNormal
from torch import Tensor

from midb.kernels import reference

pytest.importorskip("triton", reason="the kernels need Triton, which is made for Linux")

from midb.kernels.ops.paged_attention import merge_states, paged_attention


@dataclass
class Batch:
    """Sequences as ``(query rows, keys)``, their tensors, and the options of the op."""

    sequences: list[tuple[int, int]]
    q: Tensor
    k_cache: Tensor
    v_cache: Tensor
    block_tables: Tensor
    options: dict[str, float]

    def ints(self, numbers: list[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int32, device=self.q.device)

    def run(self, op: Callable[..., tuple[Tensor, Tensor]], **changes: float) -> tuple[Tensor, Tensor]:
        cu_seqlens_q = self.ints(list(accumulate((rows for rows, _ in self.sequences), initial=0)))
        seqlens_k = self.ints([keys for _, keys in self.sequences])
        caches = self.k_cache, self.v_cache
        return op(self.q, *caches, self.block_tables, cu_seqlens_q, seqlens_k, **self.options | changes)


def batch(
    normal: MakeNormal,
    sequences: list[tuple[int, int]],
    *,
    heads: int = 2,
    kv_heads: int = 1,
    head_dim: int = 32,
    block_size: int = 16,
    dtype: torch.dtype = torch.float32,
    **options: float,
) -> Batch:
    """A batch whose blocks lie scattered over the cache; each sequence has one block more than it needs."""
    widths = [-(-keys // block_size) + 1 for _, keys in sequences]
    total = sum(widths) + 1
    order = torch.randperm(total, generator=torch.Generator().manual_seed(7)).tolist()
    table = torch.zeros(len(sequences), max(widths, default=1), dtype=torch.int32)
    for index, width in enumerate(widths):
        table[index, :width] = torch.tensor([order.pop() for _ in range(width)])
    q = normal(sum(rows for rows, _ in sequences), heads, head_dim, dtype=dtype)
    return Batch(
        sequences,
        q,
        normal(total * block_size, kv_heads, head_dim, dtype=dtype),
        normal(total * block_size, kv_heads, head_dim, dtype=dtype),
        table.to(q.device),
        {"block_size": block_size, "scale": head_dim**-0.5} | options,
    )


DECODE = [(1, 1), (1, 15), (1, 16), (1, 17), (1, 131)]
VERIFY = [(17, 63), (0, 40), (2, 64), (33, 65), (1, 0), (5, 5)]
PROMPT = [(40, 40), (1, 7), (21, 85)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize(
    ("sequences", "shape"),
    [
        (DECODE, {"heads": 8, "kv_heads": 1, "head_dim": 64}),
        (DECODE, {"heads": 2, "kv_heads": 2, "head_dim": 80, "block_size": 64}),
        (DECODE, {"heads": 7, "kv_heads": 1, "head_dim": 256, "softcap": 5.0, "window": 20}),
        (DECODE, {"heads": 4, "kv_heads": 1, "causal": False}),
        (VERIFY, {"heads": 4, "kv_heads": 1, "head_dim": 128}),
        (VERIFY, {"heads": 3, "kv_heads": 1, "head_dim": 96, "block_size": 32, "window": 8}),
        (VERIFY, {"heads": 2, "kv_heads": 2, "softcap": 2.0}),
        (VERIFY, {"heads": 2, "kv_heads": 1, "causal": False, "window": 30}),
        (PROMPT, {"heads": 4, "kv_heads": 1}),
        (PROMPT, {"heads": 2, "kv_heads": 1, "window": 33, "block_size": 64}),
    ],
)
def test_as_good_as_torch(
    normal: MakeNormal, judge: Judge, dtype: torch.dtype, sequences: list[tuple[int, int]], shape: dict[str, Any]
) -> None:
    given = batch(normal, sequences, dtype=dtype, **shape)
    wide = replace(given, q=given.q.double(), k_cache=given.k_cache.double(), v_cache=given.v_cache.double())
    exact, exact_lse = judge.compute_exactly(lambda: wide.run(reference.paged_attention))
    torchs, torchs_lse = judge.compute_in_dtype(lambda: given.run(reference.paged_attention))
    for split_size in (64, 512):
        found, lse = given.run(paged_attention, split_size=split_size)
        judge(found, exact, torchs)
        judge(lse, exact_lse, torchs_lse)


def test_a_prompt_that_fills_the_largest_tiles(normal: MakeNormal, judge: Judge) -> None:
    given = batch(normal, [(131, 150), (1, 3)], heads=8, dtype=torch.float16)
    wide = replace(given, q=given.q.double(), k_cache=given.k_cache.double(), v_cache=given.v_cache.double())
    exact, _ = judge.compute_exactly(lambda: wide.run(reference.paged_attention))
    torchs, _ = judge.compute_in_dtype(lambda: given.run(reference.paged_attention))
    judge(given.run(paged_attention)[0], exact, torchs)


def test_offsets_of_64_bits_find_the_same(normal: MakeNormal, monkeypatch: pytest.MonkeyPatch) -> None:
    given = batch(normal, VERIFY)
    expected = given.run(paged_attention)
    monkeypatch.setattr(pytest.importorskip("midb.kernels.ops.paged_attention"), "_NARROW", 0)
    found = given.run(paged_attention)
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


@pytest.mark.parametrize("window", [0, 90])
def test_splits_do_not_matter(normal: MakeNormal, window: int) -> None:
    given = batch(normal, [(2, 300), (1, 63), (3, 128), (1, 1)], window=window)
    whole = given.run(paged_attention, split_size=512)
    for split_size in (64, 128):
        out, lse = given.run(paged_attention, split_size=split_size)
        torch.testing.assert_close(out, whole[0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(lse, whole[1], rtol=1e-6, atol=1e-6)


def test_more_splits_than_one_merge_takes_at_once(normal: MakeNormal) -> None:
    given = batch(normal, [(1, 1200)], heads=1, block_size=64)
    # The weightiest keys come last: what was merged before them has to shrink.
    given.k_cache.view(-1, 64, 32)[given.block_tables[0, 17:].long()] *= 3
    out, lse = given.run(paged_attention, split_size=64)
    expected = given.run(reference.paged_attention)
    torch.testing.assert_close(out, expected[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(lse, expected[1], rtol=1e-6, atol=1e-6)


def test_splits_grow_where_their_outputs_would_fill_the_memory(
    normal: MakeNormal, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = batch(normal, [(2, 300), (1, 63)])
    expected = given.run(paged_attention, split_size=256)
    module = pytest.importorskip("midb.kernels.ops.paged_attention")
    monkeypatch.setattr(module, "_SCRATCH_BYTES", 2 * given.q.numel() * 4)
    out, lse = given.run(paged_attention, split_size=64)
    assert torch.equal(out, expected[0])
    assert torch.equal(lse, expected[1])


@pytest.mark.parametrize("split_size", [64, 512])
def test_a_prefix_attended_to_apart_is_the_whole(normal: MakeNormal, split_size: int) -> None:
    block_size, shared = 16, 5
    given = batch(normal, [(3, 150), (1, 81), (4, 84)], block_size=block_size)
    given.block_tables[:, :shared] = given.block_tables[0, :shared]
    flat = given.run(paged_attention, split_size=split_size)
    prefix = replace(
        given, sequences=[(8, shared * block_size)], block_tables=given.block_tables[:1, :shared].contiguous()
    )
    rest = replace(
        given,
        sequences=[(rows, keys - shared * block_size) for rows, keys in given.sequences],
        block_tables=given.block_tables[:, shared:].contiguous(),
    )
    parts = (
        prefix.run(paged_attention, causal=False, split_size=split_size),
        rest.run(paged_attention, split_size=split_size),
    )
    out, lse = merge_states(*parts[0], *parts[1])
    torch.testing.assert_close(out, flat[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(lse, flat[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("split_size", [64, 512])
def test_a_sequence_knows_no_other(normal: MakeNormal, split_size: int) -> None:
    given = batch(normal, [(1, 100), (3, 70), (2, 9), (0, 12)])
    order = [2, 3, 0, 1]
    starts = [0, 1, 4, 6, 6]
    rows = torch.tensor([row for index in order for row in range(starts[index], starts[index + 1])])
    permuted = replace(
        given,
        sequences=[given.sequences[index] for index in order],
        q=given.q[rows],
        block_tables=given.block_tables[order],
    )
    out, lse = given.run(paged_attention, split_size=split_size)
    permuted_out, permuted_lse = permuted.run(paged_attention, split_size=split_size)
    assert torch.equal(permuted_out, out[rows])
    assert torch.equal(permuted_lse, lse[rows])


@pytest.mark.parametrize("junk", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("causal", [True, False])
def test_junk_that_is_nobodys_is_harmless(normal: MakeNormal, junk: float, causal: bool) -> None:
    block_size = 16
    given = batch(normal, [(2, 37), (1, 16), (3, 80)], block_size=block_size, causal=causal)
    expected = given.run(paged_attention, split_size=64)
    used = torch.zeros(len(given.k_cache), dtype=torch.bool)
    for blocks, (_, keys) in zip(given.block_tables.tolist(), given.sequences, strict=True):
        for key in range(keys):
            used[blocks[key // block_size] * block_size + key % block_size] = True
    for cache in (given.k_cache, given.v_cache):
        cache[~used] = junk
    for index, (_, keys) in enumerate(given.sequences):
        given.block_tables[index, -(-keys // block_size) :] = 2**31 - 1
    out, lse = given.run(paged_attention, split_size=64)
    assert torch.equal(out, expected[0])
    assert torch.equal(lse, expected[1])


def test_rows_behind_the_last_sequence_see_nothing(normal: MakeNormal) -> None:
    given = batch(normal, [(3, 20), (9, 9)], heads=2)
    for rows in (1, 11):
        padded = replace(given, q=torch.cat((given.q, normal(rows, 2, 32))))
        for split_size in (64, 512):
            out, lse = padded.run(paged_attention, split_size=split_size)
            assert torch.equal(out[:12], given.run(paged_attention, split_size=split_size)[0])
            assert bool((out[12:] == 0).all())
            assert bool((lse[12:] == -math.inf).all())


def test_no_sequence_at_all(normal: MakeNormal) -> None:
    given = replace(batch(normal, []), q=normal(3, 2, 32))
    out, lse = given.run(paged_attention)
    assert bool((out == 0).all())
    assert bool((lse == -math.inf).all())


def test_no_rows(normal: MakeNormal) -> None:
    out, lse = batch(normal, [(0, 7), (0, 0)]).run(paged_attention)
    assert out.shape == (0, 2, 32)
    assert lse.shape == (0, 2)


def test_more_sequences_than_are_looked_through_at_first(normal: MakeNormal) -> None:
    sequences = [(0, 3)] * 70 + [(1, 5)] + [(0, 0)] * 70 + [(2, 9)]
    given = batch(normal, sequences)
    out, _ = given.run(paged_attention)
    torch.testing.assert_close(out, given.run(reference.paged_attention)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("max_seqlen_q", [1, 17, 300])
def test_the_tile_does_not_matter(normal: MakeNormal, max_seqlen_q: int) -> None:
    given = batch(normal, VERIFY, heads=4)
    out, lse = given.run(paged_attention, max_seqlen_q=max_seqlen_q)
    expected = given.run(reference.paged_attention)
    torch.testing.assert_close(out, expected[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(lse, expected[1], rtol=1e-6, atol=1e-6)


def test_nothing_is_read_on_the_host(normal: MakeNormal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launch is the same whatever the lengths, as a CUDA graph needs it."""
    module = pytest.importorskip("midb.kernels.ops.paged_attention")
    launches: list[tuple[object, list[object], dict[str, object]]] = []

    class Recorder:
        def __getitem__(self, grid: object) -> Callable[..., None]:
            def launch(*args: object, **constants: object) -> None:
                numbers = [arg for arg in args if not isinstance(arg, torch.Tensor)]
                launches.append((grid, numbers, constants))

            return launch

    monkeypatch.setattr(module, "_paged_attention", Recorder())
    monkeypatch.setattr(module, "_merge_splits", Recorder())
    for sequences in ([(1, 300), (4, 9)], [(5, 299), (0, 0)]):
        given = batch(normal, [(2, 300), (3, 300)])
        replace(given, sequences=sequences).run(paged_attention, max_seqlen_q=5, split_size=64)
    assert len(launches) == 4
    assert launches[:2] == launches[2:]


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"block_size": 8}, "block_size"), ({"block_size": 48}, "block_size"), ({"split_size": 32}, "split")],
)
def test_sizes_without_a_kernel_are_refused(normal: MakeNormal, changes: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        batch(normal, [(1, 5)]).run(paged_attention, **changes)


def test_a_cache_that_would_be_copied_is_refused(normal: MakeNormal) -> None:
    given = batch(normal, [(1, 5)])
    with pytest.raises(ValueError, match="contiguous"):
        replace(given, k_cache=normal(*given.k_cache.shape[:2], 64)[..., ::2]).run(paged_attention)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 1, 32), (5, 4, 80), (17, 1, 64)])
def test_merged_states_are_as_good_as_torchs(
    normal: MakeNormal, judge: Judge, dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    states = [normal(*shape, dtype=dtype), 9 * normal(*shape[:2]), normal(*shape, dtype=dtype), 9 * normal(*shape[:2])]
    if shape[0] > 1:
        states[1][0] = states[3][1] = -math.inf
        states[1][2] = states[3][2] = -math.inf
    exact = judge.compute_exactly(reference.merge_states, *states)
    torchs = reference.merge_states(*states)
    for found, expected, own in zip(merge_states(*states), exact, torchs, strict=True):
        judge(found, expected, own)


def test_merging_nothing(normal: MakeNormal) -> None:
    out, lse = merge_states(normal(0, 2, 32), normal(0, 2), normal(0, 2, 32), normal(0, 2))
    assert out.shape == (0, 2, 32)
    assert lse.shape == (0, 2)
