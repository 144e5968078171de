"""JSON arrays, read element by element without loading or re-writing the file.

Only brackets and strings are looked at, so that an element that is broken inside does not spoil its neighbours. What
cannot be told apart any more (an unterminated string, a missing bracket) reaches to the end of the file and comes out
as one element, which will not parse. So does what stands behind the end of the array.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from midb.corpus.raw import BOM, MAX_BLANK_BYTES, MAX_RECORD_BYTES, RawRecord, Spool, Start, Tail
from midb.domain.errors import CorpusError

_CHUNK = 1 << 16
_SEPARATORS = re.compile(rb"[\s,]*+")
_BLANKS = re.compile(rb"\s*+")
_MARK = re.compile(rb'["\[\]{},]')
_STRING_CONTENT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)

#: What closes an array that was cut off.
CLOSING = b"\n]"


class _Window:
    """What was read of the stream and is not taken yet; ``data`` holds it from ``start`` on, ``base`` is the offset of
    that place in the file. Positions that its methods take and return count from there."""

    def __init__(self, stream: BinaryIO, base: int) -> None:
        self.stream = stream
        self.data = b""
        self.start = 0
        self.base = base

    def __len__(self) -> int:
        return len(self.data) - self.start

    def more(self) -> bool:
        """Read on; False at the end of the file. Reads as much as it holds, so that copying stays linear."""
        chunk = self.stream.read(max(_CHUNK, len(self)))
        self.data = self.data[self.start :] + chunk
        self.start = 0
        return bool(chunk)

    def take(self, count: int) -> bytes:
        """Take the next bytes out."""
        taken = self.data[self.start : self.start + count]
        self.start += len(taken)
        self.base += len(taken)
        return taken

    def starts_with(self, data: bytes) -> bool:
        """Whether these bytes come next."""
        while len(self) < len(data) and self.more():
            pass
        return self.data.startswith(data, self.start)

    def run(self, pattern: re.Pattern[bytes], position: int = 0) -> int:
        """The end of a run of what the pattern repeats, which goes on where the next bytes are read, up to a bound."""
        while True:
            match = pattern.match(self.data, self.start + position)
            position = (match.end() if match else len(self.data)) - self.start
            if position < len(self) or position > MAX_BLANK_BYTES or not self.more():
                return position

    def take_run(self, pattern: re.Pattern[bytes]) -> tuple[bytes, int]:
        """Take such a run, however long it is: (what is kept of it, the line breaks in all of it)."""
        kept = bytearray()
        breaks = 0
        while True:
            piece = self.take(self.run(pattern))
            breaks += piece.count(b"\n")
            if len(kept) < MAX_BLANK_BYTES:
                kept += piece
            if not piece or not (self or self.more()):
                return bytes(kept), breaks


class _Scanner:
    """Finds the end of an element: the next comma or closing bracket on its own level."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False

    def scan(self, window: _Window, position: int) -> tuple[int, bool]:
        """Look at what the window holds from ``position`` on: (how far this came, whether the element ends there)."""
        data, position = window.data, window.start + position
        while position < len(data):
            if self._in_string:
                match = _STRING_CONTENT.match(data, position)
                position = match.end() if match else position
                if data[position : position + 1] != b'"':
                    break  # what is missing of the string, or of an escape, was not read yet
                self._in_string = False
                position += 1
            elif (found := _MARK.search(data, position)) is None:
                position = len(data)
            else:
                mark, position = found.group(), found.end()
                if mark == b'"':
                    self._in_string = True
                elif mark in b"[{":
                    self._depth += 1
                elif not self._depth:
                    if mark != b"}":
                        return found.start() - window.start, True
                elif mark != b",":
                    self._depth -= 1
        return position - window.start, False


class _Everything:
    """An element that reaches to the end of the file."""

    def scan(self, window: _Window, position: int) -> tuple[int, bool]:
        return len(window), False


def read_array(
    stream: BinaryIO, start: Start, *, within: bytes = b"", limit: int = MAX_RECORD_BYTES
) -> Iterator[RawRecord | Tail]:
    """The elements of an array in a stream that stands at ``start`` (at its opening, or behind an element).

    ``within``: the array is a value of an object, which begins with these bytes, the bracket the last of them; the rest
    of the object belongs to the tail.
    """
    window = _Window(stream, start.offset)
    line, position = start.line, start.position
    before = b""
    if start.offset == 0:
        if window.starts_with(BOM):
            window.take(len(BOM))
        if within:
            window.starts_with(within)
            before = window.take(len(within))
            line += before.count(b"\n")
        else:
            before, breaks = window.take_run(_BLANKS)
            line += breaks
            if window.starts_with(b"["):
                before += window.take(1)
    while True:
        separators, breaks = window.take_run(_SEPARATORS)
        line += breaks
        before += separators
        scanner: _Scanner | _Everything = _Scanner()
        if not window:
            # A file cut off behind an element still gives an array that can be read.
            yield Tail(before.rstrip(b", \t\r\n") + CLOSING + (b"}" if within else b""))
            return
        if window.starts_with(b"]"):
            if within:
                while len(window) <= MAX_BLANK_BYTES and window.more():
                    pass
                if len(window) > MAX_BLANK_BYTES:
                    raise CorpusError(
                        f"behind the list of records stand more than {MAX_BLANK_BYTES >> 20} MiB of other things.",
                        hint="Take the list out of its object first, for example: jq -c '.data[]'",
                    )
                yield Tail(before + window.take(len(window)))
                return
            if (end := window.run(_BLANKS, 1)) == len(window) and not window.more():
                yield Tail(before + window.take(end))
                return
            scanner = _Everything()
        record = _element(window, scanner, before, position, line, limit)
        yield record
        before, line, position = b"", record.next_line, position + 1


def _element(
    window: _Window, scanner: _Scanner | _Everything, before: bytes, position: int, line: int, limit: int
) -> RawRecord:
    """Take the element that comes next; beyond ``limit`` it goes to a spool."""
    offset = window.base
    spool: Spool | None = None
    breaks = at = 0
    ended = False
    while not ended:
        at, ended = scanner.scan(window, at)
        if at > limit or spool:
            spool = spool or Spool()
            breaks += (piece := window.take(at)).count(b"\n")
            spool.write(piece)
            at = 0
        if not ended and not window.more():
            at = len(window)
            ended = True
    body = window.take(at) if spool else window.take(len(window.data[window.start : window.start + at].rstrip()))
    breaks += body.count(b"\n")
    if spool:
        spool.write(body)
        body = b""
    return RawRecord(
        position=position,
        line=line,
        offset=offset,
        end=window.base,
        next_line=line + breaks,
        before=before,
        body=body,
        after=b"",
        spool=spool.file if spool else None,
    )
