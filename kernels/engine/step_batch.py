"""A step on its device. All its numbers lie in one buffer, so that a GPU gets them in one copy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from midb.kernels.engine.scheduler import Work
from midb.kernels.engine.step_plan import SharedBounds, SpanPlan, StepPlan
from midb.kernels.models.linear import AdapterRows

#: Fewest sequences of a group for which attention to their common beginning is computed once for all, and fewest tokens
#: of that beginning. On a CPU it saves to gather that beginning for each. A GPU finds it in its L2 cache, and has a
#: second launch and a merge to pay for: on an H200, 8 billion parameters, 128 sequences that share 200 tokens were 4 %
#: slower with it than without; the bounds there are estimates from that.
LEAST_CASCADE = {"cpu": SharedBounds(2, 1), "cuda": SharedBounds(64, 512)}

#: Numbers that the first buffer on the host has room for; it grows.
_FIRST_ROOM = 1 << 16


@dataclass(frozen=True, slots=True)
class KeySpan:
    """As ``SpanPlan``, in tensors."""

    cu_seqlens_q: Tensor
    block_tables: Tensor
    seqlens_k: Tensor
    max_seqlen_q: int


@dataclass(frozen=True, slots=True)
class Prefill:
    """As ``PrefillPlan``, in tensors."""

    rows: Tensor
    slots: Tensor
    cu_seqlens_q: Tensor
    cu_seqlens_k: Tensor
    other_seqlens_k: Tensor
    max_q: int
    max_k: int
    other_max_seqlen_q: int


@dataclass(frozen=True, slots=True)
class StepBatch:
    """As ``StepPlan``, in tensors."""

    token_ids: Tensor
    positions: Tensor
    slots: Tensor
    sample_rows: Tensor
    noise_keys: Tensor
    temperatures: Tensor
    all_keys: KeySpan
    prefix_keys: KeySpan | None
    own_keys: KeySpan
    adapters: AdapterRows
    works: list[Work]
    prefill: Prefill | None = None


class Staging:
    """The numbers of a step on their way to a device, in memory that a GPU can read by itself.

    Two buffers take turns, so a step must have been computed before the second one after it is put here.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._buffers = [self._make_buffer(_FIRST_ROOM) for _ in range(2)]

    def _make_buffer(self, room: int) -> Tensor:
        return torch.empty(room, dtype=torch.int32, pin_memory=self.device.type == "cuda")

    def put(self, plan: StepPlan) -> Tensor:
        """Put the numbers of a step one after the other, ``[numbers]`` int32; the second step after overwrites it."""
        arrays = [array.ravel() for array in plan.arrays]
        count = sum(map(len, arrays))
        buffer = self._buffers.pop(0)
        if count > len(buffer):
            buffer = self._make_buffer(2 * count)
        self._buffers.append(buffer)
        np.concatenate(arrays, out=buffer.numpy()[:count])
        return buffer[:count]

    def send(self, plan: StepPlan) -> StepBatch:
        """Copy a step to the device."""
        numbers = self.put(plan)
        return view_batch(
            plan, numbers.clone() if self.device.type == "cpu" else numbers.to(self.device, non_blocking=True)
        )


class Readback:
    """Sampled tokens on their way back to the host: copied behind the step that samples them, and read once it is over.

    Two buffers take turns, as those of ``Staging`` do.
    """

    def __init__(self, device: torch.device, most: int) -> None:
        """:param most: samples of a step."""
        self._waits = device.type == "cuda"
        self._buffers = [torch.empty(most, dtype=torch.int32, pin_memory=True) for _ in range(2)] if self._waits else []

    def send(self, sampled: Tensor) -> Copied:
        """Begin to copy ``[samples]`` to the host."""
        if not self._waits:
            return Copied(sampled, None)
        buffer = self._buffers.pop(0)
        self._buffers.append(buffer)
        copy = buffer[: len(sampled)]
        copy.copy_(sampled, non_blocking=True)
        done = torch.cuda.Event()
        done.record()
        return Copied(copy, done)


@dataclass(frozen=True, slots=True)
class Copied:
    """Sampled tokens that come to the host.

    :param done: None where they are there already.
    """

    sampled: Tensor
    done: torch.cuda.Event | None

    def read(self) -> list[int]:
        """Wait for them; the host needs these few hundred numbers to decide what is accepted."""
        if self.done is not None:
            self.done.synchronize()
        ids: list[int] = self.sampled.tolist()
        return ids


def view_batch(plan: StepPlan, numbers: Tensor) -> StepBatch:
    """Make the tensors of a step from a buffer in which its numbers lie, or will lie, as ``Staging`` puts them."""
    shapes = [array.shape for array in plan.arrays]
    parts = numbers.split([prod(shape) for shape in shapes])
    views = iter([part.view(shape) for part, shape in zip(parts, shapes, strict=True)])
    token_ids, positions, slots, sample_rows, noise_keys, temperatures = (next(views) for _ in range(6))
    all_keys = _view_span(plan.all_keys, views)
    prefix_keys, own_keys = None, all_keys
    if plan.prefix_keys is not None:
        prefix_keys, own_keys = _view_span(plan.prefix_keys, views), _view_span(plan.own_keys, views)
    long = None
    if (planned := plan.prefill) is not None:
        rows, places, cu_q, cu_k, others = (next(views) for _ in range(5))
        long = Prefill(rows, places, cu_q, cu_k, others, planned.max_q, planned.max_k, planned.other_max_seqlen_q)
    return StepBatch(
        token_ids=token_ids,
        positions=positions,
        slots=slots,
        sample_rows=sample_rows,
        noise_keys=noise_keys,
        temperatures=temperatures.view(torch.float32),
        all_keys=all_keys,
        prefix_keys=prefix_keys,
        own_keys=own_keys,
        adapters=plan.adapters,
        works=plan.works,
        prefill=long,
    )


def _view_span(planned: SpanPlan, views: Iterator[Tensor]) -> KeySpan:
    cu_seqlens_q, block_tables, seqlens_k = (next(views) for _ in range(3))
    return KeySpan(cu_seqlens_q, block_tables, seqlens_k, planned.max_seqlen_q)
