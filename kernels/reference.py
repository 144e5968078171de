"""Every op of the engine in plain torch: the CPU path, and the oracle of all kernel tests.

Each function has the signature of its kernel in ``kernels.ops``. Arithmetic is fp32 whatever the dtype of the
tensors, rounded once at the end. Shapes: ``rows`` are the tokens of one step, one sequence after the other; ``slots``
are places in the KV cache, ``block * block_size + offset``.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: First multiplier of the 32-bit finalizer "lowbias32" (C. Wellons, "Prospecting for Hash Functions", 2018).
MIX_1 = 0x7FEB352D

#: Second multiplier of it.
MIX_2 = 0x846CA68B

#: torch has no unsigned arithmetic of 32 bits, so it is done in 64 bits and cut.
_MASK = 0xFFFFFFFF


def add_rms_norm(
    x: Tensor, residual: Tensor | None, weight: Tensor, *, eps: float, offset: float = 0.0, centered: bool = False
) -> tuple[Tensor, Tensor]:
    """Residual addition and RMSNorm (Zhang & Sennrich, 2019): ``s = x + residual; y = s / rms(s) * (offset + weight)``.

    :param x: ``[rows, hidden]``.
    :param residual: ``[rows, hidden]``, or None for none.
    :param weight: ``[hidden]``; Gemma's stand for ``1 + weight``, which is ``offset=1``.
    :param centered: the mean of ``s`` is subtracted first, which makes it LayerNorm (Ba et al., 2016).
    :return: ``y`` and ``s``, both ``[rows, hidden]`` in the dtype of ``x``; ``s`` is rounded before it is normed.
    """
    total = x if residual is None else x + residual
    wide = total.float()
    if centered:
        wide = wide - wide.mean(-1, keepdim=True)
    scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
    return (wide * scale * (offset + weight.float())).to(x.dtype), total


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
    """RMSNorm of each query and key head where the model has one, rotary embedding, and the write into the KV cache.

    Rotary in halves (Su et al., 2021, in GPT-NeoX's layout): ``(a, b) -> (a cos - b sin, b cos + a sin)`` for the first
    and second half of a head.

    :param qkv: ``[rows, (heads + 2 * kv_heads) * head_dim]``: queries, keys, values.
    :param positions: ``[rows]`` int32, place of each token in its sequence.
    :param slots: ``[rows]`` int32, where its key and value go; below 0: nowhere.
    :param cos_sin: ``[max_positions, head_dim]`` fp32: cosines of the first half's frequencies, then sines.
    :param k_cache: ``[slots, kv_heads, head_dim]``, written; ``v_cache`` likewise.
    :param q_weight: ``[head_dim]``, as the weight of :func:`add_rms_norm`; ``k_weight`` likewise.
    :return: the queries, ``[rows, heads, head_dim]``.
    """
    _, kv_heads, head_dim = k_cache.shape
    heads = qkv.shape[1] // head_dim - 2 * kv_heads
    q, k, v = qkv.view(qkv.shape[0], -1, head_dim).split([heads, kv_heads, kv_heads], dim=1)
    cos, sin = cos_sin[positions.long()].unsqueeze(1).chunk(2, dim=-1)

    def rotate(x: Tensor, weight: Tensor | None) -> Tensor:
        wide = x.float()
        if weight is not None:
            wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps) * (offset + weight.float())
        a, b = wide.chunk(2, dim=-1)
        return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1).to(x.dtype)

    keys, kept = rotate(k, k_weight), slots >= 0
    where = slots[kept].long()
    k_cache[where] = keys[kept]
    v_cache[where] = v[kept]
    return rotate(q, q_weight)


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
) -> tuple[Tensor, Tensor]:
    """Attention of ragged rows over keys in blocks: ``softmax(scale * q k^T) v``, with its log-sum-exp.

    The last query row of a sequence stands at its last key. A row sees the keys up to its own place (all keys if not
    ``causal``); with ``window``, only the last ``window`` of these. Scores are capped to
    ``softcap * tanh(score / softcap)`` (Gemma 2) before the mask.

    :param q: ``[rows, heads, head_dim]``; ``heads`` is a multiple of ``kv_heads``, and neighbours share a key head.
    :param k_cache: ``[slots, kv_heads, head_dim]``; ``v_cache`` likewise.
    :param block_tables: ``[sequences, max_num_blocks]`` int32, the blocks of each sequence in order.
    :param cu_seqlens_q: ``[sequences + 1]`` int32, where the rows of each sequence begin; a sequence may have none.
    :param seqlens_k: ``[sequences]`` int32, keys of each sequence, its own rows included.
    :param max_seqlen_q: most rows of one sequence, which bounds a kernel's grid; 0: it is read from ``cu_seqlens_q``.
    :return: ``[rows, heads, head_dim]`` in the dtype of ``q``, and the log-sum-exp ``[rows, heads]`` in fp32; zero and
        ``-inf`` for a row that sees no key.
    """
    rows, heads, head_dim = q.shape
    kv_heads = k_cache.shape[1]
    out = torch.zeros_like(q)
    lse = torch.full((rows, heads), -torch.inf, dtype=torch.float32, device=q.device)
    starts, lengths = cu_seqlens_q.tolist(), seqlens_k.tolist()
    for sequence, length in enumerate(lengths):
        start, end = starts[sequence], starts[sequence + 1]
        if start == end or length == 0:
            continue
        blocks = block_tables[sequence, : -(-length // block_size)].long()
        slots = (blocks[:, None] * block_size + torch.arange(block_size, device=q.device)).flatten()[:length]
        keys, values = (cache[slots].float().transpose(0, 1) for cache in (k_cache, v_cache))
        queries = q[start:end].float().view(end - start, kv_heads, -1, head_dim).permute(1, 2, 0, 3)
        scores = queries @ keys[:, None].transpose(-1, -2) * scale
        if softcap:
            scores = softcap * torch.tanh(scores / softcap)
        place = torch.arange(length - (end - start), length, device=q.device)[:, None]
        key_place = torch.arange(length, device=q.device)
        hidden = (key_place > place) if causal else torch.zeros_like(key_place > place)
        if window:
            hidden = hidden | (key_place <= place - window)
        scores = scores.masked_fill(hidden, -torch.inf)
        found = scores.logsumexp(-1)
        weights = torch.exp(scores - found.nan_to_num(neginf=0.0)[..., None])
        out[start:end] = (
            (weights @ values[:, None]).permute(2, 0, 1, 3).reshape(end - start, heads, head_dim).to(q.dtype)
        )
        lse[start:end] = found.permute(2, 0, 1).reshape(end - start, heads)
    return out, lse


def merge_states(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> tuple[Tensor, Tensor]:
    """Attention over the union of two sets of keys from attention over each (FlashInfer, Ye et al., 2025, section 2).

    ``lse = log(e^lse_a + e^lse_b); out = e^(lse_a - lse) out_a + e^(lse_b - lse) out_b``.

    :param out_a: ``[rows, heads, head_dim]``; ``lse_a`` ``[rows, heads]`` fp32, ``-inf`` where no key was seen.
    """
    lse = torch.logaddexp(lse_a, lse_b)
    base = lse.nan_to_num(neginf=0.0)
    a, b = (torch.exp(part - base)[..., None] for part in (lse_a, lse_b))
    return (a * out_a.float() + b * out_b.float()).to(out_a.dtype), lse


def gated_activation(gate_up: Tensor, *, kind: str) -> Tensor:
    """SwiGLU or GeGLU (Shazeer, 2020): ``f(gate) * up``.

    :param gate_up: ``[rows, 2 * intermediate]``: the gates, then the values.
    :param kind: "silu", or "gelu_tanh" for the tanh form of GELU.
    :return: ``[rows, intermediate]``.
    """
    gate, up = gate_up.float().chunk(2, dim=-1)
    active = torch.nn.functional.silu(gate) if kind == "silu" else torch.nn.functional.gelu(gate, approximate="tanh")
    return (active * up).to(gate_up.dtype)


def sample_chunk(
    logits: Tensor,
    first_id: int,
    temperatures: Tensor,
    noise_keys: Tensor,
    best_values: Tensor,
    best_ids: Tensor,
    *,
    softcap: float = 0.0,
) -> None:
    """Take one chunk of the vocabulary into the running argmax of each row; the lower id wins a tie.

    ``score = logit`` at temperature 0, else ``logit / temperature + gumbel``, whose argmax is a sample of the softmax
    (Gumbel-max trick). The noise is a function of the row's key and the token id alone, see :func:`gumbel`.

    :param logits: ``[rows, chunk]`` of the ids ``first_id..``; ``softcap`` as in :func:`paged_attention`.
    :param temperatures: ``[rows]`` fp32.
    :param noise_keys: ``[rows, 2]`` int32, see ``engine.sampling.make_noise_key``.
    :param best_values: ``[rows]`` fp32, updated; ``-inf`` before the first chunk.
    :param best_ids: ``[rows]`` int32, updated.
    """
    scores = logits.float()
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    drawn = temperatures > 0
    if bool(drawn.any()):
        ids = torch.arange(first_id, first_id + logits.shape[1], device=logits.device)
        noisy = scores / torch.where(drawn, temperatures, 1.0)[:, None] + gumbel(noise_keys, ids)
        scores = torch.where(drawn[:, None], noisy, scores)
    values, places = scores.max(-1)
    better = values > best_values
    best_values.copy_(torch.where(better, values, best_values))
    best_ids.copy_(torch.where(better, places.int() + first_id, best_ids))


def gumbel(noise_keys: Tensor, ids: Tensor) -> Tensor:
    """Standard Gumbel noise ``[rows, ids]``, the same on every device and in every batch.

    A 32-bit finalizer is applied twice, ``mix(mix(id ^ key_0) ^ key_1)``. The upper 23 bits of the result say in which
    of as many equal bins of (0, 1) a uniform number lies; ``u`` is the centre of that bin, and ``-log(-log(u))`` the
    noise. With 24 bits, the last centre would be rounded to 1, whose noise is infinite.
    """
    keys = noise_keys.long() & _MASK
    mixed = _mix(_mix(ids.long()[None, :] ^ keys[:, :1]) ^ keys[:, 1:])
    uniform = ((mixed >> 9).float() + 0.5) * 2.0**-23
    return -torch.log(-torch.log(uniform))


def _mix(x: Tensor) -> Tensor:
    x = x ^ (x >> 16)
    x = (x * MIX_1) & _MASK
    x = x ^ (x >> 15)
    x = (x * MIX_2) & _MASK
    return x ^ (x >> 16)
