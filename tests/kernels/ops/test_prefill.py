"""Prompts by a kernel of their own: which is chosen, what it is given, and that it gives what the reference does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from midb.kernels import EngineError, reference
from midb.kernels.ops import prefill

#: Sequences as (query rows, keys).
SEQUENCES = [(5, 9), (12, 12), (1, 30)]

#: Two query heads share a key head.
HEADS = 4
KV_HEADS = 2

HEAD_DIM = 8
BLOCK_SIZE = 4


@pytest.fixture(autouse=True)
def _choose_anew() -> Iterator[None]:
    """The choice of a kernel is kept for the process: here each test makes its own."""
    prefill.choose_kernel.cache_clear()
    yield
    prefill.choose_kernel.cache_clear()


def attend_densely(
    q: Tensor, k: Tensor, v: Tensor, cu_q: Tensor, cu_k: Tensor, max_q: int, max_k: int, scale: float, left: int
) -> Tensor:
    """Causal attention of packed sequences; a row sees ``left`` keys before its own, all where that is below 0."""
    assert max_q == int(cu_q.diff().max())
    assert max_k == int(cu_k.diff().max())
    parts = []
    for number in range(len(cu_q) - 1):
        queries = q[cu_q[number] : cu_q[number + 1]]
        keys, values = (x[cu_k[number] : cu_k[number + 1]].repeat_interleave(HEADS // KV_HEADS, 1) for x in (k, v))
        scores = torch.einsum("qhd,khd->hqk", queries, keys) * scale
        place = torch.arange(len(keys) - len(queries), len(keys))[:, None]
        key = torch.arange(len(keys))
        hidden = key > place
        if left >= 0:
            hidden = hidden | (key < place - left)
        weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
        parts.append(torch.einsum("hqk,khd->qhd", weights, values))
    return torch.cat(parts)


def install(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let these modules be found, and no others of the two."""
    monkeypatch.setattr(prefill, "find_spec", lambda name: SimpleNamespace() if name in names else None)


def make_step() -> tuple[dict[str, Any], dict[str, Any], Tensor]:
    """What ``attend`` is given, what the reference is given, and the queries."""
    generator = torch.Generator().manual_seed(5)
    counts = [-(-keys // BLOCK_SIZE) for _, keys in SEQUENCES]
    order = torch.randperm(sum(counts), generator=generator).tolist()
    caches = {name: torch.randn(sum(counts) * BLOCK_SIZE, KV_HEADS, HEAD_DIM, generator=generator) for name in "kv"}
    tables = torch.zeros(len(SEQUENCES), max(counts), dtype=torch.int32)
    slots: list[int] = []
    for number, (count, (_, keys)) in enumerate(zip(counts, SEQUENCES, strict=True)):
        blocks = [order.pop() for _ in range(count)]
        tables[number, :count] = torch.tensor(blocks)
        slots += [blocks[key // BLOCK_SIZE] * BLOCK_SIZE + key % BLOCK_SIZE for key in range(keys)]
    rows, lengths = zip(*SEQUENCES, strict=True)
    cu_q, cu_k = (torch.tensor([0, *numbers]).cumsum(0).int() for numbers in (rows, lengths))
    q = torch.randn(sum(rows), HEADS, HEAD_DIM, generator=generator)
    cached = {"k_cache": caches["k"], "v_cache": caches["v"], "cu_seqlens_q": cu_q}
    ours = cached | {"slots": torch.tensor(slots, dtype=torch.int32), "cu_seqlens_k": cu_k}
    theirs = cached | {"block_tables": tables, "seqlens_k": cu_k.diff(), "block_size": BLOCK_SIZE}
    return ours | {"max_q": max(rows), "max_k": max(lengths)}, theirs, q


@pytest.mark.parametrize("window", [0, 1, 6])
@pytest.mark.parametrize("library", ["flash_attn", "torch"])
def test_the_chosen_kernel_gives_what_the_reference_does(
    library: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both libraries count a window in keys beside a row's own, and each has its own words for it."""
    seen: list[str] = []

    def flash_attn_varlen_func(
        q: Tensor, k: Tensor, v: Tensor, cu_q: Tensor, cu_k: Tensor, max_q: int, max_k: int, *,
        softmax_scale: float, causal: bool, window_size: tuple[int, int],
    ) -> Tensor:  # fmt: skip
        seen.append("flash_attn")
        assert causal
        assert window_size[1] == (0 if window else -1)
        return attend_densely(q, k, v, cu_q, cu_k, max_q, max_k, softmax_scale, window_size[0])

    def varlen_attn(
        q: Tensor, k: Tensor, v: Tensor, cu_q: Tensor, cu_k: Tensor, max_q: int, max_k: int, *,
        scale: float, window_size: tuple[int, int], enable_gqa: bool,
    ) -> Tensor:  # fmt: skip
        seen.append("torch")
        assert enable_gqa is (KV_HEADS != HEADS)
        assert window_size[1] == 0  # causal
        return attend_densely(q, k, v, cu_q, cu_k, max_q, max_k, scale, window_size[0])

    for name, function in (("flash_attn", flash_attn_varlen_func), ("torch.nn.attention.varlen", varlen_attn)):
        module = ModuleType(name)
        setattr(module, function.__name__, function)
        monkeypatch.setitem(sys.modules, name, module)
    install(monkeypatch, library if library == "flash_attn" else "torch.nn.attention.varlen")
    ours, theirs, q = make_step()
    found = prefill.attend(q, **ours, scale=0.4, window=window)
    wanted, _ = reference.paged_attention(q, **theirs, scale=0.4, window=window)
    torch.testing.assert_close(found, wanted, atol=2e-6, rtol=2e-6)
    assert seen == [library]


def test_flash_attn_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "flash_attn", "torch.nn.attention.varlen")
    first = prefill.choose_kernel()
    prefill.choose_kernel.cache_clear()
    install(monkeypatch, "torch.nn.attention.varlen")
    assert prefill.choose_kernel() is not first


def test_without_a_kernel_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(EngineError, match="no varlen attention") as caught:
        prefill.choose_kernel()
    assert "flash-attn" in caught.value.hint
