"""The ops of a CPU, with the signatures of ``kernels.reference`` and fewer passes over memory.

In bf16 they round after each pass, as transformers does; in fp32 they compute the same sums as the reference.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, rms_norm, silu

from midb.kernels import reference


def add_rms_norm(
    x: Tensor, residual: Tensor | None, weight: Tensor, *, eps: float, offset: float = 0.0, centered: bool = False
) -> tuple[Tensor, Tensor]:
    """``reference.add_rms_norm`` by torch's fused norms."""
    total = x if residual is None else x + residual
    if centered:
        return layer_norm(total, weight.shape, weight + offset if offset else weight, None, eps), total
    return _normalise(total, weight, eps, offset), total


def _normalise(x: Tensor, weight: Tensor, eps: float, offset: float) -> Tensor:
    return rms_norm(x, weight.shape, weight + offset if offset else weight, eps)


def rotary_kv_write(
    qkv: Tensor,
    positions: Tensor,
    slots: Tensor,
    cos_sin: Tensor,
    k_cache: Tensor,
    v_cache: Tensor,
    *,
    q_weight: Tensor | None = None,
    k_weight: Tensor | None = None,
    eps: float = 1e-6,
    offset: float = 0.0,
) -> Tensor:
    """``reference.rotary_kv_write``. Heads are rotated in place, so that ``qkv`` is of no use afterwards."""
    _, kv_heads, head_dim = k_cache.shape
    heads = qkv.shape[1] // head_dim - 2 * kv_heads
    all_heads = qkv.view(qkv.shape[0], -1, head_dim)
    q: Tensor
    q, k, v = all_heads.split([heads, kv_heads, kv_heads], dim=1)
    if q_weight is not None:
        q.copy_(_normalise(q, q_weight, eps, offset))
    if k_weight is not None:
        k.copy_(_normalise(k, k_weight, eps, offset))
    cos, sin = cos_sin.index_select(0, positions).to(qkv.dtype).unsqueeze(1).chunk(2, dim=-1)
    a, b = all_heads[:, : heads + kv_heads].chunk(2, dim=-1)
    rotated = a * cos
    rotated.addcmul_(b, sin, value=-1)
    b.mul_(cos).addcmul_(a, sin)
    a.copy_(rotated)
    kept = slots
    if slots.numel() and int(slots.min()) < 0:
        written = slots >= 0
        k, v, kept = k[written], v[written], slots[written]
    k_cache.index_copy_(0, kept.long(), k)
    v_cache.index_copy_(0, kept.long(), v)
    return q


def gated_activation(gate_up: Tensor, *, kind: str) -> Tensor:
    """``reference.gated_activation`` in two passes."""
    gate, up = gate_up.chunk(2, dim=-1)
    return (silu(gate) if kind == "silu" else gelu(gate, approximate="tanh")).mul_(up)


@dataclass(frozen=True, slots=True)
class _PlannedSequence:
    """One sequence of a step: its rows, where its keys lie, and which of them each row sees.

    :param keys: a slice of the slots where its blocks lie one after the other, else the blocks to gather.
    :param mask: to be added to the scores; None where each row sees all keys.
    """

    start: int
    end: int
    keys: slice | Tensor
    length: int
    mask: Tensor | None


#: Plans that are kept: a step asks with the tables of common beginnings, of what is left, and of all keys with and
#: without a window.
_PLANS_KEPT = 4


class PagedAttention:
    """``reference.paged_attention`` by torch's flash attention for CPUs, sequence by sequence.

    All layers of a step ask with the same tables, so what follows from the tables is worked out once and kept. Tables
    are recognised by identity: other tables must be other tensors, and not the same tensors overwritten.
    """

    def __init__(self) -> None:
        self._plans: list[tuple[tuple[object, ...], list[_PlannedSequence]]] = []

    def __call__(
        self,
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
    ) -> tuple[Tensor, Tensor]:
        """Shapes as in the reference."""
        if softcap:
            return reference.paged_attention(
                q, k_cache, v_cache, block_tables, cu_seqlens_q, seqlens_k,
                block_size=block_size, scale=scale, window=window, softcap=softcap, causal=causal,
            )  # fmt: skip
        rows, heads, head_dim = q.shape
        kv_heads = k_cache.shape[1]
        group = heads // kv_heads
        out = torch.zeros(q.shape, dtype=q.dtype)
        lse = torch.full((rows, heads), -torch.inf, dtype=torch.float32)
        for planned in self._plan(block_tables, cu_seqlens_q, seqlens_k, block_size, window, causal, group, q.dtype):
            keys, values = (_read_keys(cache, planned, block_size) for cache in (k_cache, v_cache))
            count = planned.end - planned.start
            # The heads that share a key head become rows, so that one product serves them all.
            queries = q[planned.start : planned.end].reshape(count, kv_heads, group, head_dim).permute(1, 2, 0, 3)
            found, states = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                queries.reshape(1, kv_heads, -1, head_dim),
                keys,
                values,
                0.0,
                False,
                attn_mask=planned.mask,
                scale=scale,
            )
            found = found.view(kv_heads, group, count, head_dim).permute(2, 0, 1, 3)
            out[planned.start : planned.end] = found.reshape(count, heads, head_dim)
            lse[planned.start : planned.end] = states.reshape(heads, count).T
        return out, lse

    def _plan(
        self, tables: Tensor, cu_seqlens_q: Tensor, seqlens_k: Tensor, block_size: int, window: int, causal: bool,
        group: int, dtype: torch.dtype,
    ) -> list[_PlannedSequence]:  # fmt: skip
        for (known, known_lengths, *rest), plan in self._plans:
            if known is tables and known_lengths is seqlens_k and rest == [window, causal]:
                return plan
        plan = []
        starts, lengths, blocks = cu_seqlens_q.tolist(), seqlens_k.tolist(), tables.tolist()
        for sequence, length in enumerate(lengths):
            count = starts[sequence + 1] - starts[sequence]
            if count == 0 or length == 0:
                continue
            # No row sees the keys that lie before the window of the first one.
            first = max(length - count - window + 1, 0) // block_size if window else 0
            skipped = first * block_size
            keys = _locate_keys(blocks[sequence][first : -(-length // block_size)], block_size, length - skipped)
            mask = None
            if (causal and count > 1) or window:
                mask = _make_mask(count, length, skipped, window, causal, dtype).repeat(group, 1)
            plan.append(_PlannedSequence(starts[sequence], starts[sequence + 1], keys, length - skipped, mask))
        self._plans = [((tables, seqlens_k, window, causal), plan), *self._plans[: _PLANS_KEPT - 1]]
        return plan


def _locate_keys(blocks: list[int], block_size: int, length: int) -> slice | Tensor:
    if all(after - before == 1 for before, after in itertools.pairwise(blocks)):
        return slice(blocks[0] * block_size, blocks[0] * block_size + length)
    return torch.tensor(blocks)


def _read_keys(cache: Tensor, planned: _PlannedSequence, block_size: int) -> Tensor:
    """Read ``[1, kv_heads, length, head_dim]`` from the cache: a view of it where possible, else a copy."""
    if isinstance(planned.keys, slice):
        return cache[planned.keys].transpose(0, 1)[None]
    blocks = cache.view(-1, block_size, *cache.shape[1:])
    return blocks.index_select(0, planned.keys).flatten(0, 1)[: planned.length].transpose(0, 1)[None]


def _make_mask(count: int, length: int, skipped: int, window: int, causal: bool, dtype: torch.dtype) -> Tensor:
    """0 where a row sees a key, ``-inf`` elsewhere: ``[count, length - skipped]``."""
    place = torch.arange(length - count, length)[:, None]
    key_place = torch.arange(skipped, length)
    hidden = (key_place > place) & causal
    if window:
        hidden |= key_place <= place - window
    return torch.zeros(hidden.shape, dtype=dtype).masked_fill_(hidden, -torch.inf)
