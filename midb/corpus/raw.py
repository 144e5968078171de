"""Raw records: the bytes of one record and of what stands around it. Knows nothing of JSON keys."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO

#: A record longer than this is rejected, not examined: no training pair is, and detectors keep a text in memory.
MAX_RECORD_BYTES = 16 * 1024 * 1024

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as it lies in the corpus.

    ``line`` counts from 1, ``offset`` and ``end`` are bytes of the decompressed corpus (``end`` is where the next
    record's search starts). ``before`` and ``after`` are the bytes around the body that belong to it: blank lines, an
    array's comma, a line end. An oversized record has its bytes in ``spool`` instead of ``body``.
    """

    position: int
    line: int
    offset: int
    end: int
    next_line: int
    before: bytes
    body: bytes
    after: bytes
    spool: IO[bytes] | None = None

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return len(self.body) if self.spool is None else self.spool.seek(0, 2)

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces, wherever it is kept."""
        if self.spool is None:
            yield self.body
            return
        self.spool.seek(0)
        while chunk := self.spool.read(1 << 20):
            yield chunk

    def sha256(self) -> str:
        """SHA-256 (hex) of the body."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the last record: blank lines, an array's closing bracket."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """Where reading starts: at the beginning, or where a checkpoint says."""

    offset: int = 0
    position: int = 0
    line: int = 1


def read_lines(stream: BinaryIO, start: Start, *, limit: int = MAX_RECORD_BYTES) -> Iterator[RawRecord | Tail]:
    """The lines of a JSONL stream that stands at ``start``. Blank lines are no records but are kept.

    A byte-order mark at the very beginning is left out.
    """
    offset, line, position = start.offset, start.line, start.position
    blank = b""
    while data := stream.readline(limit + 2):
        size = len(data)
        if offset == 0 and data.startswith(BOM):
            data = data[len(BOM) :]
        spool: IO[bytes] | None = None
        if len(data) > limit and not data.endswith(b"\n"):
            spool = tempfile.TemporaryFile()
            spool.write(data)
            while (piece := stream.readline(1 << 20)) and not piece.endswith(b"\n"):
                spool.write(piece)
                size += len(piece)
            spool.write(piece.rstrip(b"\r\n"))
            size += len(piece)
            data, ending = b"", b"\n" if piece else b""
        else:
            body = data.rstrip(b"\r\n")
            data, ending = body, data[len(body) :]
        if spool is None and not data.strip():
            blank += data + ending
        else:
            yield RawRecord(position, line, offset, offset + size, line + 1, blank, data, ending, spool)
            position += 1
            blank = b""
        offset += size
        line += 1
    yield Tail(blank)
