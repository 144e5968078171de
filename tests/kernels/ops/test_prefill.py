"""Prompts by a kernel of their own: which is chosen, what it is given, and that it gives what the reference does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from midb.kernels import reference
from midb.kernels.ops import prefill

#: Sequences as (query rows, keys).
SEQUENCES = [(5, 9), (12, 12), (1, 30)]

#: Two query heads share a key head.
HEADS = 4
KV_HEADS = 2

HEAD_DIM = 8
BLOCK_SIZE = 4


CPU = torch.device("cpu")

SHAPE = prefill.AttentionShape(heads=HEADS, kv_heads=KV_HEADS, head_dim=HEAD_DIM, window=True)


@pytest.fixture(autouse=True)
def _choose_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The choice of a kernel is kept for the process: here each test makes its own, and installs what there is."""
    prefill.choose_kernel.cache_clear()
    for name in ("flash_attn", "flash_attn_interface", "torch.nn.attention.varlen"):
        monkeypatch.setitem(sys.modules, name, None)
    yield
    prefill.choose_kernel.cache_clear()


def attend_densely(
    q: Tensor, k: Tensor, v: Tensor, cu_q: Tensor, cu_k: Tensor, *, scale: float, left: int, softcap: float = 0.0
) -> Tensor:
    """Causal attention of packed sequences; a row sees ``left`` keys before its own, all where that is below 0."""
    parts = []
    for number in range(len(cu_q) - 1):
        queries = q[cu_q[number] : cu_q[number + 1]]
        keys, values = (
            x[cu_k[number] : cu_k[number + 1]].repeat_interleave(q.shape[1] // x.shape[1], 1) for x in (k, v)
        )
        scores = torch.einsum("qhd,khd->hqk", queries, keys) * scale
        if softcap:
            scores = softcap * torch.tanh(scores / softcap)
        place = torch.arange(len(keys) - len(queries), len(keys))[:, None]
        key = torch.arange(len(keys))
        hidden = key > place
        if left >= 0:
            hidden = hidden | (key < place - left)
        weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
        parts.append(torch.einsum("hqk,khd->qhd", weights, values))
    return torch.cat(parts)


def install(monkeypatch: pytest.MonkeyPatch, name: str, function: Callable[..., Any]) -> None:
    """Let a module be found that has this function."""
    module = ModuleType(name)
    setattr(module, function.__name__, function)
    monkeypatch.setitem(sys.modules, name, module)
    if "." in name and name.startswith("flash_attn"):  # a package without anything in it, as that of generation 4 is
        monkeypatch.setitem(sys.modules, name.partition(".")[0], ModuleType(name.partition(".")[0]))


def make_flash_attn_2(seen: list[str]) -> Callable[..., Any]:
    def flash_attn_varlen_func(
        q: Tensor, k: Tensor, v: Tensor, cu_seqlens_q: Tensor, cu_seqlens_k: Tensor, max_seqlen_q: int,
        max_seqlen_k: int, dropout_p: float = 0.0, softmax_scale: float = 1.0, causal: bool = False,
        window_size: tuple[int, int] = (-1, -1), softcap: float = 0.0, alibi_slopes: object = None,
    ) -> Tensor:  # fmt: skip
        seen.append("2")
        assert causal
        assert dropout_p == 0
        assert (max_seqlen_q, max_seqlen_k) == (int(cu_seqlens_q.diff().max()), int(cu_seqlens_k.diff().max()))
        assert window_size in ((-1, -1), (window_size[0], 0))
        return attend_densely(
            q, k, v, cu_seqlens_q, cu_seqlens_k, scale=softmax_scale, left=window_size[0], softcap=softcap
        )

    return flash_attn_varlen_func


def make_flash_attn_3(seen: list[str]) -> Callable[..., Any]:
    def flash_attn_varlen_func(
        q: Tensor, k: Tensor, v: Tensor, cu_seqlens_q: Tensor, cu_seqlens_k: Tensor, max_seqlen_q: int,
        max_seqlen_k: int, seqused_q: object = None, seqused_k: object = None, softmax_scale: float | None = None,
        causal: bool = False, qv: object = None, window_size: tuple[int, int] = (-1, -1), attention_chunk: int = 0,
        softcap: float = 0.0,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        seen.append("3")
        assert causal
        assert softmax_scale is not None
        assert seqused_q is None
        out = attend_densely(
            q, k, v, cu_seqlens_q, cu_seqlens_k, scale=softmax_scale, left=window_size[0], softcap=softcap
        )
        return out, torch.zeros(())

    return flash_attn_varlen_func


def make_flash_attn_4(seen: list[str]) -> Callable[..., Any]:
    def flash_attn_varlen_func(
        q: Tensor, k: Tensor, v: Tensor, cu_seqlens_q: Tensor | None = None, cu_seqlens_k: Tensor | None = None,
        seqused_q: object = None, seqused_k: object = None, page_table: object = None,
        softmax_scale: float | None = None, causal: bool = False,
        window_size: tuple[int | None, int | None] = (None, None), softcap: float = 0.0,
    ) -> tuple[Tensor, None]:  # fmt: skip
        seen.append("4")
        assert causal
        assert cu_seqlens_q is not None
        assert cu_seqlens_k is not None
        assert softmax_scale is not None
        left = -1 if window_size[0] is None else window_size[0]
        return attend_densely(
            q, k, v, cu_seqlens_q, cu_seqlens_k, scale=softmax_scale, left=left, softcap=softcap
        ), None

    return flash_attn_varlen_func


def make_torch(seen: list[str], *, told: bool, grouped: bool = True) -> Callable[..., Any]:
    """torch's varlen attention: ``told`` as from torch 2.12 on; ``grouped``: fewer key heads are fine."""

    def attend(q: Tensor, k: Tensor, v: Tensor, cu_q: Tensor, cu_k: Tensor, scale: float, left: int) -> Tensor:
        seen.append("torch")
        if not grouped and q.shape[1] != k.shape[1]:
            raise RuntimeError("Number of heads must match\nand more lines")
        return attend_densely(q, k, v, cu_q, cu_k, scale=scale, left=left)

    if told:

        def varlen_attn(
            query: Tensor, key: Tensor, value: Tensor, cu_seq_q: Tensor, cu_seq_k: Tensor, max_q: int, max_k: int, *,
            scale: float, window_size: tuple[int, int], enable_gqa: bool = False, block_table: object = None,
        ) -> Tensor:  # fmt: skip
            assert enable_gqa is (query.shape[1] != key.shape[1])
            assert window_size[1] == 0  # causal
            return attend(query, key, value, cu_seq_q, cu_seq_k, scale, window_size[0])

        return varlen_attn

    def older_varlen_attn(
        query: Tensor, key: Tensor, value: Tensor, cu_seq_q: Tensor, cu_seq_k: Tensor, max_q: int, max_k: int, *,
        return_aux: object = None, scale: float, window_size: tuple[int, int],
    ) -> Tensor:  # fmt: skip
        assert window_size[1] == 0  # causal
        return attend(query, key, value, cu_seq_q, cu_seq_k, scale, window_size[0])

    older_varlen_attn.__name__ = "varlen_attn"
    return older_varlen_attn


#: Module and function of each layout, and the name that it is chosen by.
LAYOUTS: dict[str, tuple[str, Callable[[list[str]], Callable[..., Any]]]] = {
    "flash-attn 2": ("flash_attn", make_flash_attn_2),
    "flash-attn 3": ("flash_attn_interface", make_flash_attn_3),
    "flash-attn 4": ("flash_attn.cute", make_flash_attn_4),
    "torch": ("torch.nn.attention.varlen", lambda seen: make_torch(seen, told=True)),
    "torch, key heads repeated": (
        "torch.nn.attention.varlen",
        lambda seen: make_torch(seen, told=False, grouped=False),
    ),
}


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
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_chosen_kernel_gives_what_the_reference_does(
    layout: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each library counts a window in keys beside a row's own, and each has its own words for it."""
    seen: list[str] = []
    module, make = LAYOUTS[layout]
    install(monkeypatch, module, make(seen))
    chosen = prefill.choose_kernel(SHAPE, CPU, torch.float32)
    assert chosen.name == layout
    assert chosen.kernel is not None
    seen.clear()
    ours, theirs, q = make_step()
    found = prefill.attend(q, **ours, kernel=chosen.kernel, scale=0.4, window=window)
    wanted, _ = reference.paged_attention(q, **theirs, scale=0.4, window=window)
    torch.testing.assert_close(found, wanted, atol=2e-6, rtol=2e-6)
    assert len(seen) == 1


@pytest.mark.parametrize("layout", ["flash-attn 2", "flash-attn 3", "flash-attn 4"])
def test_flash_attn_caps_scores(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, make = LAYOUTS[layout]
    install(monkeypatch, module, make([]))
    chosen = prefill.choose_kernel(replace(SHAPE, softcap=3.0), CPU, torch.float32)
    assert chosen.name == layout
    assert chosen.kernel is not None
    ours, theirs, q = make_step()
    found = prefill.attend(q, **ours, kernel=chosen.kernel, scale=0.4, softcap=3.0)
    wanted, _ = reference.paged_attention(q, **theirs, scale=0.4, softcap=3.0)
    torch.testing.assert_close(found, wanted, atol=2e-6, rtol=2e-6)


def test_torch_knows_no_cap_and_is_not_chosen_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "torch.nn.attention.varlen", make_torch([], told=True))
    chosen = prefill.choose_kernel(replace(SHAPE, softcap=3.0), CPU, torch.float32)
    assert (chosen.name, chosen.kernel) == ("paged kernel", None)
    assert dict(chosen.refused)["torch"] == "TypeError: knows no soft cap"


def test_older_torch_is_asked_without_what_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before torch 2.12 its function has no parameter for fewer key heads, and takes them all the same."""
    seen: list[str] = []
    install(monkeypatch, "torch.nn.attention.varlen", make_torch(seen, told=False))
    assert prefill.choose_kernel(SHAPE, CPU, torch.float32).name == "torch"
    assert seen


def test_the_best_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for layout in ("torch", "flash-attn 2", "flash-attn 3"):
        module, make = LAYOUTS[layout]
        install(monkeypatch, module, make([]))
        prefill.choose_kernel.cache_clear()
        assert prefill.choose_kernel(SHAPE, CPU, torch.float32).name == layout


def break_import() -> Callable[..., Any]:
    raise ImportError("flash_attn_2_cuda.so: undefined symbol: _ZN3c105ErrorC2E\nmore")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lambda *tensors, **options: (_ for _ in ()).throw(RuntimeError("only supports Hopper GPUs")), "does not know"),
        (break_import, "undefined symbol: _ZN3c105ErrorC2E"),
    ],
)
def test_a_library_that_fails_is_passed_over_and_the_reason_kept(
    broken: Callable[..., Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel for another torch, for other GPUs, or of a layout that nobody has seen yet."""
    install(monkeypatch, "torch.nn.attention.varlen", make_torch([], told=True))
    if broken is break_import:
        monkeypatch.setitem(prefill.CANDIDATES, "flash-attn 2", break_import)
    else:
        broken.__name__ = "flash_attn_varlen_func"
        install(monkeypatch, "flash_attn", broken)
    chosen = prefill.choose_kernel(SHAPE, CPU, torch.float32)
    assert chosen.name == "torch"
    refused = dict(chosen.refused)
    assert reason in refused["flash-attn 2"]
    assert "more" not in refused["flash-attn 2"]
    assert "ImportError" in refused["flash-attn 3"] or "ModuleNotFoundError" in refused["flash-attn 3"]


@pytest.mark.parametrize("wrong", ["nan", "scale", "mask", "shape"])
def test_a_library_that_is_wrong_is_passed_over(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is compared with the reference before a text depends on it."""

    def flash_attn_varlen_func(
        q: Tensor, k: Tensor, v: Tensor, cu_seqlens_q: Tensor, cu_seqlens_k: Tensor, max_seqlen_q: int,
        max_seqlen_k: int, softmax_scale: float, causal: bool, window_size: tuple[int, int] = (-1, -1),
    ) -> Tensor:  # fmt: skip
        left = -1 if wrong == "mask" else window_size[0]
        scale = 2 * softmax_scale if wrong == "scale" else softmax_scale
        out = attend_densely(q, k, v, cu_seqlens_q, cu_seqlens_k, scale=scale, left=left)
        return {"nan": out * torch.nan, "shape": out[1:]}.get(wrong, out)

    install(monkeypatch, "flash_attn", flash_attn_varlen_func)
    chosen = prefill.choose_kernel(SHAPE, CPU, torch.float32)
    assert chosen.kernel is None
    assert dict(chosen.refused)["flash-attn 2"].startswith("ValueError: ")


def test_without_a_kernel_the_paged_one_takes_prompts() -> None:
    chosen = prefill.choose_kernel(SHAPE, CPU, torch.bfloat16)
    assert (chosen.name, chosen.kernel) == ("paged kernel", None)
    assert [name for name, _ in chosen.refused] == list(prefill.CANDIDATES)
