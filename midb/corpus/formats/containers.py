"""Containers: JSON Lines and JSON arrays, plain or compressed, read from any checkpoint and written back alike.

Output goes to a partial file of records in order, which becomes the finished file in one step at the end; compression
and Parquet are made in that step, so that a partial file can always be cut back to a checkpoint.
"""

from __future__ import annotations

import gzip
import re
import shutil
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson
import zstandard

from midb.corpus.formats.array import CLOSING, read_array
from midb.corpus.formats.compression import GZIP, ZSTD, open_stream, reading, skip
from midb.corpus.output import writing
from midb.corpus.raw import BOM, RawRecord, Start, Tail, read_lines
from midb.domain.errors import CorpusError

#: How files begin that hold something else, and what to do about them.
_FOREIGN = {
    b"BZh": ("bzip2", "Unpack it first: bunzip2"),
    b"\xfd7zXZ": ("xz", "Unpack it first: unxz"),
    b"PK\x03\x04": ("zip", "Unpack it first: unzip"),
    b"SQLite format 3": ("SQLite", "Export a table as JSON Lines first."),
}

#: One object over many lines: its first line holds the brace alone, its second begins with a key.
_ONE_OBJECT = re.compile(rb'\{[ \t\r]*\n\s*"')


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


def open_container(path: Path) -> Container:
    """The container of a corpus file, found out from its bytes (not from its name).

    Raises CorpusError, with a hint, for what cannot be a corpus: missing, a folder, empty, UTF-16, one object.
    """
    with reading(path):
        if not path.exists():
            near = sorted(p.name for p in path.parent.glob("*.json*")) if path.parent.is_dir() else []
            hint = f"The folder holds {', '.join(near[:5])}." if near else "Check its name."
            raise CorpusError(f"there is no corpus {path}.", hint=hint)
        if path.is_dir():
            raise CorpusError(f"{path} is a folder.", hint=f"Name a file, or: cat {path}/*.jsonl | midb-agent run -")
        if not stat.S_ISREG(path.stat().st_mode):
            raise CorpusError(
                f"{path} is a pipe or a device, which cannot be read twice.",
                hint="Send it through standard input: ... | midb-agent run -",
            )
        with path.open("rb") as file:
            magic = file.read(16)
    for beginning, (what, hint) in _FOREIGN.items():
        if magic.startswith(beginning):
            raise CorpusError(f"{path} is a {what} file.", hint=hint)
    if magic.startswith(b"PAR1"):
        from midb.corpus.formats.parquet import Parquet

        return Parquet(path)
    compression = GZIP if magic.startswith(b"\x1f\x8b") else ZSTD if magic.startswith(b"\x28\xb5\x2f\xfd") else ""
    with reading(path), open_stream(path, compression) as stream:
        return _text_container(path, compression, _head(stream))


def _head(stream: BinaryIO) -> bytes:
    """The beginning of a text from its first character on that is neither a byte-order mark nor blank."""
    head = stream.read(1 << 16)
    text = head.removeprefix(BOM).lstrip()
    while head and not text:
        head = stream.read(1 << 16)
        text = head.lstrip()
    return text


def _text_container(path: Path, compression: str, head: bytes) -> Container:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head[:64]:
        raise CorpusError(
            f"{path} is not UTF-8 text (it looks like UTF-16 or a binary file).",
            hint="Convert it first, for example: iconv -f UTF-16 -t UTF-8",
        )
    if not head:
        raise CorpusError(f"{path} is empty.", hint="A corpus has one JSON object a line, or is a JSON array.")
    if _ONE_OBJECT.match(head):
        raise CorpusError(
            f"{path} holds a JSON object that spreads over several lines.",
            hint="Write one object a line: jq -c . (or, where the records stand in a list inside it, jq -c '.data[]')",
        )
    if head.startswith(b"[") and not _is_line_of_many(head):
        return JsonArray(path, compression)
    return JsonLines(path, compression)


def _is_line_of_many(head: bytes) -> bool:
    """Whether an array at the beginning ends on its line and other lines follow: then it is a line, if a wrong one."""
    line, _, rest = head.partition(b"\n")
    if not rest.strip():
        return False
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
