"""Reads the beginning of a GGUF file: its metadata, and the names, shapes, types and places of its tensors.

The layout is that of the specification (ggml, docs/gguf.md, versions 2 and 3). The package ``gguf`` reads it too, but
takes 3.5 s for 49,152 tokens, and believes every count; this takes a tenth of a second, and a file may hold anything.
"""

from __future__ import annotations

import mmap
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from midb.kernels.errors import CheckpointError

#: How such a file begins.
MAGIC = b"GGUF"

#: Versions that are read. The first had other widths of counts, and was soon given up.
_VERSIONS = (2, 3)

#: Most entries of the metadata, tensors, elements of an array, and dimensions, which no model comes near.
_MOST_ENTRIES, _MOST_TENSORS, _MOST_ELEMENTS, _MOST_DIMENSIONS = 10_000, 200_000, 4_000_000, 4

#: Formats of numbers by the number of their type; 8 is a string, 9 an array.
_NUMBERS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_STRING, _ARRAY = 8, 9

#: Types of tensors by number: name, weights of a block, bytes of a block (ggml-common.h).
TENSOR_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210),
    30: ("BF16", 1, 2),
}  # fmt: skip

_HINT = "Is the download complete, and is it the file of a model?"


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """A tensor of the file.

    :param shape: outermost dimension first, as in torch; the file has it the other way round.
    :param start: of its data, in bytes from the beginning of the file.
    """

    shape: tuple[int, ...]
    type: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a file says of itself."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, TensorPlace]


def is_gguf(path: Path) -> bool:
    """Whether a path is a regular file that begins like GGUF."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


@contextmanager
def map_file(path: Path) -> Iterator[mmap.mmap]:
    """Map a file into memory; raises CheckpointError where it cannot be read."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.", hint=_HINT) from error


def read_header(path: Path) -> GgufHeader:
    """Read metadata and places of tensors; raises CheckpointError for whatever is not as it should be."""
    with map_file(path) as mapped:
        reader = _Reader(path, mapped)
        if reader.take(len(MAGIC)) != MAGIC:
            raise CheckpointError(f"{path} is no GGUF file.", hint=_HINT)
        version = reader.read_number(4)
        if version not in _VERSIONS:
            raise CheckpointError(f"{path} is GGUF of version {version}.", hint="Versions 2 and 3 are read.")
        tensors = reader.read_count("tensors", _MOST_TENSORS)
        entries = reader.read_count("entries", _MOST_ENTRIES)
        metadata = {}
        for _ in range(entries):
            name = reader.read_string()
            metadata[name] = reader.read_value(reader.read_number(4))
        described = [_read_tensor(reader) for _ in range(tensors)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
            raise CheckpointError(f"{path} states an alignment of {str(alignment)[:40]}.", hint=_HINT)
        begin = -(-reader.place // alignment) * alignment
        places = {}
        for name, shape, kind, offset in described:
            place = TensorPlace(shape, kind, begin + offset, _count_bytes(path, name, shape, kind))
            if place.start + place.size > len(mapped):
                raise CheckpointError(f"{path} is cut short: {name} lies beyond its end.", hint=_HINT)
            places[name] = place
        return GgufHeader(path, metadata, places)


def _read_tensor(reader: _Reader) -> tuple[str, tuple[int, ...], int, int]:
    name = reader.read_string()
    dimensions = reader.read_number(4)
    if dimensions > _MOST_DIMENSIONS:
        raise reader.complain(f"the tensor {name[:60]} has {dimensions:,} dimensions")
    shape = tuple(reader.read_number(10) for _ in range(dimensions))
    return name, shape[::-1], reader.read_number(4), reader.read_number(10)


def _count_bytes(path: Path, name: str, shape: tuple[int, ...], kind: int) -> int:
    if kind not in TENSOR_TYPES:
        known = ", ".join(known for known, _, _ in TENSOR_TYPES.values())
        raise CheckpointError(
            f"{path}: the weights of {name} are of the type {kind}, which is not read.", hint=f"Known are {known}."
        )
    _, weights, size = TENSOR_TYPES[kind]
    if not shape or min(shape) < 1 or shape[-1] % weights:
        raise CheckpointError(f"{path}: {name} has the shape {list(shape)}, which its type does not allow.", hint=_HINT)
    return prod(shape) // weights * size


class _Reader:
    """Reads values one after the other, and never beyond the end."""

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        self.path, self.place, self._mapped = path, 0, mapped

    def complain(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self.path}: {what}.", hint=_HINT)

    def take(self, count: int) -> bytes:
        taken = self._mapped[self.place : self.place + count]
        if len(taken) < count:
            raise self.complain("it ends in the middle of its header")
        self.place += count
        return taken

    def read_number(self, kind: int) -> Any:
        form = _NUMBERS[kind]
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def read_count(self, what: str, most: int) -> int:
        count: int = self.read_number(10)
        if count > most:
            raise self.complain(f"it states {count:,} {what}; no model has more than {most:,}")
        return count

    def read_string(self) -> str:
        return self.take(self.read_count("bytes of a text", len(self._mapped))).decode("utf-8", "replace")

    def read_value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.read_string()
        if kind in _NUMBERS:
            return self.read_number(kind)
        if kind != _ARRAY:
            raise self.complain(f"its metadata holds a value of the unknown type {kind}")
        inner = self.read_number(4)
        count = self.read_count("elements of an array", _MOST_ELEMENTS)
        if inner == _STRING:
            return [self.read_string() for _ in range(count)]
        if inner not in _NUMBERS:
            raise self.complain(f"its metadata holds an array of the unknown type {inner}")
        form = _NUMBERS[inner][1]
        size = struct.calcsize(f"<{form}")
        return list(struct.unpack(f"<{count}{form}", self.take(count * size)))
