"""Containers read to their end, and the function that writes one back as a run does."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import zstandard

from midb.corpus.formats.base import Container
from midb.corpus.raw import RawRecord, Start, Tail

#: Records, and two ways to write them.
ROWS = [
    {"id": 1, "instruction": "größer\u2028als", "output": "a\tb"},
    {"id": 2, "instruction": "ein [Wort], {so}", "output": '"zitiert" \\ '},
    {"id": 3, "instruction": "三", "output": ""},
    {"id": 4, "output": "vier", "instruction": "vier"},
]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
ARRAY = json.dumps(ROWS, indent=2, ensure_ascii=False).encode() + b"\n"

#: Ending of a name -> how a file of that name is packed, and unpacked again.
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
}
UNPACKED: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.decompress,
    ".zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}

#: Where a container begins.
BEGINNING = Start()


class MakeCorpus(Protocol):
    """Opens a file that is made of some bytes, packed where a compression is named."""

    def __call__(self, data: bytes, compression: str = "", name: str = "corpus.jsonl") -> Container: ...


class Rewrite(Protocol):
    """Writes a container back. ``bodies`` says what becomes of some positions: new bytes, or None to reject one."""

    def __call__(
        self, container: Container, bodies: Mapping[int, bytes | None] | None = None, limit: int | None = None
    ) -> Path: ...


@dataclass(frozen=True)
class Part:
    """A record with its bytes, wherever these are kept, so that it can be compared. ``spooled``: not in memory."""

    position: int
    line: int
    offset: int
    end: int
    next_line: int
    before: bytes
    body: bytes
    after: bytes
    spooled: bool

    @classmethod
    def of(cls, raw: RawRecord) -> Part:
        """What was read of a record."""
        body = b"".join(raw.chunks())
        return cls(
            raw.position, raw.line, raw.offset, raw.end, raw.next_line, raw.before, body, raw.after,
            spooled=raw.spool is not None,
        )  # fmt: skip


def read(container: Container, start: Start = BEGINNING) -> tuple[list[RawRecord], Tail]:
    """Records and tail; there is one tail and it comes last."""
    *records, tail = container.read(start)
    assert isinstance(tail, Tail)
    found = [record for record in records if isinstance(record, RawRecord)]
    assert len(found) == len(records)
    return found, tail
