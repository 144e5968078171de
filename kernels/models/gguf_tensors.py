"""The tensors of a GGUF file by their names in the hub's layout, dequantized one by one as they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np
import torch
from gguf import GGMLQuantizationType
from gguf.quants import dequantize
from torch import Tensor

from midb.kernels.errors import CheckpointError
from midb.kernels.gguf.describing import has_added_one, is_interleaved, name_tensors
from midb.kernels.gguf.header import TENSOR_TYPES, read_header
from midb.kernels.models.weights import CheckpointTensors


class GgufTensors(CheckpointTensors):
    """As ``CheckpointTensors``, of a GGUF file. What llama.cpp changed in a tensor is changed back."""

    def __init__(self, path: Path, device: torch.device, dtype: torch.dtype) -> None:
        self.folder, self.device, self.dtype = path, device, dtype
        self._header = read_header(path)
        self._names = name_tensors(self._header)
        self._data = np.memmap(path, dtype=np.uint8, mode="r")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        del self._data

    def __contains__(self, name: str) -> bool:
        return name in self._names

    @property
    def names(self) -> Iterable[str]:
        """Names of all tensors of the decoder."""
        return self._names.keys()

    def read_shape(self, name: str) -> tuple[int, ...]:
        """Read the shape of a tensor, without its values."""
        return self._header.tensors[self._names[name]].shape

    def _read(self, name: str) -> Tensor:
        stored = self._names[name]
        place = self._header.tensors[stored]
        data = self._data[place.start : place.start + place.size]
        kind, _, _ = TENSOR_TYPES[place.type]
        try:
            values = dequantize(data.reshape(*place.shape[:-1], -1), GGMLQuantizationType(place.type))
        except (ValueError, NotImplementedError) as error:
            raise CheckpointError(f"{self.folder}: {stored} cannot be read as {kind}: {error}.") from error
        tensor = torch.from_numpy(np.array(values, dtype=np.float32).reshape(place.shape))
        if is_interleaved(self._header, stored):
            tensor = _separate_halves(tensor, self._count_heads(stored))
        return tensor - 1.0 if has_added_one(self._header, stored) else tensor

    def _count_heads(self, stored: str) -> int:
        metadata = self._header.metadata
        architecture = metadata["general.architecture"]
        heads = metadata[f"{architecture}.attention.head_count"]
        count: int = metadata.get(f"{architecture}.attention.head_count_kv", heads) if ".attn_k." in stored else heads
        return count

    def find_prefix(self) -> str:
        """Find what stands before the names of the decoder's tensors."""
        if "model.embed_tokens.weight" not in self._names:
            raise CheckpointError(f"{self.folder}: the tensor token_embd.weight is missing.")
        return "model."


def _separate_halves(tensor: Tensor, heads: int) -> Tensor:
    """Put the rows of each head back, which llama.cpp interleaves: first all first halves, then all second ones.

    :param tensor: ``[heads * head_dim, ...]``.
    """
    rows = tensor.shape[0]
    return tensor.view(heads, rows // heads // 2, 2, *tensor.shape[1:]).transpose(1, 2).reshape(tensor.shape)
