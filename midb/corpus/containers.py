"""Containers: JSON Lines and JSON arrays, plain or compressed, read from any checkpoint and written back alike.

Output goes to a partial file of records in order, which becomes the finished file in one step at the end; compression
and Parquet are made in that step, so that a partial file can always be cut back to a checkpoint.
"""

from __future__ import annotations

import gzip
import io
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from midb.corpus.array import read_array
from midb.corpus.raw import BOM, RawRecord, Start, Tail, read_lines
from midb.errors import CorpusError

GZIP, ZSTD = ".gz", ".zst"


class Container(ABC):
    """How records lie in one corpus file."""

    name: str
    #: Ending of the corpus's name that the output keeps, e.g. ``.jsonl.gz``.
    suffix: str

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008  (frozen)
        """The records from ``start`` on, then the tail."""

    @abstractmethod
    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        """What the partial output holds for a record: its new ``body``, or its own where that is ``None``.

        ``first`` says that nothing was written before it.
        """

    def dropped(self, record: RawRecord) -> bytes:
        """What the partial output holds for a rejected record."""
        return b""

    @abstractmethod
    def tail(self, tail: Tail, *, first: bool) -> bytes:
        """What ends the partial output."""

    def cut(self) -> Tail:
        """What ends the output where reading stops before the end (`--limit`)."""
        return Tail(b"")

    @abstractmethod
    def finish(self, partial: Path, temporary: Path) -> Path:
        """Make the finished file from the partial one; returns the one of the two paths where it lies."""


class TextContainer(Container):
    """JSON Lines and JSON arrays, plain, gzip or zstd."""

    def __init__(self, path: Path, compression: str = "") -> None:
        super().__init__(path)
        self.compression = compression
        endings = [ending for ending in path.suffixes[-2:] if ending != compression]
        self.suffix = (endings[-1] if endings else self.default_suffix) + compression

    default_suffix = ".jsonl"

    @abstractmethod
    def parse(self, stream: BinaryIO, start: Start) -> Iterator[RawRecord | Tail]:
        """The records of a decompressed stream that stands at ``start``."""

    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008
        with open_stream(self.path, self.compression) as stream:
            skip(stream, start.offset, self.compression)
            try:
                yield from self.parse(stream, start)
            except (EOFError, zstandard.ZstdError, gzip.BadGzipFile, OSError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                raise CorpusError(
                    f"{self.path} is damaged: {error or 'unexpected end'}.",
                    hint="Download or compress it again; records up to the damage are safe in the partial output.",
                ) from error

    def finish(self, partial: Path, temporary: Path) -> Path:
        if not self.compression:
            return partial
        with partial.open("rb") as source, temporary.open("wb") as target:
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
            before = b"[" + before.replace(b",", b"", 1)
        return before + (record.body if body is None else body)

    def cut(self) -> Tail:
        return Tail(b"\n]")

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        opening = b"[" if first and not tail.data.lstrip().startswith(b"[") else b""
        return opening + tail.data


def open_stream(path: Path, compression: str) -> BinaryIO:
    """The decompressed bytes of a file."""
    if compression == GZIP:
        return cast(BinaryIO, gzip.open(path, "rb"))
    if compression == ZSTD:
        reader = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, reader), 1 << 20))
    return path.open("rb")


def skip(stream: BinaryIO, count: int, compression: str) -> None:
    """Move a fresh stream on by ``count`` bytes; a compressed one has to be read."""
    if not compression:
        stream.seek(count)
        return
    while count and (chunk := stream.read(min(count, 1 << 20))):
        count -= len(chunk)


def open_container(path: Path) -> Container:
    """The container of a corpus file, found out from its bytes (not from its name).

    Raises CorpusError, with a hint, for what cannot be a corpus: missing, a folder, empty, UTF-16, one object.
    """
    if not path.exists():
        near = sorted(p.name for p in path.parent.glob("*.json*")) if path.parent.is_dir() else []
        raise CorpusError(f"there is no corpus {path}.", hint=f"The folder holds {', '.join(near[:5])}." if near else "")
    if path.is_dir():
        raise CorpusError(f"{path} is a folder.", hint=f"Name a file, or: cat {path}/*.jsonl | midb-agent run -")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}.", hint="Check its permissions.") from error
    if magic == b"PAR1":
        from midb.corpus.parquet import Parquet

        return Parquet(path)
    compression = GZIP if magic[:2] == b"\x1f\x8b" else ZSTD if magic == b"\x28\xb5\x2f\xfd" else ""
    try:
        with open_stream(path, compression) as stream:
            head = stream.read(1 << 16)
    except (EOFError, OSError, zstandard.ZstdError) as error:
        raise CorpusError(f"{path} is damaged: {error}.", hint="Download or compress it again.") from error
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head[:64]:
        raise CorpusError(
            f"{path} is not UTF-8 text (it looks like UTF-16 or a binary file).",
            hint="Convert it first, for example: iconv -f UTF-16 -t UTF-8",
        )
    text = head.removeprefix(BOM).lstrip()
    if not text:
        raise CorpusError(f"{path} is empty.", hint="A corpus has one JSON object a line, or is a JSON array.")
    if text.startswith(b"["):
        return JsonArray(path, compression)
    return JsonLines(path, compression)
