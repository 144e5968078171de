"""Attention of long runs of rows, which is bound by arithmetic: flash-attn if it is installed, else torch's own kernel.

Both kernels want the keys of a sequence in one piece, so they are gathered from their blocks first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import Tensor

from midb.kernels.errors import EngineError

#: Fewest rows of one sequence for which it is worth gathering its keys. Fewer are a draft that is verified, or the end
#: of a prompt, and the paged kernel takes them.
LEAST_ROWS = 64

#: ``(q, k, v, cu_seqlens_q, cu_seqlens_k, max_q, max_k, scale, window) -> out``, shapes as in :func:`attend`.
VarlenKernel = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, int, int, float, int], Tensor]


@functools.cache
def choose_kernel() -> VarlenKernel:
    """Choose the kernel among those that are installed; raises EngineError where none is."""
    if find_spec("flash_attn") is not None:
        return _attend_by_flash_attn
    if find_spec("torch.nn.attention.varlen") is not None:
        return _attend_by_torch
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
    kernel: VarlenKernel | None = None,
) -> Tensor:
    """Causal attention. The last row of a sequence stands at its last key, as in ``reference.paged_attention``.

    :param q: ``[rows, heads, head_dim]`` of the long sequences alone.
    :param slots: ``[keys]`` int32, places of all their keys in the cache, in order.
    :param cu_seqlens_q: ``[sequences + 1]`` int32; ``cu_seqlens_k`` likewise.
    :param window: keys that a row sees, its own included; 0 means all.
    :param kernel: the kernel to use, for tests; None chooses it.
    :return: ``[rows, heads, head_dim]``.
    """
    k, v = k_cache.index_select(0, slots), v_cache.index_select(0, slots)
    return (kernel or choose_kernel())(q, k, v, cu_seqlens_q, cu_seqlens_k, max_q, max_k, scale, window)


def _attend_by_flash_attn(
    q: Tensor, k: Tensor, v: Tensor, cu_q: Tensor, cu_k: Tensor, max_q: int, max_k: int, scale: float, window: int
) -> Tensor:
    from flash_attn import flash_attn_varlen_func

    left = window - 1 if window else -1
    out: Tensor = flash_attn_varlen_func(
        q, k, v, cu_q, cu_k, max_q, max_k, softmax_scale=scale, causal=True, window_size=(left, 0 if window else -1)
    )
    return out


def _attend_by_torch(
    q: Tensor, k: Tensor, v: Tensor, cu_q: Tensor, cu_k: Tensor, max_q: int, max_k: int, scale: float, window: int
) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    left = window - 1 if window else -1  # keys before its own
    out = varlen_attn(
        q, k, v, cu_q, cu_k, max_q, max_k, scale=scale, window_size=(left, 0), enable_gqa=q.shape[1] != k.shape[1]
    )
    assert isinstance(out, Tensor)
    return out
