"""Attention of ragged query rows over keys in blocks, split over the keys, and the merge of softmax states (Triton).

One program takes a tile of query rows of one sequence, with all heads that share one key head, and one split of the
keys. The grid follows from the shapes of the tensors alone, so a CUDA graph can replay it for any lengths: a program
finds its sequence on the device, and ends at once if its tile or split lies beyond the sequence. All splits have one
size, however long the other sequences of a batch are, so that a result does not depend on these. Numbers that change
from step to step are not specialised on, or each new value would compile the kernel anew.

``BLOCK_SIZE`` is the size of a KV block; the other ``BLOCK_*`` are sizes of tiles, as is usual in Triton.
"""

# Kernels are written in Triton's language: their parameters have the types of the launch.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from midb.kernels.ops.softcap import apply_softcap

#: Keys of one split.
SPLIT_SIZE = 512

#: Most bytes of the partial outputs of a call; for more, splits are made larger. Only prompts of thousands of rows need
#: more, and these fill a GPU without splits.
_SCRATCH_BYTES = 256 * 2**20

#: Most elements of a cache that offsets of 32 bits can reach. Such offsets save a register for each key that a thread
#: copies.
_NARROW = 2**31 - 1

#: By what scores are multiplied, as the softmax is computed in base 2.
_LOG2_E = math.log2(math.e)

#: The same inside a kernel.
_LOG2_E_IN = tl.constexpr(_LOG2_E)

#: By what a logarithm in base 2 is multiplied to get the natural one.
_LN_2 = tl.constexpr(math.log(2))


@triton.jit(
    do_not_specialize=["rows", "sequences", "max_num_blocks"],
    do_not_specialize_on_alignment=["tables_ptr", "cu_seqlens_q_ptr", "seqlens_k_ptr"],
)
def _paged_attention(
    q_ptr,  # [rows, HEADS, HEAD_DIM]
    k_ptr,  # [slots, KV_HEADS, HEAD_DIM]
    v_ptr,  # [slots, KV_HEADS, HEAD_DIM]
    tables_ptr,  # [sequences, max_num_blocks]
    cu_seqlens_q_ptr,  # [sequences + 1]
    seqlens_k_ptr,  # [sequences]
    out_ptr,  # [splits, rows, HEADS, HEAD_DIM]
    lse_ptr,  # [splits, rows, HEADS]
    rows,
    sequences,
    max_num_blocks,
    scale,
    HEADS: tl.constexpr,
    KV_HEADS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    BLOCK_SIZE: tl.constexpr,
    SPLIT_SIZE: tl.constexpr,
    IS_SPLIT: tl.constexpr,
    WINDOW: tl.constexpr,
    SOFTCAP: tl.constexpr,
    CAUSAL: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_SEQUENCES: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_KEYS: tl.constexpr,
    BLOCK_DIM: tl.constexpr,
):
    """``softmax(scale * q k^T) v`` over one split, by the online softmax (Milakov & Gimelshein, 2018) in base 2."""
    GROUP: tl.constexpr = HEADS // KV_HEADS
    TILE: tl.constexpr = BLOCK_ROWS // GROUP  # query rows of a tile
    tile = tl.program_id(0) // KV_HEADS
    kv_head = tl.program_id(0) % KV_HEADS
    split = tl.program_id(1)

    # The first tile of a sequence is start // TILE + index. Rows after the last sequence count as one more sequence,
    # which has no keys.
    index = tl.arange(0, BLOCK_SEQUENCES)
    starts = tl.load(cu_seqlens_q_ptr + index, mask=index <= sequences, other=0)
    sequence = tl.sum(((index <= sequences) & (starts // TILE + index <= tile)).to(tl.int32), axis=0) - 1
    start = tl.load(cu_seqlens_q_ptr + sequence)
    end = tl.load(cu_seqlens_q_ptr + sequence + 1, mask=sequence < sequences, other=rows)
    length = tl.load(seqlens_k_ptr + sequence, mask=sequence < sequences, other=0)
    first_row = start + (tile - start // TILE - sequence) * TILE
    if first_row >= end:
        return

    member = tl.arange(0, BLOCK_ROWS)
    row = first_row + member // GROUP  # [BLOCK_ROWS]
    head = kv_head * GROUP + member % GROUP  # [BLOCK_ROWS]
    in_tile = (row < end) & (member < TILE * GROUP)
    place = length - end + row  # [BLOCK_ROWS], of a row among the keys

    low = split * SPLIT_SIZE
    high = tl.minimum(low + SPLIT_SIZE, length)
    if CAUSAL:
        high = tl.minimum(high, length - end + tl.minimum(first_row + TILE, end))
    if WINDOW:
        low = tl.maximum(low, tl.maximum(length - end + first_row - WINDOW + 1, 0) // BLOCK_KEYS * BLOCK_KEYS)
    state = (split * rows + row).to(tl.int64) * HEADS + head  # [BLOCK_ROWS]
    if IS_SPLIT and low >= high:
        tl.store(lse_ptr + state, tl.full([BLOCK_ROWS], -float("inf"), tl.float32), mask=in_tile)
        return

    dim = tl.arange(0, BLOCK_DIM)
    in_head = dim < HEAD_DIM
    in_q = in_tile[:, None] & in_head[None, :]
    q = tl.load(q_ptr + (row.to(tl.int64) * HEADS + head)[:, None] * HEAD_DIM + dim[None, :], mask=in_q, other=0.0)
    top = tl.full([BLOCK_ROWS], -float("inf"), tl.float32)
    total = tl.zeros([BLOCK_ROWS], tl.float32)
    acc = tl.zeros([BLOCK_ROWS, BLOCK_DIM], tl.float32)
    table_ptr = tables_ptr + sequence.to(tl.int64) * max_num_blocks
    for first_key in range(low, high, BLOCK_KEYS):
        key = first_key + tl.arange(0, BLOCK_KEYS)  # [BLOCK_KEYS]
        held = key < high
        block = tl.load(table_ptr + key // BLOCK_SIZE, mask=held, other=0)
        if WIDE:
            block = block.to(tl.int64)
        source = ((block * BLOCK_SIZE + key % BLOCK_SIZE) * KV_HEADS + kv_head)[:, None] * HEAD_DIM + dim[None, :]
        # What lies beyond the end of a sequence is not read: it may be anything, and 0 times NaN is NaN.
        in_kv = held[:, None] & in_head[None, :]
        k = tl.load(k_ptr + source, mask=in_kv, other=0.0)  # [BLOCK_KEYS, BLOCK_DIM]
        score = tl.dot(q, tl.trans(k), input_precision="ieee") * scale  # [BLOCK_ROWS, BLOCK_KEYS]
        if SOFTCAP > 0:
            score = apply_softcap(score, SOFTCAP) * _LOG2_E_IN
        seen = held[None, :]
        if CAUSAL:
            seen = seen & (key[None, :] <= place[:, None])
        if WINDOW:
            seen = seen & (key[None, :] > place[:, None] - WINDOW)
        score = tl.where(seen, score, -float("inf"))
        new_top = tl.maximum(top, tl.max(score, axis=1))
        base = tl.where(new_top == -float("inf"), 0.0, new_top)
        weight = tl.exp2(score - base[:, None])
        shrink = tl.exp2(top - base)
        total = total * shrink + tl.sum(weight, axis=1)
        v = tl.load(v_ptr + source, mask=in_kv, other=0.0)  # [BLOCK_KEYS, BLOCK_DIM]
        acc = tl.dot(weight.to(v.dtype), v, acc * shrink[:, None], input_precision="ieee")
        top = new_top

    some = total > 0
    total = tl.where(some, total, 1.0)
    out = acc / total[:, None]
    lse = tl.where(some, (top + tl.log2(total)) * _LN_2, -float("inf"))
    tl.store(lse_ptr + state, lse, mask=in_tile)
    tl.store(out_ptr + state[:, None] * HEAD_DIM + dim[None, :], out.to(out_ptr.dtype.element_ty), mask=in_q)


@triton.jit(do_not_specialize=["rows", "splits"])
def _merge_splits(
    parts_ptr,  # [splits, rows, HEADS, HEAD_DIM]
    part_lse_ptr,  # [splits, rows, HEADS]
    out_ptr,  # [rows, HEADS, HEAD_DIM]
    lse_ptr,  # [rows, HEADS]
    rows,
    splits,
    HEADS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    BLOCK_SPLITS: tl.constexpr,
    BLOCK_DIM: tl.constexpr,
):
    """``lse = log(sum_i e^lse_i); out = sum_i e^(lse_i - lse) out_i`` for one row and head."""
    dim = tl.arange(0, BLOCK_DIM)
    in_head = dim < HEAD_DIM
    state = tl.program_id(0).to(tl.int64) * HEADS + tl.program_id(1)
    top = -float("inf")
    total = 0.0
    acc = tl.zeros([BLOCK_DIM], tl.float32)
    for first in range(0, splits, BLOCK_SPLITS):
        split = first + tl.arange(0, BLOCK_SPLITS)  # [BLOCK_SPLITS]
        part = split.to(tl.int64) * rows * HEADS + state
        part_lse = tl.load(part_lse_ptr + part, mask=split < splits, other=-float("inf"))
        # A split that saw no key wrote no output.
        seen = part_lse > -float("inf")
        outs = tl.load(
            parts_ptr + part[:, None] * HEAD_DIM + dim[None, :], mask=seen[:, None] & in_head[None, :], other=0.0
        )
        new_top = tl.maximum(top, tl.max(part_lse, axis=0))
        base = tl.where(new_top == -float("inf"), 0.0, new_top)
        weight = tl.exp(part_lse - base)
        shrink = tl.exp(top - base)
        total = total * shrink + tl.sum(weight, axis=0)
        acc = acc * shrink + tl.sum(weight[:, None] * outs, axis=0)
        top = new_top
    some = total > 0
    total = tl.where(some, total, 1.0)
    out = acc / total
    tl.store(lse_ptr + state, tl.where(some, top + tl.log(total), -float("inf")))
    tl.store(out_ptr + state * HEAD_DIM + dim, out.to(out_ptr.dtype.element_ty), mask=in_head)


@triton.jit(do_not_specialize=["states"])
def _merge_states(
    out_a_ptr,  # [states, HEAD_DIM]
    lse_a_ptr,  # [states]
    out_b_ptr,  # [states, HEAD_DIM]
    lse_b_ptr,  # [states]
    out_ptr,  # [states, HEAD_DIM]
    lse_ptr,  # [states]
    states,
    HEAD_DIM: tl.constexpr,
    BLOCK_STATES: tl.constexpr,
    BLOCK_DIM: tl.constexpr,
):
    """``lse = log(e^lse_a + e^lse_b); out = e^(lse_a - lse) out_a + e^(lse_b - lse) out_b``."""
    state = tl.program_id(0).to(tl.int64) * BLOCK_STATES + tl.arange(0, BLOCK_STATES)  # [BLOCK_STATES]
    dim = tl.arange(0, BLOCK_DIM)
    held = state < states
    kept = held[:, None] & (dim < HEAD_DIM)[None, :]
    place = state[:, None] * HEAD_DIM + dim[None, :]
    lse_a = tl.load(lse_a_ptr + state, mask=held, other=0.0)
    lse_b = tl.load(lse_b_ptr + state, mask=held, other=0.0)
    top = tl.maximum(lse_a, lse_b)
    base = tl.where(top == -float("inf"), 0.0, top)
    weight_a = tl.exp(lse_a - base)
    weight_b = tl.exp(lse_b - base)
    some = top > -float("inf")
    total = tl.where(some, weight_a + weight_b, 1.0)
    out_a = tl.load(out_a_ptr + place, mask=kept, other=0.0).to(tl.float32)
    out_b = tl.load(out_b_ptr + place, mask=kept, other=0.0).to(tl.float32)
    mixed = (weight_a[:, None] * out_a + weight_b[:, None] * out_b) / total[:, None]
    tl.store(lse_ptr + state, tl.where(some, base + tl.log(total), -float("inf")), mask=held)
    tl.store(out_ptr + place, mixed.to(out_ptr.dtype.element_ty), mask=kept)


def paged_attention(
    q: Tensor,
    k_cache: Tensor,
    v_cache: Tensor,
    block_tables: Tensor,
    cu_seqlens_q: Tensor,
    seqlens_k: Tensor,
    *,
    block_size: int,
    scale: float,
    window: int = 0,
    softcap: float = 0.0,
    causal: bool = True,
    max_seqlen_q: int = 0,
    split_size: int = SPLIT_SIZE,
) -> tuple[Tensor, Tensor]:
    """As ``reference.paged_attention``. With ``max_seqlen_q`` given nothing is read on the host.

    :param max_seqlen_q: only chooses the tile: results are right for sequences with more rows as well.
    :param split_size: keys of one split, a power of two of at least 64.
    :raises ValueError: for caches that are not contiguous, and for a split or block size that the kernel cannot take.
    """
    if not (k_cache.is_contiguous() and v_cache.is_contiguous()):
        raise ValueError("k_cache and v_cache must be contiguous")
    if block_size < 16 or block_size & (block_size - 1):
        raise ValueError(f"block_size is {block_size}, not a power of two of at least 16")
    if split_size < 64 or split_size & (split_size - 1):
        raise ValueError(f"split_size is {split_size}, not a power of two of at least 64")
    rows, heads, head_dim = q.shape
    kv_heads = k_cache.shape[1]
    sequences, max_num_blocks = block_tables.shape
    out = torch.empty((rows, heads, head_dim), dtype=q.dtype, device=q.device)
    lse = torch.empty((rows, heads), dtype=torch.float32, device=q.device)
    if not rows:
        return out, lse
    if not max_seqlen_q:
        max_seqlen_q = int(cu_seqlens_q.diff().max()) if sequences else 1
    group = heads // kv_heads
    block_dim = triton.next_power_of_2(head_dim)
    tile = choose_tile(max_seqlen_q, group, block_dim, q.element_size())
    max_keys = max_num_blocks * block_size
    while triton.cdiv(max_keys, split_size) * out.numel() * 4 > _SCRATCH_BYTES and split_size < max_keys:
        split_size *= 2
    splits = max(triton.cdiv(max_keys, split_size), 1)
    part_out, part_lse = out, lse
    if splits > 1:
        part_out = torch.empty((splits, *out.shape), dtype=torch.float32, device=q.device)
        part_lse = torch.empty((splits, *lse.shape), dtype=torch.float32, device=q.device)
    tiles = rows // (tile.rows // group) + sequences + 1
    _paged_attention[(tiles * kv_heads, splits)](
        q.contiguous(),
        k_cache,
        v_cache,
        block_tables,
        cu_seqlens_q,
        seqlens_k,
        part_out,
        part_lse,
        rows,
        sequences,
        max_num_blocks,
        scale if softcap else scale * _LOG2_E,
        HEADS=heads,
        KV_HEADS=kv_heads,
        HEAD_DIM=head_dim,
        BLOCK_SIZE=block_size,
        SPLIT_SIZE=split_size,
        IS_SPLIT=splits > 1,
        WINDOW=window,
        SOFTCAP=softcap,
        CAUSAL=causal,
        WIDE=k_cache.numel() > _NARROW,
        BLOCK_SEQUENCES=max(triton.next_power_of_2(sequences + 1), 128),
        BLOCK_ROWS=tile.rows,
        BLOCK_KEYS=tile.keys,
        BLOCK_DIM=block_dim,
        num_warps=tile.warps,
        num_stages=tile.stages,
    )
    if splits > 1:
        block_splits = min(triton.next_power_of_2(splits), 16)
        _merge_splits[(rows, heads)](
            part_out,
            part_lse,
            out,
            lse,
            rows,
            splits,
            HEADS=heads,
            HEAD_DIM=head_dim,
            BLOCK_SPLITS=block_splits,
            BLOCK_DIM=block_dim,
            num_warps=min(max(block_splits * block_dim // 512, 1), 4),
        )
    return out, lse


@dataclass(frozen=True, slots=True)
class Tile:
    """What one program works on, and with what.

    :param rows: query rows of a tile, where each head of a group counts as a row; a power of two of at least 16.
    :param keys: keys of one turn of its loop.
    :param warps: of 32 threads.
    :param stages: turns of the loop whose keys and values are in flight.
    """

    rows: int
    keys: int
    warps: int
    stages: int


def choose_tile(max_seqlen_q: int, group: int, block_dim: int, element_size: int) -> Tile:
    """Choose the tile for sequences of up to so many query rows.

    Few rows for decoding, up to 64 for drafts that are verified and for prompts. More warps or more rows were slower on
    an H200 (``bench/gpu/tiles.py``). More keys in a turn, or more in flight, would spill on some target: audited for
    sm_80, sm_90 and sm_100 with Triton 3.6, 3.7 and 3.9 (``bench/compiled.py``).

    :param group: query heads that share a key head.
    :param block_dim: head size, rounded up to a power of two.
    :param element_size: bytes of an element of the queries.
    """
    least: int = max(16, triton.next_power_of_2(group))
    if element_size > 2:
        # fp32 has no matrix instructions: every product takes registers, and more than these would spill.
        return Tile(rows=least, keys=16, warps=4, stages=2)
    rows = max(min(triton.next_power_of_2(max_seqlen_q * group), 64), least)
    large, wide = rows >= 64, block_dim > 128
    return Tile(
        rows=rows,
        keys=(32 if large else 64) // (2 if wide else 1),
        warps=8 if rows * block_dim > 8192 else 4,
        stages=2 if large and wide else 3,
    )


def merge_states(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> tuple[Tensor, Tensor]:
    """As ``reference.merge_states``."""
    rows, heads, head_dim = out_a.shape
    out, lse = torch.empty_like(out_a), torch.empty_like(lse_a)
    states = rows * heads
    if states:
        block_dim = triton.next_power_of_2(head_dim)
        _merge_states[(triton.cdiv(states, 16),)](
            out_a.contiguous(),
            lse_a.contiguous(),
            out_b.contiguous(),
            lse_b.contiguous(),
            out,
            lse,
            states,
            HEAD_DIM=head_dim,
            BLOCK_STATES=16,
            BLOCK_DIM=block_dim,
            num_warps=max(16 * block_dim // 512, 1),
        )
    return out, lse
