"""A linear layer with a fused weight, and the low-rank updates that adapters add to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from midb.kernels.models.fp8 import can_multiply, multiply_fp8, quantize_rows

#: Rows that a packed CPU weight is laid out for. On an AMD EPYC a step of one row took 22.7 ms with 8 and 37.1 with 64,
#: and steps of 8 and 32 rows the same. On an Intel Xeon 8 took 0.85 to 1.08 times what 64 did (the median: 1.00), for
#: weights from 576 x 960 to 4096 x 6144, 1 to 64 rows, fp32 and bf16.
_PACKED_FOR = 8


@dataclass(frozen=True, slots=True)
class LowRank:
    """One LoRA update (Hu et al., 2021) of a part of a fused weight: ``y[:, start:end] += x A^T B^T``.

    :param down: ``A``, ``[rank, in]``.
    :param up: ``B`` with the scale ``alpha / rank`` in it, ``[end - start, rank]``.
    """

    down: Tensor
    up: Tensor
    start: int
    end: int


#: Rows ``start:end`` of a step that one adapter serves.
AdapterRows = Sequence[tuple[str, int, int]]


@dataclass(slots=True)
class Linear:
    """``y = x W^T + b``.

    On a CPU the weight is kept in the layout of oneDNN, which is 1.5 to 4 times faster there for few rows.

    :param weight: ``[out, in]``; once packed, oneDNN's own layout of it.
    :param updates: of each adapter.
    :param scale: ``[out, 1]``, of the rows of a weight in fp8.
    """

    weight: Tensor
    bias: Tensor | None = None
    updates: dict[str, list[LowRank]] = field(default_factory=dict)
    packed: bool = False
    scale: Tensor | None = None

    def pack(self) -> Linear:
        """Bring the weight into the layout of this CPU, if that is possible; the plain weight is freed."""
        if self.weight.device.type == "cpu" and _can_pack(self.weight.dtype):
            self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight.contiguous(), _PACKED_FOR)
            self.packed = True
        return self

    def quantize(self) -> Linear:
        """Round the weight to fp8, if its dimensions allow that; the plain weight is freed. Else it is packed."""
        if not can_multiply(self.weight):
            return self.pack()
        self.weight, self.scale = quantize_rows(self.weight)
        return self

    def __call__(self, x: Tensor, adapters: AdapterRows = ()) -> Tensor:
        """``[rows, in] -> [rows, out]``."""
        y: Tensor
        if self.scale is not None:
            y = multiply_fp8(x, self.weight, self.scale)
            if self.bias is not None:
                y += self.bias
        elif self.packed:
            y = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        else:
            y = torch.nn.functional.linear(x, self.weight, self.bias)
        for name, start, end in adapters:
            for update in self.updates.get(name, ()):
                low = torch.nn.functional.linear(x[start:end], update.down)
                y[start:end, update.start : update.end] += torch.nn.functional.linear(low, update.up)
        return y


def _can_pack(dtype: torch.dtype) -> bool:
    # Both ops are torch's own: its compiler uses them, but no document does. Where they are missing, layers stay plain.
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
