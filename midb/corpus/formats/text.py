"""JSON Lines and JSON arrays, plain or compressed, read from any checkpoint and written back alike."""

from __future__ import annotations

import gzip
import shutil
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from midb.corpus.formats.array import CLOSING, read_array
from midb.corpus.formats.base import Container
from midb.corpus.formats.compression import GZIP, open_stream, reading, skip
from midb.corpus.output import writing
from midb.corpus.raw import RawRecord, Start, Tail, read_lines


class TextContainer(Container):
    """JSON Lines and JSON arrays, plain, gzip or zstd."""

    def __init__(self, path: Path, compression: str = "") -> None:
        super().__init__(path)
        self.compression = compression
        # As they are spelled: C.JSONL.GZ becomes C.boosted.JSONL.GZ.
        packed = path.suffix if path.suffix.lower() == compression else compression
        endings = [ending for ending in path.suffixes[-2:] if ending.lower() != compression]
        self.suffix = (endings[-1] if endings else self.default_suffix) + packed

    default_suffix = ".jsonl"

    @abstractmethod
    def parse(self, stream: BinaryIO, start: Start) -> Iterator[RawRecord | Tail]:
        """The records of a decompressed stream that stands at ``start``."""

    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008
        with reading(self.path), open_stream(self.path, self.compression) as stream:
            skip(stream, start.offset, self.compression)
            yield from self.parse(stream, start)

    def finish(self, partial: Path, temporary: Path) -> Path:
        if not self.compression:
            return partial
        with writing(temporary), partial.open("rb") as source, temporary.open("wb") as target:
            if self.compression == GZIP:
                # No time stamp and no name in the header: the same records give the same bytes.
                with gzip.GzipFile("", "wb", fileobj=target, mtime=0) as packed:
                    shutil.copyfileobj(source, packed, 1 << 20)
            else:
                zstandard.ZstdCompressor().copy_stream(source, target)
        return temporary


class JsonLines(TextContainer):
    """One JSON object a line."""

    name = "JSON Lines"

    def parse(self, stream: BinaryIO, start: Start) -> Iterator[RawRecord | Tail]:
        return read_lines(stream, start)

    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        return record.before + (record.body if body is None else body) + record.after

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        return tail.data


class JsonArray(TextContainer):
    """One JSON array of objects; what stands between the elements is kept."""

    name = "JSON array"
    default_suffix = ".json"

    def parse(self, stream: BinaryIO, start: Start) -> Iterator[RawRecord | Tail]:
        return read_array(stream, start)

    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        before = record.before
        if first and record.position:
            # Everything before it was rejected: it opens the array now, and needs no comma.
            before = b"[" + before.replace(b",", b"")
        return before + (record.body if body is None else body)

    def cut(self) -> Tail:
        return Tail(CLOSING)

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        opening = b"[" if first and not tail.data.lstrip().startswith(b"[") else b""
        return opening + tail.data
