"""Raw records: the bytes of one record and of what stands around it. Knows nothing of JSON keys."""

from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO

from midb.domain.errors import MidbError

#: A record longer than this is rejected, not examined: no training pair is, and detectors keep a text in memory.
MAX_RECORD_BYTES = 16 * 1024 * 1024

#: Blank bytes between two records that are kept; of more, which some kilobytes of a packed file can hold, the rest is
#: left out.
MAX_BLANK_BYTES = 1024 * 1024

#: The offset of a record in a folder is the number of its file times this, plus its offset there.
FILE_BYTES = 1 << 44

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRecord:
    """One record as it lies in the corpus.

    ``line`` counts from 1, ``offset`` and ``end`` are bytes of the decompressed corpus (``end`` is where the next
    record's search starts). ``before`` and ``after`` are the bytes around the body that belong to it: blank lines, an
    array's comma, a line end. An oversized record has its bytes in ``spool`` instead of ``body``. Where the corpus has
    no JSON, ``body`` is the object that was made of the bytes in ``row``; ``fault`` (reason, message) says why none
    could be made. ``file`` names the file of a folder that the record lies in, and ``line`` is that of the file.
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
    row: bytes = b""
    fault: tuple[str, str] | None = None
    file: str = ""

    @property
    def offset_in_file(self) -> int:
        """Where it begins in its file, also where that is one of a folder."""
        return self.offset % FILE_BYTES

    @property
    def place(self) -> str:
        """Where it lies, for people: its line, and of a folder the file."""
        return f"{self.file}, line {self.line:,}" if self.file else f"line {self.line:,}"

    @classmethod
    def alone(cls, body: bytes, position: int = 0) -> RawRecord:
        """A record with nothing around it, as the ``position``-th of a corpus in which each has a line of its own."""
        return cls(
            position=position,
            line=position + 1,
            offset=position,
            end=position + 1,
            next_line=position + 2,
            before=b"",
            body=body,
            after=b"",
        )

    @property
    def length(self) -> int:
        """Bytes of the record as it lies in the corpus."""
        return len(self.row or self.body) if self.spool is None else self.spool.seek(0, 2)

    def chunks(self) -> Iterator[bytes]:
        """The record as it lies in the corpus, in pieces, wherever it is kept."""
        if self.spool is None:
            yield self.row or self.body
            return
        self.spool.seek(0)
        while chunk := self.spool.read(1 << 20):
            yield chunk

    def sha256(self) -> str:
        """SHA-256 (hex) of the record as it lies in the corpus."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()


class Spool:
    """A record beyond the limit, on its way to a temporary file that vanishes when nobody holds it any more."""

    def __init__(self) -> None:
        with _spooling():
            self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (its holder closes it by letting go)
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append."""
        with _spooling():
            self.file.write(data)
        self.size += len(data)

    def take_line_end(self) -> bytes:
        """Take the line end off the end."""
        with _spooling():
            self.file.seek(max(self.size - 2, 0))
            last = self.file.read(2)
            ending = b"\r\n" if last == b"\r\n" else b"\n" if last.endswith(b"\n") else b""
            self.size -= len(ending)
            self.file.truncate(self.size)
        return ending


@contextlib.contextmanager
def _spooling() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MidbError(
            f"a record of more than {MAX_RECORD_BYTES >> 20} MiB cannot be kept in {tempfile.gettempdir()}: "
            f"{error.strerror}.",
            hint="Set TMPDIR to a folder with more space, or take the record out of the corpus.",
        ) from error


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
    blank = bytearray()
    while data := stream.readline(limit + 2):  # whatever is longer than the limit, or ends with its line end
        if offset == 0 and data.startswith(BOM):
            data = data[len(BOM) :] + (b"" if data.endswith(b"\n") else stream.readline(len(BOM)))
            offset = len(BOM)
        if len(data) > limit and not data.endswith(b"\n"):
            spool = Spool()
            spool.write(data)
            while (data := stream.readline(1 << 20)) and not data.endswith(b"\n"):
                spool.write(data)
            spool.write(data)
            ending = spool.take_line_end()
            end = offset + spool.size + len(ending)
            before, body, after, kept = bytes(blank), b"", ending, spool.file
        elif not data.strip():
            data += _read_blank_lines(stream)
            if len(blank) < MAX_BLANK_BYTES:
                blank += data
            offset += len(data)
            line += data.count(b"\n")
            continue
        else:
            body = data.rstrip(b"\r\n")
            end = offset + len(data)
            before, after, kept = bytes(blank), data[len(body) :], None
        yield RawRecord(
            position=position,
            line=line,
            offset=offset,
            end=end,
            next_line=line + 1,
            before=before,
            body=body,
            after=after,
            spool=kept,
        )
        blank.clear()
        offset, line, position = end, line + 1, position + 1
    yield Tail(bytes(blank))


#: Lines without anything but blanks.
_BLANK_LINES = re.compile(rb"(?:[ \t\r\f\v]*+\n)*+")


def _read_blank_lines(stream: BinaryIO) -> bytes:
    """Those of the next lines that are blank, as far as the stream has them at hand: there may be millions of them."""
    peek = getattr(stream, "peek", None)
    if peek is None:
        return b""
    match = _BLANK_LINES.match(peek(1))
    return stream.read(match.end()) if match and match.end() else b""
