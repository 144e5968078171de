"""Which devices are here, and what the engine would do on each."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch

from midb.kernels.errors import EngineError
from midb.kernels.ops import prefill

#: The attention of a common model, with which the kernel for long prompts is tried.
_USUAL = prefill.AttentionShape(heads=32, kv_heads=8, head_dim=128)


def list_devices(asked: str) -> tuple[str, ...]:
    """The devices that share the work, as ``device`` takes them.

    >>> list_devices("0, cuda:2"), list_devices("cpu,cpu")
    (('cuda:0', 'cuda:2'), ('cpu', 'cpu'))

    :param asked: "all" GPUs that torch finds; or names with commas between them, a number being a GPU's.
    :raises EngineError: if that is not to be had.
    """
    if asked.strip() == "all":
        if not torch.cuda.is_available():
            raise EngineError("torch finds no GPU here.", hint='Name devices instead, such as "cpu".')
        return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    names = [f"cuda:{name}" if name.isdecimal() else name for part in asked.split(",") if (name := part.strip())]
    unknown = [name for name in names if re.fullmatch(r"cpu|cuda:\d+", name) is None]
    if unknown or not names:
        said = f'"{unknown[0]}" is no device.' if unknown else "No device is named."
        raise EngineError(said, hint="Name GPUs by their numbers, such as 0,1, or say all.")
    twice = next((name for name in names if name != "cpu" and names.count(name) > 1), None)
    if twice:
        raise EngineError(f"{twice} is named twice.", hint="One engine uses a whole GPU.")
    if len({name.partition(":")[0] for name in names}) > 1:
        raise EngineError("A CPU and a GPU do not compute alike.", hint="Name devices of one kind.")
    return tuple(names)


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
