"""Picks the ops of a device: Triton kernels on a GPU, plain torch on a CPU. The only module that knows both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from midb.kernels import reference
from midb.kernels.errors import EngineError


@dataclass(frozen=True, slots=True)
class Ops:
    """One implementation of each op; signatures as in ``kernels.reference``."""

    add_rms_norm: Callable[..., tuple[Tensor, Tensor]]
    rotary_kv_write: Callable[..., Tensor]
    paged_attention: Callable[..., tuple[Tensor, Tensor]]
    merge_states: Callable[..., tuple[Tensor, Tensor]]
    gated_activation: Callable[..., Tensor]
    sample_chunk: Callable[..., None]


def choose_ops(device: torch.device) -> Ops:
    """Choose the ops of a device; raises EngineError where its kernels cannot be loaded."""
    if device.type == "cpu":
        from midb.kernels.ops import cpu

        return Ops(
            cpu.add_rms_norm,
            cpu.rotary_kv_write,
            cpu.PagedAttention(),
            reference.merge_states,
            cpu.gated_activation,
            reference.sample_chunk,
        )
    try:
        from midb.kernels.ops.gated_activation import gated_activation
        from midb.kernels.ops.paged_attention import merge_states, paged_attention
        from midb.kernels.ops.rms_norm import add_rms_norm
        from midb.kernels.ops.rotary_kv import rotary_kv_write
        from midb.kernels.ops.sample import sample_chunk
    except ImportError as error:
        raise EngineError(
            f"The GPU kernels need Triton: {error}.",
            hint="pip install '.[engine]' in the folder of midb-agent's source.",
        ) from error
    return Ops(add_rms_norm, rotary_kv_write, paged_attention, merge_states, gated_activation, sample_chunk)
