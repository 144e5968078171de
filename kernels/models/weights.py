"""Reads safetensors into fused parameters, tensor by tensor. Nothing is unpickled, and no code of a checkpoint runs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from midb.kernels.config_file import read_json
from midb.kernels.errors import CheckpointError
from midb.kernels.models.fp8 import FP8_DTYPES, SCALES, dequantize_fp8
from midb.kernels.quantization import read_block

#: What may stand before "embed_tokens.weight" and "layers.0...": in causal models, and in Gemma 3 with its vision part.
PREFIXES = ("model.", "language_model.model.", "model.language_model.", "")


class CheckpointTensors:
    """The tensors of a folder, by name: shapes are checked, and each file is opened once. A context manager.

    :param block: rows and columns of a weight in fp8 that share a scale, where it is neither a row nor all.
    """

    def __init__(
        self,
        folder: Path,
        stem: str,
        device: torch.device,
        dtype: torch.dtype,
        *,
        block: tuple[int, int] | None = None,
    ) -> None:
        self.folder, self.device, self.dtype, self._block = folder, device, dtype, block
        self._open = ExitStack()
        self._files: dict[str, Any] = {}
        single, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
        try:
            if index.exists():
                self._open_parts(index)
            elif single.exists():
                file = self._open_file(single)
                self._files = dict.fromkeys(file.keys(), file)
            else:
                raise self._explain_missing(stem)
        except BaseException:
            self._open.close()
            raise

    def _open_parts(self, index: Path) -> None:
        places = read_json(index).get("weight_map")
        if not isinstance(places, dict) or not all(isinstance(p, str) and Path(p).name == p for p in places.values()):
            raise CheckpointError(f"{index} has no weight_map of tensors to files beside it.")
        files = {name: self._open_file(self.folder / name) for name in dict.fromkeys(places.values())}
        held = {name: set(file.keys()) for name, file in files.items()}
        for tensor, name in places.items():
            if tensor not in held[name]:
                raise CheckpointError(f"{index} places {tensor} in {name}, which does not hold it.")
            self._files[tensor] = files[name]

    def _open_file(self, path: Path) -> Any:
        if not path.exists():
            raise CheckpointError(f"{path} does not exist.", hint="Is the download complete?")
        if not path.is_file():
            raise CheckpointError(f"{path} is no file, but a folder, a pipe or a device.")
        try:
            return self._open.enter_context(safe_open(path, framework="pt", device="cpu"))
        except (SafetensorError, OSError) as error:
            hint = "It is cut short or no safetensors file; download it again."
            raise CheckpointError(f"{path} cannot be read: {error}.", hint=hint) from error

    def _explain_missing(self, stem: str) -> CheckpointError:
        pickled = sorted(p.name for p in self.folder.iterdir() if p.suffix in (".bin", ".pt", ".pth", ".pkl"))
        if pickled:
            return CheckpointError(
                f"{self.folder} holds pickled weights only ({pickled[0]}), which could run any code.",
                hint="Convert them to safetensors where you trust them.",
            )
        return CheckpointError(f"{self.folder} holds no {stem}.safetensors.", hint="Is the download complete?")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def __contains__(self, name: str) -> bool:
        return name in self._files

    @property
    def names(self) -> Iterable[str]:
        """Names of all tensors."""
        return self._files.keys()

    def read_shape(self, name: str) -> tuple[int, ...]:
        """Read the shape of a tensor, without its values."""
        return tuple(self._files[name].get_slice(name).get_shape())

    def get(self, name: str, *shape: int) -> Tensor:
        """Read a tensor in the engine's dtype; raises CheckpointError if it is missing, or has another shape."""
        if name not in self:
            raise CheckpointError(
                f"{self.folder}: the tensor {name} is missing.", hint="Does config.json fit the weights?"
            )
        if (found := self.read_shape(name)) != shape:
            raise CheckpointError(
                f"{self.folder}: {name} has shape {list(found)}, not {list(shape)}.",
                hint="Does config.json fit the weights?",
            )
        tensor = self._read(name)
        if tensor.dtype in FP8_DTYPES:
            tensor = self._scale(name, tensor)
        if not tensor.is_floating_point() or tensor.element_size() < 2:
            raise CheckpointError(
                f"{self.folder}: {name} is {tensor.dtype}.", hint="Quantized weights are not supported."
            )
        return tensor.to(self.device, self.dtype)

    def _read(self, name: str) -> Tensor:
        tensor: Tensor = self._files[name].get_tensor(name)
        return tensor

    def _scale(self, name: str, tensor: Tensor) -> Tensor:
        """Multiply a weight in fp8 by its scales, which stand beside it."""
        scales = next((scale for ending in SCALES if (scale := name + ending) in self), None)
        if scales is None:
            raise CheckpointError(f"{self.folder}: {name} is in fp8, and it has no scale.", hint="Is it all there?")
        try:
            return dequantize_fp8(tensor, self._read(scales), self._block)
        except ValueError as error:
            raise CheckpointError(
                f"{self.folder}: {scales} does not fit {name}: {error}.", hint="Does config.json fit the weights?"
            ) from error

    def join(self, parts: Iterable[tuple[str, tuple[int, ...]]]) -> Tensor:
        """Read tensors and concatenate them along their first dimension."""
        return torch.cat([self.get(name, *shape) for name, shape in parts])

    def find_prefix(self) -> str:
        """Find what stands before the names of the decoder's tensors."""
        for prefix in PREFIXES:
            if f"{prefix}embed_tokens.weight" in self._files:
                return prefix
        raise CheckpointError(f"{self.folder}: the tensor model.embed_tokens.weight is missing.")


def open_tensors(checkpoint: Path, device: torch.device, dtype: torch.dtype) -> CheckpointTensors:
    """Open the weights of a model: a folder of safetensors, or a GGUF file; raises CheckpointError."""
    if checkpoint.is_file():
        from midb.kernels.models.gguf_tensors import GgufTensors

        return GgufTensors(checkpoint, device, dtype)
    path = checkpoint / "config.json"
    return CheckpointTensors(checkpoint, "model", device, dtype, block=read_block(read_json(path), path))
