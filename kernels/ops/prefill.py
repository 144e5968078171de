"""Attention of long runs of rows, which is bound by arithmetic, by a kernel of another library.

Which library is there, what it is called, how its function takes its arguments, and whether it was built for this GPU
and this torch cannot be known from its name: each candidate is tried on a small problem and compared with the reference
before it is trusted. If none is right, the paged kernel takes long runs of rows too.

These kernels want the keys of a sequence in one piece, so they are gathered from their blocks first.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from midb.kernels import reference

#: Fewest rows of one sequence for which these kernels are worth it. On an H200 torch's own took 118 us a call or more,
#: the gathered keys not counted, and the paged kernel less than it up to 1,024 rows and as much at 2,048
#: (``bench/results/gpu-prefill.jsonl``).
LEAST_ROWS = 2048

#: ``(q, k, v, cu_seqlens_q, cu_seqlens_k, max_q, max_k, scale, window, softcap) -> out``, shapes as in :func:`attend`.
VarlenKernel = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, int, int, float, int, float], Tensor]

#: The problem that a candidate is tried on: rows and keys of each sequence, multiples of a block of the reference.
_TRIED = ((64, 64), (80, 160))
_TRIED_BLOCK = 16

#: A window that hides keys in that problem.
_TRIED_WINDOW = 9

#: Largest error that counts as right: values are normal, and bf16 keeps 8 bits. A wrong mask or scale is off by more.
_TOLERANCE = 0.06


@dataclass(frozen=True, slots=True)
class AttentionShape:
    """What a model's attention asks of a kernel.

    :param window: some layers see only a window.
    :param softcap: scores are capped to this; 0: they are not.
    """

    heads: int
    kv_heads: int
    head_dim: int
    window: bool = False
    softcap: float = 0.0


@dataclass(frozen=True, slots=True)
class ChosenKernel:
    """What takes long runs of rows.

    :param name: of the library.
    :param kernel: None: the paged kernel takes them.
    :param refused: the candidates before it, each with the reason.
    """

    name: str
    kernel: VarlenKernel | None
    refused: tuple[tuple[str, str], ...]


@cache
def choose_kernel(shape: AttentionShape, device: torch.device, dtype: torch.dtype) -> ChosenKernel:
    """Choose the first candidate that gives what the reference does, on this device."""
    refused = []
    for name, load in CANDIDATES.items():
        try:
            kernel = load()
            _try(kernel, shape, device, dtype)
        except Exception as error:  # libraries fail in their own ways, and any of them means: not this one
            lines = str(error).strip().splitlines()
            refused.append((name, f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__))
        else:
            return ChosenKernel(name, kernel, tuple(refused))
    return ChosenKernel("paged kernel", None, tuple(refused))


def _try(kernel: VarlenKernel, shape: AttentionShape, device: torch.device, dtype: torch.dtype) -> None:
    """Compare a kernel with the reference on a small problem; raises whatever is wrong."""
    generator = torch.Generator().manual_seed(0)

    def make_normal(count: int, heads: int) -> Tensor:
        return torch.randn(count, heads, shape.head_dim, generator=generator).to(device, dtype)

    rows, keys = (sum(numbers) for numbers in zip(*_TRIED, strict=True))
    q, k, v = make_normal(rows, shape.heads), make_normal(keys, shape.kv_heads), make_normal(keys, shape.kv_heads)
    cu_q, cu_k = (
        torch.tensor([0, *numbers]).cumsum(0).to(device, torch.int32) for numbers in zip(*_TRIED, strict=True)
    )
    lengths = cu_k.diff()
    blocks = torch.arange(int(lengths.max()) // _TRIED_BLOCK, device=device, dtype=torch.int32)
    tables = cu_k[:-1, None] // _TRIED_BLOCK + blocks  # what lies behind a sequence's end is not read
    scale = shape.head_dim**-0.5
    for window in (0, _TRIED_WINDOW) if shape.window else (0,):
        most = int(cu_q.diff().max()), int(lengths.max())
        found = kernel(q, k, v, cu_q, cu_k, *most, scale, window, shape.softcap)
        wanted, _ = reference.paged_attention(
            q, k, v, tables, cu_q, lengths, block_size=_TRIED_BLOCK, scale=scale, window=window, softcap=shape.softcap
        )
        if found.shape != wanted.shape or found.dtype != dtype:
            raise ValueError(f"gives {tuple(found.shape)} in {found.dtype}, not {tuple(wanted.shape)} in {dtype}")
        error = float((found.float() - wanted.float()).abs().nan_to_num(nan=torch.inf).max())
        if error > _TOLERANCE:
            raise ValueError(f"is off by {error:.2g} with a window of {window} and a soft cap of {shape.softcap:g}")


def attend(
    q: Tensor,
    k_cache: Tensor,
    v_cache: Tensor,
    slots: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    *,
    kernel: VarlenKernel,
    max_q: int,
    max_k: int,
    scale: float,
    window: int = 0,
    softcap: float = 0.0,
) -> Tensor:
    """Causal attention. The last row of a sequence stands at its last key, as in ``reference.paged_attention``.

    :param q: ``[rows, heads, head_dim]`` of the long sequences alone.
    :param slots: ``[keys]`` int32, places of all their keys in the cache, in order.
    :param cu_seqlens_q: ``[sequences + 1]`` int32; ``cu_seqlens_k`` likewise.
    :param window: keys that a row sees, its own included; 0 means all.
    :return: ``[rows, heads, head_dim]``.
    """
    k, v = k_cache.index_select(0, slots), v_cache.index_select(0, slots)
    return kernel(q, k, v, cu_seqlens_q, cu_seqlens_k, max_q, max_k, scale, window, softcap)


def _wrap_flash_attn(function: Callable[..., Any]) -> VarlenKernel:
    """Call a varlen function of flash-attn by those of its parameters that it has: each of its generations has others.

    Generation 2 returns the output, 3 and 4 a tuple that begins with it in some releases.
    """
    known = inspect.signature(function).parameters

    def kernel(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        cu_q: Tensor,
        cu_k: Tensor,
        max_q: int,
        max_k: int,
        scale: float,
        window: int,
        softcap: float,
    ) -> Tensor:
        wanted: dict[str, Any] = {"cu_seqlens_q": cu_q, "cu_seqlens_k": cu_k, "softmax_scale": scale, "causal": True}
        if window:
            wanted["window_size"] = (window - 1, 0)  # keys before and after its own
        if softcap:
            wanted["softcap"] = softcap
        if missing := wanted.keys() - known.keys():
            raise TypeError(f"does not know {', '.join(sorted(missing))}")
        for name, value in (("max_seqlen_q", max_q), ("max_seqlen_k", max_k)):
            if name in known:
                wanted[name] = value
        out = function(q, k, v, **wanted)
        first: Tensor = out[0] if isinstance(out, tuple) else out
        return first

    return kernel


def _load_flash_attn_3() -> VarlenKernel:
    from flash_attn_interface import flash_attn_varlen_func

    return _wrap_flash_attn(flash_attn_varlen_func)


def _load_flash_attn_2() -> VarlenKernel:
    from flash_attn import flash_attn_varlen_func

    return _wrap_flash_attn(flash_attn_varlen_func)


def _load_flash_attn_4() -> VarlenKernel:
    from flash_attn.cute import flash_attn_varlen_func

    return _wrap_flash_attn(flash_attn_varlen_func)


def _load_torch() -> VarlenKernel:
    """Load torch's own; fewer key heads than query heads are stated where its function can be told."""
    from torch.nn.attention.varlen import varlen_attn

    told = "enable_gqa" in inspect.signature(varlen_attn).parameters  # from torch 2.12 on

    def kernel(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        cu_q: Tensor,
        cu_k: Tensor,
        max_q: int,
        max_k: int,
        scale: float,
        window: int,
        softcap: float,
    ) -> Tensor:
        if softcap:
            raise TypeError("knows no soft cap")
        options: dict[str, Any] = {"enable_gqa": q.shape[1] != k.shape[1]} if told else {}
        left = window - 1 if window else -1  # keys before its own
        out = varlen_attn(q, k, v, cu_q, cu_k, max_q, max_k, scale=scale, window_size=(left, 0), **options)
        assert isinstance(out, Tensor)
        return out

    return kernel


def _load_torch_repeated() -> VarlenKernel:
    """Load torch's own, and give it each key head as often as there are query heads for it."""
    kernel = _load_torch()

    def attend_repeated(q: Tensor, k: Tensor, v: Tensor, *rest: Any) -> Tensor:
        group = q.shape[1] // k.shape[1]
        return kernel(q, k.repeat_interleave(group, 1), v.repeat_interleave(group, 1), *rest)

    return attend_repeated


#: The candidates by name, the best first. Each loads its kernel, or fails to.
CANDIDATES: dict[str, Callable[[], VarlenKernel]] = {
    "flash-attn 3": _load_flash_attn_3,
    "flash-attn 2": _load_flash_attn_2,
    "flash-attn 4": _load_flash_attn_4,
    "torch": _load_torch,
    "torch, key heads repeated": _load_torch_repeated,
}
