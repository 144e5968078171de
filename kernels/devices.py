"""Which GPUs are here, and what the engine would do on each; for ``midb-agent doctor``."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from midb.kernels.ops import prefill

#: The attention of a common model, with which the kernel for long prompts is tried.
_USUAL = prefill.AttentionShape(heads=32, kv_heads=8, head_dim=128)


def describe_gpus() -> Iterator[tuple[str, str]]:
    """Name each GPU as ``device`` takes it, and say what it is and which kernel takes long prompts there, and why."""
    if not torch.cuda.is_available():
        yield "GPU", f"none that torch {torch.__version__} finds: a model would run on the CPU"
        return
    for number in range(torch.cuda.device_count()):
        device = torch.device("cuda", number)
        properties = torch.cuda.get_device_properties(device)
        with torch.cuda.device(device), torch.inference_mode():
            chosen = prefill.choose_kernel(_USUAL, device, torch.bfloat16)
        said = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB; long prompts: {chosen.name}"
        if chosen.refused:
            said += f" (not {'; not '.join(f'{name}: {why}' for name, why in chosen.refused)})"
        yield f"cuda:{number}", said
