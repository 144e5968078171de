"""A step from works to tensors, as the engine makes it. Needs torch; a conftest skips its folder without it."""

from __future__ import annotations

import torch

from midb.kernels.engine.scheduler import Work
from midb.kernels.engine.step_batch import LEAST_CASCADE, Staging, StepBatch
from midb.kernels.engine.step_plan import NEVER_SHARED, plan_step


def prepare(
    works: list[Work], block_size: int, device: torch.device, *, cascade: bool = True, prefill_rows: int = 0
) -> StepBatch:
    """Plan a step and copy it to a device."""
    shared = LEAST_CASCADE[device.type] if cascade else NEVER_SHARED
    return Staging(device).send(plan_step(works, block_size, shared=shared, prefill_rows=prefill_rows))
