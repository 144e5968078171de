"""Rows of a table as they lie in a file: cells between separators, quoted or not, also over several lines.

Knows bytes and cells, no columns. What no edit touches is never written anew: a row keeps its bytes, and an edited cell
keeps the way it was quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from midb.corpus.raw import MAX_BLANK_BYTES, MAX_RECORD_BYTES, RawRecord, Spool, Start, Tail

_QUOTE = b'"'
#: A backslash with what follows it: behind an escaped backslash stands no escape.
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_BREAKS = {rb"\n": b"\n", rb"\r": b"\r", rb"\t": b"\t"}
_QUOTED = re.compile(rb'"((?:[^"]++|"")*+)("?)')
#: The same where a backslash stands before a quotation mark that is text.
_BACKSLASHED = re.compile(rb'"((?:[^"\\]++|\\.)*+)("?)', re.DOTALL)
#: What a backslash makes text there, and one that stands before something else, as some writers leave it.
_MADE_TEXT = re.compile(rb'\\(["\\])')
_LONE = re.compile(rb'(?<!\\)(?:\\\\)*+\\(?!["\\])')


@dataclass(frozen=True)
class Dialect:
    """How cells are told apart: the separator, whether quotation marks around a cell are none of its text, whether
    line breaks and tabs in a cell are written as a backslash with a letter, and whether a quotation mark between two
    others stands behind a backslash, as Spark writes it, and is not doubled."""

    separator: bytes
    quoting: bool = True
    escaping: bool = False
    backslash: bool = False

    def cells(self, row: bytes) -> list[bytes]:
        """The cells of a row without its line end, as they are written.

        >>> Dialect(b";").cells(b'a;"b;c";')
        [b'a', b'"b;c"', b'']
        """
        found: list[bytes] = []
        start = 0
        while True:
            end = self._end_of_cell(row, start)
            found.append(row[start:end])
            if end >= len(row):
                return found
            start = end + 1

    def text(self, cell: bytes) -> bytes:
        """What a cell says.

        >>> Dialect(b",").text(b'"5"" wide"'), Dialect(b",").text(b'5" wide')
        (b'5" wide', b'5" wide')
        """
        match = self._quoted(cell)
        text = self._within(match[1]) + cell[match.end() :] if match else cell
        return _ESCAPE.sub(lambda found: _BREAKS.get(found.group(), found.group()), text) if self.escaping else text

    def written(self, text: bytes, before: bytes) -> bytes:
        """A new text for a cell, quoted as the cell ``before`` was; where that had no quotes, only if it must be.

        >>> Dialect(b",").written(b'5" wide, or so', b'"5"'), Dialect(b",").written(b"a, b", b"a")
        (b'"5"" wide, or so"', b'"a, b"')
        """
        if self.escaping:
            for escape, mark in _BREAKS.items():
                text = text.replace(mark, escape)
        quoted = self.quoting and before.startswith(_QUOTE)
        needed = re.search(b"[\r\n" + re.escape(self.separator) + b"]", text)
        if quoted or needed or (self.quoting and text.startswith(_QUOTE)):
            inner = _with_backslashes(text, before) if self.backslash else text.replace(_QUOTE, b'""')
            return _QUOTE + inner + _QUOTE
        return text

    def _quoted(self, row: bytes, start: int = 0) -> re.Match[bytes] | None:
        """What stands between quotation marks at a place of a row, with the marks."""
        if not self.quoting:
            return None
        return (_BACKSLASHED if self.backslash else _QUOTED).match(row, start)

    def _within(self, written: bytes) -> bytes:
        """What is said between two quotation marks."""
        return _MADE_TEXT.sub(rb"\1", written) if self.backslash else written.replace(b'""', _QUOTE)

    def _end_of_cell(self, row: bytes, start: int) -> int:
        match = self._quoted(row, start)
        end = row.find(self.separator, match.end() if match else start)
        return len(row) if end < 0 else end

    def is_well_quoted(self, cell: bytes) -> bool:
        """Whether a cell that begins with a quotation mark ends with one, and has no single one in between."""
        match = self._quoted(cell)
        return match is None or (match.end() == len(cell) and bool(match[2]))


def _with_backslashes(text: bytes, before: bytes) -> bytes:
    """A text as it stands between quotation marks where backslashes make them text. Every backslash gets one as well,
    but where the cell ``before`` shows that its writer gives it only to those that would be misread without."""
    marks = rb'"|\\(?=["\\]|\Z)' if _LONE.search(before) else rb'["\\]'
    return re.sub(marks, rb"\\\g<0>", text)


class RowScanner:
    """Finds the end of a row in pieces of a file, of which none ends between two quotation marks."""

    def __init__(self, dialect: Dialect) -> None:
        self.inside = False
        self._quoting = dialect.quoting
        self._backslash = dialect.backslash
        self._inner = re.compile(rb'["\\]' if dialect.backslash else rb'"')
        self._fresh = True
        self._mark = re.compile(b"[\n" + re.escape(dialect.separator) + b"]")

    def ends(self, piece: bytes) -> bool:
        """Whether the row ends with this piece of it, the next one."""
        position = 0
        while position < len(piece):
            if self.inside:
                found = self._inner.search(piece, position)
                if found is None:
                    return False
                at = found.start()
                goes_on = found.group() != _QUOTE if self._backslash else piece[at + 1 : at + 2] == _QUOTE
                self.inside = goes_on
                position = at + 1 + goes_on
            elif self._fresh and self._quoting and piece[position : position + 1] == _QUOTE:
                self.inside, self._fresh = True, False
                position += 1
            else:
                self._fresh = False
                match = self._mark.search(piece, position)
                if match is None:
                    return False
                if match.group() == b"\n":
                    return True
                self._fresh = True
                position = match.end()
        return False


@dataclass(frozen=True)
class Row:
    """One row: its bytes without the line end, or in a spool where they are too many; ``open``: a quotation mark in it
    is never closed."""

    data: bytes
    ending: bytes
    lines: int
    open: bool = False
    spool: Spool | None = None

    @property
    def size(self) -> int:
        """Bytes of it in the file, line end included."""
        return (self.spool.size if self.spool else len(self.data)) + len(self.ending)


def read_row(stream: BinaryIO, dialect: Dialect, *, limit: int = MAX_RECORD_BYTES) -> Row | None:
    """The next row of a stream, ``None`` at its end. A blank line is a row without cells."""
    scanner = RowScanner(dialect)
    data = bytearray()
    spool: Spool | None = None
    breaks = 0
    pairs = (_QUOTE, b"\\") if dialect.backslash else _QUOTE
    while piece := stream.readline(1 << 20):
        while piece.endswith(pairs) and (more := stream.read(1)):
            piece += more  # a quotation mark at the end of a piece may be the first of two, a backslash too
        breaks += piece.count(b"\n")
        ended = scanner.ends(piece)
        data += piece
        if len(data) > limit or spool:
            spool = spool or Spool()
            spool.write(bytes(data))
            data.clear()
        if ended:
            break
    if spool:
        ending = spool.take_line_end() if not scanner.inside else b""
        return Row(b"", ending, breaks, scanner.inside, spool)
    if not data:
        return None
    row = bytes(data)
    body = row if scanner.inside else row.removesuffix(b"\n").removesuffix(b"\r") if row.endswith(b"\n") else row
    return Row(body, row[len(body) :], breaks, scanner.inside)


def read_rows(
    stream: BinaryIO, start: Start, dialect: Dialect, *, limit: int = MAX_RECORD_BYTES
) -> Iterator[tuple[RawRecord, bool] | Tail]:
    """The rows of a stream that stands at ``start``, each with whether a quotation mark in it is never closed.

    A record's ``row`` holds its bytes and its ``body`` is empty, for what is in a row only its columns tell. Blank
    lines are no records but are kept.
    """
    offset, line, position = start.offset, start.line, start.position
    blank = bytearray()
    while (row := read_row(stream, dialect, limit=limit)) is not None:
        end, next_line = offset + row.size, line + row.lines
        if row.spool is None and not row.data.strip(b" \r\f\v"):
            if len(blank) < MAX_BLANK_BYTES:
                blank += row.data + row.ending
        else:
            record = RawRecord(
                position=position,
                line=line,
                offset=offset,
                end=end,
                next_line=next_line,
                before=bytes(blank),
                body=b"",
                after=row.ending,
                spool=row.spool.file if row.spool else None,
                row=row.data,
            )
            yield record, row.open
            blank.clear()
            position += 1
        offset, line = end, next_line
    yield Tail(bytes(blank))
