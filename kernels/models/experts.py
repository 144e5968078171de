"""A feed-forward that chooses some of many experts for each row (Shazeer et al., 2017), as Qwen3-MoE has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from midb.kernels.models.linear import Linear


@dataclass(slots=True)
class Experts:
    """The experts of one layer.

    A row is computed by those experts alone that it chose, expert after expert. How many rows each has is read back to
    the host, so that a step of such a model is not replayed as a CUDA graph.

    :param router: ``[experts, hidden]``.
    :param experts: of each expert the fused ``gate_up`` and ``down``.
    :param per_token: how many experts compute a row.
    :param normalised: the weights of the chosen ones sum up to 1.
    :param activate: ``gated_activation`` of the device, with the model's kind.
    """

    router: Tensor
    experts: list[tuple[Linear, Linear]]
    per_token: int
    normalised: bool
    activate: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        """``[rows, hidden] -> [rows, hidden]``."""
        chances = torch.nn.functional.linear(x, self.router).float().softmax(-1)
        weights, chosen = chances.topk(self.per_token)  # both [rows, per_token]
        if self.normalised:
            weights = weights / weights.sum(-1, keepdim=True)
        flat = weights.to(x.dtype).flatten()
        choices = chosen.flatten().argsort(stable=True)  # all choices, sorted by expert
        counts = chosen.flatten().bincount(minlength=len(self.experts)).tolist()
        out = torch.zeros_like(x)
        for (gate_up, down), mine in zip(self.experts, choices.split(counts), strict=True):
            if len(mine):
                rows = mine // self.per_token
                y = down(self.activate(gate_up(x[rows])))
                out.index_add_(0, rows, y * flat[mine, None])
        return out
