"""The reference ops, which everything else is compared with, against torch's own functions and plain arithmetic."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn.functional import gelu, rms_norm, scaled_dot_product_attention, silu

from midb.kernels import reference

#: Largest error in fp32: sums of some dozen products in another order.
FP32 = 2e-6


def make(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def ints(*numbers: int) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int32)


@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_norm(offset: float) -> None:
    x, residual, weight = make(3, 40), make(3, 40, seed=2), make(40, seed=3)
    y, total = reference.add_rms_norm(x, residual, weight, eps=1e-5, offset=offset)
    assert torch.equal(total, x + residual)
    torch.testing.assert_close(y, rms_norm(x + residual, (40,), weight + offset, 1e-5), atol=FP32, rtol=FP32)
    alone, same = reference.add_rms_norm(x, None, weight, eps=1e-5, offset=offset)
    assert torch.equal(same, x)
    torch.testing.assert_close(alone, rms_norm(x, (40,), weight + offset, 1e-5), atol=FP32, rtol=FP32)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_arithmetic_is_wide_whatever_the_dtype(dtype: torch.dtype) -> None:
    x, weight = make(3, 512).to(dtype), make(512, seed=3).to(dtype)
    y, _ = reference.add_rms_norm(x, None, weight, eps=1e-5)
    assert y.dtype == dtype
    assert torch.equal(y, rms_norm(x.float(), (512,), weight.float(), 1e-5).to(dtype))


def test_rotary_turns_pairs_by_their_angle() -> None:
    """A head as complex numbers, first half and second half, is multiplied by e^(i angle)."""
    rows, heads, kv_heads, head_dim = 4, 3, 1, 8
    angles = make(9, head_dim // 2)
    qkv = make(rows, (heads + 2 * kv_heads) * head_dim, seed=2)
    positions, slots = ints(0, 8, 3, 3), ints(2, 0, -1, 5)
    k_cache, v_cache = (torch.full((6, kv_heads, head_dim), 7.0) for _ in range(2))
    q = reference.rotary_kv_write(qkv, positions, slots, torch.cat((angles.cos(), angles.sin()), -1), k_cache, v_cache)
    given = qkv.view(rows, -1, head_dim)
    turned = torch.complex(*given.chunk(2, -1)) * torch.polar(torch.ones(rows, 1, 4), angles[positions.long()][:, None])
    wanted = torch.cat((turned.real, turned.imag), -1)
    torch.testing.assert_close(q, wanted[:, :heads], atol=FP32, rtol=FP32)
    for row, slot in ((0, 2), (1, 0), (3, 5)):
        torch.testing.assert_close(k_cache[slot], wanted[row, heads : heads + kv_heads], atol=FP32, rtol=FP32)
        assert torch.equal(v_cache[slot], given[row, -kv_heads:])
    untouched = [1, 3, 4]
    assert bool((k_cache[untouched] == 7).all())
    assert bool((v_cache[untouched] == 7).all())


def test_rotary_norms_queries_and_keys_each_by_its_own_weight() -> None:
    head_dim = 8
    qkv, q_weight, k_weight = make(2, 3 * head_dim), make(head_dim, seed=2), make(head_dim, seed=3)
    still = torch.cat((torch.ones(1, head_dim // 2), torch.zeros(1, head_dim // 2)), -1)
    k_cache, v_cache = (torch.zeros(2, 1, head_dim) for _ in range(2))
    q = reference.rotary_kv_write(
        qkv, ints(0, 0), ints(0, 1), still, k_cache, v_cache, q_weight=q_weight, k_weight=k_weight, eps=1e-5, offset=1.0
    )
    heads = qkv.view(2, 3, head_dim)
    for found, head, weight in ((q, 0, q_weight), (k_cache, 1, k_weight)):
        wanted = rms_norm(heads[:, head : head + 1], (head_dim,), weight + 1, 1e-5)
        torch.testing.assert_close(found, wanted, atol=FP32, rtol=FP32)
    assert torch.equal(v_cache, heads[:, 2:])


@pytest.mark.parametrize("block_size", [1, 4])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("window", [0, 3])
def test_attention_is_that_of_torch(block_size: int, causal: bool, window: int) -> None:
    """Sequences over scattered blocks, one after the other; each row stands where it stands among the keys."""
    heads, kv_heads, head_dim = 4, 2, 8
    sequences = [(3, 7), (1, 12), (5, 5)]
    q = make(sum(rows for rows, _ in sequences), heads, head_dim)
    counts = [-(-keys // block_size) for _, keys in sequences]
    k_cache, v_cache = (make(sum(counts) * block_size, kv_heads, head_dim, seed=seed) for seed in (2, 3))
    order = list(range(sum(counts)))
    random.Random(4).shuffle(order)
    tables = torch.zeros(len(sequences), max(counts), dtype=torch.int32)
    for number, count in enumerate(counts):
        tables[number, :count] = torch.tensor([order.pop() for _ in range(count)])
    out, lse = reference.paged_attention(
        q, k_cache, v_cache, tables, ints(0, 3, 4, 9), ints(7, 12, 5),
        block_size=block_size, scale=0.3, window=window, causal=causal,
    )  # fmt: skip
    start = 0
    for number, (rows, keys) in enumerate(sequences):
        slots = [int(tables[number, key // block_size]) * block_size + key % block_size for key in range(keys)]
        places = torch.arange(keys - rows, keys)[:, None]
        seen = torch.ones(rows, keys, dtype=torch.bool)
        if causal:
            seen &= torch.arange(keys) <= places
        if window:
            seen &= torch.arange(keys) > places - window
        queries, own_keys, values = (
            part.transpose(0, 1) for part in (q[start : start + rows], k_cache[slots], v_cache[slots])
        )
        wanted = scaled_dot_product_attention(
            queries[None], own_keys[None], values[None], attn_mask=seen, scale=0.3, enable_gqa=True
        )[0].transpose(0, 1)
        torch.testing.assert_close(out[start : start + rows], wanted, atol=FP32, rtol=FP32)
        scores = 0.3 * queries @ own_keys.repeat_interleave(heads // kv_heads, 0).transpose(1, 2)
        sums = scores.masked_fill(~seen, -torch.inf).logsumexp(-1).T
        torch.testing.assert_close(lse[start : start + rows], sums, atol=FP32, rtol=FP32)
        start += rows


def test_scores_are_capped_before_the_softmax() -> None:
    q, k_cache, v_cache = make(1, 1, 8), 9 * make(5, 1, 8, seed=2), make(5, 1, 8, seed=3)
    out, lse = reference.paged_attention(
        q, k_cache, v_cache, ints(0, 1, 2, 3, 4)[None], ints(0, 1), ints(5), block_size=1, scale=1.0, softcap=2.0
    )
    scores = 2 * torch.tanh((k_cache[:, 0] @ q[0, 0]) / 2)
    torch.testing.assert_close(out[0, 0], scores.softmax(0) @ v_cache[:, 0], atol=FP32, rtol=FP32)
    torch.testing.assert_close(lse[0, 0], scores.logsumexp(0), atol=FP32, rtol=FP32)


def test_a_row_without_keys_is_zero() -> None:
    q, cache = make(2, 1, 8), make(4, 1, 8)
    out, lse = reference.paged_attention(q, cache, cache, ints(0)[None], ints(0, 2), ints(0), block_size=4, scale=1.0)
    assert bool((out == 0).all())
    assert bool((lse == -math.inf).all())


def test_merged_states_are_the_attention_over_all_keys() -> None:
    q, k_cache, v_cache = make(3, 2, 8), make(12, 2, 8, seed=2), make(12, 2, 8, seed=3)

    def attend(blocks: list[int]) -> tuple[Tensor, Tensor]:
        keys = ints(4 * len(blocks))
        return reference.paged_attention(
            q, k_cache, v_cache, ints(*blocks)[None], ints(0, 3), keys, block_size=4, scale=0.5, causal=False
        )

    merged = reference.merge_states(*attend([0]), *attend([1, 2]))
    for found, wanted in zip(merged, attend([0, 1, 2]), strict=True):
        torch.testing.assert_close(found, wanted, atol=FP32, rtol=FP32)
    out, lse = attend([0])
    nothing = torch.full_like(lse, -math.inf)
    for found, wanted in zip(reference.merge_states(out, lse, torch.zeros_like(out), nothing), (out, lse), strict=True):
        torch.testing.assert_close(found, wanted, atol=FP32, rtol=FP32)
    both = reference.merge_states(out, nothing, out, nothing)
    assert bool((both[0] == 0).all())
    assert bool((both[1] == -math.inf).all())


def test_gated_activations() -> None:
    gate_up = make(3, 20)
    gate, up = gate_up[:, :10], gate_up[:, 10:]
    torch.testing.assert_close(reference.gated_activation(gate_up, kind="silu"), silu(gate) * up)
    wanted = gelu(gate, approximate="tanh") * up
    torch.testing.assert_close(reference.gated_activation(gate_up, kind="gelu_tanh"), wanted)


def sample(logits: Tensor, cuts: list[int], temperatures: Tensor, keys: Tensor, softcap: float = 0.0) -> list[int]:
    values = torch.full((len(logits),), -math.inf)
    ids = torch.zeros(len(logits), dtype=torch.int32)
    for first, end in pairwise(cuts):
        reference.sample_chunk(logits[:, first:end], first, temperatures, keys, values, ids, softcap=softcap)
    found: list[int] = ids.tolist()
    return found


def test_the_likeliest_token_is_taken_over_all_chunks() -> None:
    logits = make(4, 50)
    keys = torch.zeros(4, 2, dtype=torch.int32)
    for cuts in ([0, 50], [0, 1, 20, 49, 50]):
        assert sample(logits, cuts, torch.zeros(4), keys) == logits.argmax(-1).tolist()
        assert sample(logits, cuts, torch.zeros(4), keys, softcap=3.0) == logits.argmax(-1).tolist()
    tie = torch.zeros(1, 10)
    tie[0, [4, 7]] = 1.0
    assert sample(tie, [0, 5, 10], torch.zeros(1), keys[:1]) == [4]


def test_noise_is_added_to_logits_over_the_temperature() -> None:
    logits = make(3, 40)
    temperatures, keys = torch.tensor([0.0, 0.7, 2.0]), make(3, 2, seed=5).mul(1e9).int()
    noise = reference.gumbel(keys, torch.arange(40))
    wanted = [
        int((row / temperature + own if temperature else row).argmax())
        for row, temperature, own in zip(logits, temperatures.tolist(), noise, strict=True)
    ]
    assert sample(logits, [0, 13, 40], temperatures, keys) == wanted


def test_noise_is_gumbel_and_finite_to_its_ends() -> None:
    keys = torch.tensor([[1, 2], [-3, 2**31 - 1]], dtype=torch.int32)
    noise = reference.gumbel(keys, torch.arange(400_000))
    assert torch.isfinite(noise).all()
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.01)
    assert noise.var().item() == pytest.approx(torch.pi**2 / 6, abs=0.02)
    assert abs(torch.corrcoef(noise)[0, 1].item()) < 0.01
