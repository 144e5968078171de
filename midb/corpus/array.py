"""JSON arrays, read element by element without loading or re-writing the file.

Only brackets and strings are looked at, so that an element that is broken inside does not spoil its neighbours. What
cannot be told apart any more (an unterminated string, a missing bracket) reaches to the end of the file and comes out
as one element, which will not parse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from midb.corpus.raw import BOM, RawRecord, Start, Tail

_CHUNK = 1 << 16  # small: what is left of the window is copied with every element
_SEPARATORS = re.compile(rb"[\s,]*")
_OPENING = re.compile(rb"\s*\[")
_STRUCTURE = re.compile(rb'["\[\]{},]')
_STRING_END = re.compile(rb'(?:[^"\\]+|\\.)*+"', re.DOTALL)


class _Buffer:
    """A window on the stream; ``base`` is the offset of its first byte."""

    def __init__(self, stream: BinaryIO, base: int) -> None:
        self.stream = stream
        self.data = b""
        self.base = base
        self.ended = False

    def more(self) -> bool:
        """Read on; False at the end of the file. Grows with what it holds, so that rescans stay linear."""
        chunk = self.stream.read(max(_CHUNK, len(self.data)))
        self.ended = not chunk
        self.data += chunk
        return bool(chunk)

    def drop(self, count: int) -> bytes:
        """Take the first bytes out of the window."""
        taken, self.data = self.data[:count], self.data[count:]
        self.base += count
        return taken


def _matched(buffer: _Buffer, pattern: re.Pattern[bytes], position: int) -> int:
    """The end of a match at ``position`` that does not depend on bytes still to be read; -1 where there is none."""
    while True:
        match = pattern.match(buffer.data, position)
        if match and match.end() < len(buffer.data):
            return match.end()
        if not buffer.more():
            return match.end() if match else -1


def _element_end(buffer: _Buffer) -> int:
    """The end of the element that starts the window: the next comma or closing bracket on its own level."""
    position = depth = 0
    while True:
        found = _STRUCTURE.search(buffer.data, position)
        if found is None:
            position = len(buffer.data)
            if not buffer.more():
                return position
            continue
        mark, position = found.group(), found.end()
        if mark == b'"':
            position = _matched(buffer, _STRING_END, position)
            if position < 0:
                return len(buffer.data)
        elif mark in b"[{":
            depth += 1
        elif depth == 0:
            return found.start()
        elif mark in b"]}":
            depth -= 1


def read_array(stream: BinaryIO, start: Start) -> Iterator[RawRecord | Tail]:
    """The elements of an array in a stream that stands at ``start`` (at its opening, or behind an element)."""
    buffer = _Buffer(stream, start.offset)
    line, position = start.line, start.position
    before = b""
    if start.offset == 0:
        before = buffer.drop(max(_matched(buffer, _OPENING, _bom(buffer)), 0))
        line += before.count(b"\n")
        before = before.removeprefix(BOM)
    while True:
        before += (separator := buffer.drop(max(_matched(buffer, _SEPARATORS, 0), 0)))
        line += separator.count(b"\n")
        if not buffer.data and not buffer.more():
            # A file cut off behind an element still gives an array that can be read.
            yield Tail(before.rstrip(b", \t\r\n") + b"\n]" if position else before)
            return
        if buffer.data.startswith(b"]"):
            while buffer.more():
                pass
            yield Tail(before + buffer.data)
            return
        offset = buffer.base
        body = buffer.drop(_element_end(buffer))
        stripped = body.rstrip()
        trailing = body[len(stripped) :]
        next_line = line + body.count(b"\n")
        yield RawRecord(position, line, offset, buffer.base, next_line, before, stripped, b"")
        before, line, position = trailing, next_line, position + 1


def _bom(buffer: _Buffer) -> int:
    buffer.more()
    return len(BOM) if buffer.data.startswith(BOM) else 0
