"""Attention of long runs of rows, which is bound by arithmetic: flash-attn if it is installed, else torch's own varlen
kernel.

Both want the keys of a sequence behind one another, so they are gathered from their pages first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import Tensor

from midb.kernels.errors import EngineError

#: Rows of one sequence from which it is worth gathering its keys; below, it is a verify window for the paged kernel.
LONG = 64

#: ``(q, k, v, cu_seqlens_q, cu_seqlens_k, max_q, max_k, scale, window) -> out``, shapes as in :func:`attend`.
Varlen = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, int, int, float, int], Tensor]


@functools.cache
def varlen() -> Varlen:
    """The kernel at hand; raises EngineError where there is none."""
    if find_spec("flash_attn") is not None:
        return _flash_attn
    if find_spec("torch.nn.attention.varlen") is not None:
        return _torch_varlen
    raise EngineError(f"torch {torch.__version__} has no varlen attention.", hint="Install torch>=2.10 or flash-attn.")


def attend(
    q: Tensor,
    k_cache: Tensor,
    v_cache: Tensor,
    slots: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    *,
    max_q: int,
    max_k: int,
    scale: float,
    window: int = 0,
    kernel: Varlen | None = None,
) -> Tensor:
    """Causal attention; the last row of a sequence stands at its last key, as in ``reference.paged_attention``.

    :param q: ``[rows, heads, head_dim]`` of the long sequences alone.
    :param slots: ``[keys]`` int32, places of all their keys in the cache, in order.
    :param cu_seqlens_q: ``[sequences + 1]`` int32; ``cu_seqlens_k`` likewise.
    :param window: keys that a row sees, its own included; 0 is all.
    :param kernel: another one than is at hand, for tests.
    :return: ``[rows, heads, head_dim]``.
    """
    k, v = k_cache.index_select(0, slots), v_cache.index_select(0, slots)
    return (kernel or varlen())(q, k, v, cu_seqlens_q, cu_seqlens_k, max_q, max_k, scale, window)


def _flash_attn(
    q: Tensor, k: Tensor, v: Tensor, cu_q: Tensor, cu_k: Tensor, max_q: int, max_k: int, scale: float, window: int
) -> Tensor:
    from flash_attn import flash_attn_varlen_func

    left = window - 1 if window else -1
    out: Tensor = flash_attn_varlen_func(
        q, k, v, cu_q, cu_k, max_q, max_k, softmax_scale=scale, causal=True, window_size=(left, 0 if window else -1)
    )
    return out


def _torch_varlen(
    q: Tensor, k: Tensor, v: Tensor, cu_q: Tensor, cu_k: Tensor, max_q: int, max_k: int, scale: float, window: int
) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    left = window - 1 if window else -1  # keys before its own
    out = varlen_attn(
        q, k, v, cu_q, cu_k, max_q, max_k, scale=scale, window_size=(left, 0), enable_gqa=q.shape[1] != k.shape[1]
    )
    assert isinstance(out, Tensor)
    return out
