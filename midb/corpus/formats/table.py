"""CSV and TSV: rows as JSON objects on the way in, the bytes of every cell that is not edited on the way out.

Which separator a table has is found out from its first line (Excel's `sep=;` says so itself), whether quotation marks
around a cell belong to its text from its first rows.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import orjson

from midb.corpus.formats.base import distinct
from midb.corpus.formats.compression import open_stream, reading
from midb.corpus.formats.rows import Dialect, Row, read_row, read_rows
from midb.corpus.formats.text import TextContainer
from midb.corpus.raw import BOM, RawRecord, Start, Tail
from midb.domain.errors import CorpusError

#: What separates cells, in words. Of two that stand in the first line equally often the first is taken.
SEPARATORS = {b"\t": "tabs", b";": "semicolons", b",": "commas", b"|": "bars"}

#: How much of a table is looked at for backslashes, which may come long behind its first rows.
_LOOKED_AT = 4 << 20

#: Excel's first line that names the separator.
_TOLD = re.compile(rb"sep=([^\r\n])\r?\n", re.IGNORECASE)

#: Rows that show what is wrong with a table.
_FIRST_ROWS = 200

#: The end of a row that ends with a backslash which no other stands before.
_ENDS_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\\Z")

#: The share of rows that are no UTF-8 above which the whole table is in another encoding.
_FOREIGN_ROWS = 0.1


def find_dialect(beginning: bytes, *, named: bool) -> Dialect | None:
    """The dialect of a table that begins with these bytes, ``None`` where they are none.

    ``named``: the name of the file says that it is a table, so that one column is enough.

    >>> find_dialect(b"id;prompt\\n1;x\\n", named=False), find_dialect(b'{"a": 1, "b": 2}\\n', named=False)
    (Dialect(separator=b';', quoting=True, escaping=False, backslash=False), None)
    """
    text = beginning.removeprefix(BOM)
    if told := _TOLD.match(text):
        return _with_quoting(told[1], text[told.end() :])
    lines = text.lstrip().splitlines()
    if not lines or any(_is_json(line) for line in lines[: 1 if named else 50]):
        return None
    counts = {mark: _count_columns(Dialect(mark), lines[0]) for mark in SEPARATORS}
    separator = max(counts, key=lambda mark: counts[mark])
    if counts[separator] < 2:
        return Dialect(b",") if named else None
    return _with_quoting(separator, text) if named or _are_names(Dialect(separator), lines[0]) else None


def _is_json(line: bytes) -> bool:
    """Whether a line is an object or a list, as no line of a table is."""
    if not line.lstrip().startswith((b"{", b"[")):
        return False
    try:
        return isinstance(orjson.loads(line), dict | list)
    except orjson.JSONDecodeError:
        return False


def _count_columns(dialect: Dialect, line: bytes) -> int:
    return len(dialect.cells(line))


def _are_names(dialect: Dialect, line: bytes) -> bool:
    """Whether the cells of a line may be the names of columns: short, no two alike, and none with a brace."""
    names = [dialect.text(cell).strip() for cell in dialect.cells(line)]
    full = [name for name in names if name]
    return (
        len(set(full)) == len(full) >= len(names) - 1
        and all(len(name) <= 80 for name in names)
        and not any(re.search(rb"[{}\[\]]", name) for name in names)
    )


def _with_quoting(separator: bytes, text: bytes) -> Dialect:
    """The dialect of a table that begins with ``text``.

    Where quotation marks do not come in pairs in its first rows, and do where a backslash makes one text, it does.
    Many tables with tabs have no quotation marks of their own: where these do not come in pairs they are text. In such
    tables line breaks may be escaped; where no cell has a real one, `\\n` is one.
    """
    quoted = Dialect(separator)
    if _has_backslashes(quoted, text):
        return dataclasses.replace(quoted, backslash=True)
    if separator != b"\t":
        return quoted
    rows = _first_rows(quoted, text)
    cells = [cell for row in rows for cell in quoted.cells(row)]
    plain = len({len(quoted.cells(row)) for row in rows}) > 1 or not all(map(quoted.is_well_quoted, cells))
    broken = not plain and any(b"\n" in cell for cell in cells)
    return Dialect(separator, quoting=not plain, escaping=not broken and rb"\n" in text)


def _has_backslashes(quoted: Dialect, text: bytes) -> bool:
    """Whether the quotation marks of the first rows come in pairs only if a backslash makes one text."""
    if rb"\"" not in text or _is_well_quoted(quoted, text):
        return False
    return _is_well_quoted(dataclasses.replace(quoted, backslash=True), text)


def _is_well_quoted(dialect: Dialect, text: bytes) -> bool:
    """Whether the quotation marks of the first rows come in pairs around cells."""
    return all(dialect.is_well_quoted(cell) for row in _first_rows(dialect, text) for cell in dialect.cells(row))


def _first_rows(dialect: Dialect, text: bytes) -> list[bytes]:
    """The rows of a beginning of a table, without the last, which may be cut off."""
    stream = io.BytesIO(text)
    rows: list[bytes] = []
    while (row := read_row(stream, dialect)) is not None:
        if row.open and not rows:
            return [row.data]
        if row.data.strip():
            rows.append(row.data)
    return rows[:-1] if len(rows) > 2 else rows


class TableFile(TextContainer):
    """One row a record, its columns named by the first row. ``head`` is everything before the first record."""

    default_suffix = ".csv"

    def __init__(self, path: Path, dialect: Dialect, compression: str = "") -> None:
        super().__init__(path, compression)
        with reading(path), open_stream(path, compression) as stream:
            plain = dialect.quoting and not dialect.escaping
            if plain and _has_backslashes(dialect, stream.read(_LOOKED_AT).removeprefix(BOM)):
                dialect = dataclasses.replace(dialect, backslash=True)
        self.dialect = dialect
        kind = "TSV" if dialect.separator == b"\t" else "CSV"
        self.name = (
            kind if dialect.separator in b"\t," else f"CSV with {SEPARATORS.get(dialect.separator, 'separators')}"
        )
        with reading(path), open_stream(path, compression) as stream:
            self._read_head(stream)
            rows: list[bytes] = []
            size = 0
            while len(rows) < _FIRST_ROWS and size < _LOOKED_AT and (row := read_row(stream, self.dialect)) is not None:
                size += row.size
                if row.data.strip():
                    rows.append(row.data)
        self._refuse_other_encoding(rows)
        self._refuse_broken_cells(rows)

    def _read_head(self, stream: BinaryIO) -> None:
        """Take in what stands before the first record: a mark, Excel's line, blank lines, the names of the columns."""
        head, lines = b"", 1
        row: Row | None = None
        first = True
        while (row := read_row(stream, self.dialect)) is not None:
            head += row.data + row.ending
            lines += row.lines
            whole = head if first else b""
            first = False
            if _TOLD.match(whole.removeprefix(BOM)) or not row.data.removeprefix(BOM).strip():
                continue
            break
        names = row.data if row else b""
        if row is not None and row.open:
            raise CorpusError(
                f"{self.path}: a quotation mark in the names of the columns is never closed.",
                hint="The first line of a table names its columns.",
            )
        if b"\r" in names:
            raise CorpusError(
                f"{self.path} ends its lines with a carriage return alone.",
                hint="Write line feeds first: tr '\\r' '\\n' < FILE",
            )
        try:
            texts = [self.dialect.text(cell).decode() for cell in self.dialect.cells(names.removeprefix(BOM))]
        except UnicodeDecodeError as error:
            raise self._other_encoding() from error
        self.head = head if not row or row.ending else head + b"\n"
        self.names = distinct([text.strip() or f"column {number}" for number, text in enumerate(texts, 1)])
        self._nameless = [name for name, text in zip(self.names, texts, strict=True) if not text.strip()]
        self._places = {name: index for index, name in enumerate(self.names)}
        self._first = Start(offset=len(head), line=lines)

    def _refuse_other_encoding(self, rows: Sequence[bytes]) -> None:
        """Raise CorpusError where many of the first rows are no UTF-8: Excel writes what a country is used to."""
        foreign = 0
        for row in rows:
            try:
                row.decode()
            except UnicodeDecodeError:
                foreign += 1
        if foreign > max(1, len(rows) * _FOREIGN_ROWS):
            raise self._other_encoding()

    def _refuse_broken_cells(self, rows: Sequence[bytes]) -> None:
        """Raise CorpusError where rows that end with a backslash have their other cells in the next line: to examine
        halves of a text would be worse than not to read it."""
        cells = 0  # of a row, whole where its lines are put together again
        for row, following in itertools.pairwise(rows if len(self.names) > 1 else ()):
            cells += len(self.dialect.cells(row))
            if not _ENDS_ESCAPED.search(row):
                cells = 0
                continue
            cells -= 1
            if not _ENDS_ESCAPED.search(following) and cells + len(self.dialect.cells(following)) == len(self.names):
                options = f"sep={self.dialect.separator.decode()!r}, quoting=3, escapechar='\\\\'"
                raise CorpusError(
                    f"{self.path} has line breaks behind a backslash within its cells, as MySQL exports them.",
                    hint="Export it with quotation marks around cells, or write it anew: "
                    f"pandas.read_csv('FILE', {options}).to_csv('NEW.csv', index=False)",
                )

    def _other_encoding(self) -> CorpusError:
        return CorpusError(
            f"{self.path} is not UTF-8 text.",
            hint='Save it as "CSV UTF-8", or convert it first, for example: iconv -f WINDOWS-1252 -t UTF-8',
        )

    def parse(self, stream: BinaryIO, start: Start) -> Iterator[RawRecord | Tail]:
        if start.offset == 0:
            start = self._first
            stream.read(start.offset)
        for item in read_rows(stream, start, self.dialect):
            yield item if isinstance(item, Tail) else self._record(*item)

    def _record(self, raw: RawRecord, unclosed: bool) -> RawRecord:
        """The row with its JSON object as the body, or with what is wrong with it."""
        if raw.spool:
            return raw
        if unclosed:
            return dataclasses.replace(raw, fault=("open-quote", "a quotation mark in it is never closed"))
        cells = self.dialect.cells(raw.row)
        extra = [cell for cell in cells[len(self.names) :] if cell.strip()]
        if extra:
            fault = ("ragged-row", f"it has {len(cells)} cells, and the table has {len(self.names)} columns")
            return dataclasses.replace(raw, fault=fault)
        try:
            values = [self.dialect.text(cell).decode() for cell in cells]
        except UnicodeDecodeError as error:
            return dataclasses.replace(
                raw, fault=("not-utf8", f"not UTF-8 (a byte is 0x{error.object[error.start]:02x})")
            )
        record = dict(zip(self.names, values, strict=False))
        for name in self._nameless:
            if name in record and not record[name].strip():
                del record[name]  # Excel's empty columns, of which there may be thousands
        return dataclasses.replace(raw, body=orjson.dumps(record))

    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        row = record.row if body is None else self._edited(record, body)
        return (self.head if first else b"") + record.before + row + record.after

    def _edited(self, record: RawRecord, body: bytes) -> bytes:
        """The row with those cells written anew whose texts are others in its new body."""
        cells = self.dialect.cells(record.row)
        old, new = orjson.loads(record.body), orjson.loads(body)
        for name, text in new.items():
            if text != old[name]:
                place = self._places[name]
                cells[place] = self.dialect.written(text.encode(), cells[place])
        return self.dialect.separator.join(cells)

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        return (self.head if first else b"") + tail.data
