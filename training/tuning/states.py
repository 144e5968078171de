"""What a training needs to go on where it stopped, as safetensors and JSON: nothing that is read can run anything.

A checkpoint is written beside its place and moved there when it is whole; it then holds ``complete.json``, with the
sizes of its files. One without it, or whose files have other sizes, is none.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from midb.domain.errors import MidbError
from midb.training.tuning.settings import CHECKPOINTS

#: Says that a checkpoint is whole.
COMPLETE = "complete.json"

#: How many of the latest are kept: the last one may be damaged by what stops a machine.
KEPT = 2

_PREFIX = "step-"


def save_checkpoint(folder: Path, step: int, write: Callable[[Path], None]) -> Path:
    """Write a checkpoint: ``write`` puts its files into a folder. Older ones than the last KEPT go.

    :raises MidbError: where it cannot be written; what was saved before stays.
    """
    place = folder / CHECKPOINTS / f"{_PREFIX}{step}"
    partial = place.with_name(f".{place.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        sizes = {path.name: path.stat().st_size for path in sorted(partial.iterdir())}
        write_bytes(partial / COMPLETE, json.dumps({"step": step, "sizes": sizes}, indent=2).encode())
        shutil.rmtree(place, ignore_errors=True)
        os.replace(partial, place)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        last = find_checkpoint(folder)
        kept = f"step {_step_of(last):,} is saved" if last else "nothing was saved yet"
        raise MidbError(
            f"the state at step {step:,} cannot be written to {place}: {error.strerror or error}; {kept}.",
            hint="Free some space, then run the same command with --resume.",
            retryable=True,
        ) from error
    for old in _list(folder)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def find_checkpoint(folder: Path) -> Path | None:
    """The latest whole checkpoint of a training; None where there is none."""
    return next((path for path in _list(folder) if _is_whole(path)), None)


def _list(folder: Path) -> list[Path]:
    """Checkpoints, the latest first."""
    found = [path for path in (folder / CHECKPOINTS).glob(f"{_PREFIX}*") if path.name[len(_PREFIX) :].isdecimal()]
    return sorted(found, key=_step_of, reverse=True)


def _step_of(path: Path) -> int:
    return int(path.name[len(_PREFIX) :])


def _is_whole(path: Path) -> bool:
    try:
        told = json.loads((path / COMPLETE).read_bytes())
        return all((path / name).stat().st_size == size for name, size in told["sizes"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file and have it on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors as safetensors, through Python's own files, whose errors say what is wrong with the disk."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, safetensors.torch.save(whole, metadata={"format": "pt"}))


def save_optimizer(folder: Path, optimizer: Any, scheduler: Any) -> None:
    """Write the states of optimizer and scheduler: tensors apart from numbers."""
    state = optimizer.state_dict()
    tensors, numbers = {}, {}
    for index, values in state["state"].items():
        for name, value in values.items():
            key = f"{index}.{name}"
            if isinstance(value, torch.Tensor):
                tensors[key] = value
            else:
                numbers[key] = value
    write_tensors(folder / "optimizer.safetensors", tensors)
    told = {"groups": state["param_groups"], "numbers": numbers, "scheduler": scheduler.state_dict()}
    write_bytes(folder / "optimizer.json", json.dumps(told).encode())


def load_optimizer(folder: Path, optimizer: Any, scheduler: Any) -> None:
    """Read what ``save_optimizer`` wrote."""
    told = json.loads((folder / "optimizer.json").read_bytes())
    state: dict[int, dict[str, Any]] = {}
    for key, value in [
        *safetensors.torch.load_file(folder / "optimizer.safetensors").items(),
        *told["numbers"].items(),
    ]:
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    groups = [
        {name: tuple(value) if name == "betas" else value for name, value in group.items()} for group in told["groups"]
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    scheduler.load_state_dict(told["scheduler"])


def save_chance(folder: Path, process: int = 0) -> None:
    """Write the states of all random generators of this process."""
    version, words, gauss = random.getstate()
    kind, keys, *place = np.random.get_state(legacy=True)
    tensors = {"torch": torch.get_rng_state(), "numpy": torch.from_numpy(np.asarray(keys).astype(np.int64))}
    if torch.cuda.is_available():
        tensors["cuda"] = torch.cuda.get_rng_state()
    write_tensors(folder / f"chance-{process}.safetensors", tensors)
    told = {"python": [version, list(words), gauss], "numpy": [kind, *place]}
    write_bytes(folder / f"chance-{process}.json", json.dumps(told).encode())


def load_chance(folder: Path, process: int = 0) -> None:
    """Read what ``save_chance`` wrote; a process that was not there then begins with its seed."""
    if not (folder / f"chance-{process}.json").exists():
        return
    told = json.loads((folder / f"chance-{process}.json").read_bytes())
    tensors = safetensors.torch.load_file(folder / f"chance-{process}.safetensors")
    version, words, gauss = told["python"]
    random.setstate((version, tuple(words), gauss))
    kind, *place = told["numpy"]
    np.random.set_state((kind, tensors["numpy"].numpy().astype(np.uint32), *place))
    torch.set_rng_state(tensors["torch"])
    if "cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda"])


def save_adapter(folder: Path, model: Any) -> None:
    """Write an adapter in peft's layout."""
    from peft import get_peft_model_state_dict

    folder.mkdir(parents=True, exist_ok=True)
    # Nobody asks a hub whether the base has another vocabulary there, which peft does unless it is told.
    write_tensors(folder / "adapter_model.safetensors", get_peft_model_state_dict(model, save_embedding_layers=False))
    config = dict(model.peft_config[model.active_adapter].to_dict())
    config["inference_mode"] = True
    plain = {name: sorted(value) if isinstance(value, set) else value for name, value in config.items()}
    write_bytes(
        folder / "adapter_config.json", json.dumps(plain, indent=2, sort_keys=True, default=str).encode() + b"\n"
    )


def load_adapter(folder: Path, model: Any) -> None:
    """Read an adapter's values into a model that has one of the same shape; raises MidbError where it has not."""
    from peft import set_peft_model_state_dict

    tensors = safetensors.torch.load_file(folder / "adapter_model.safetensors")
    found: Any = set_peft_model_state_dict(model, tensors)
    missing = [name for name in found.missing_keys if "lora_" in name]
    if missing or found.unexpected_keys:
        raise MidbError(f"{folder} does not hold the adapter of this model.", hint="Choose another -o, and begin anew.")
