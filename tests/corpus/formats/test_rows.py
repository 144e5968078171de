"""Rows of tables: where they end, what their cells say, and how an edited cell is written."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.corpus.formats.rows import Dialect, read_row, read_rows
from midb.corpus.raw import RawRecord, Start, Tail

COMMAS = Dialect(b",")
BACKSLASH = Dialect(b",", backslash=True)
texts = st.text(st.sampled_from('ab",;\t\n\r \\é'), max_size=8)


@given(
    st.lists(st.lists(texts, min_size=2, max_size=4), min_size=1, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_cells_are_those_that_python_reads(rows: list[list[str]], end: str, every: bool) -> None:
    if not every:  # Python leaves a carriage return without marks, and takes it for the end of a row then
        rows = [[text.replace("\r", "") for text in row] for row in rows]
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator=end, quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL).writerows(rows)
    data = written.getvalue().encode()
    stream = io.BytesIO(data)
    found = []
    while row := read_row(stream, COMMAS):
        found.append([COMMAS.text(cell).decode() for cell in COMMAS.cells(row.data)])
        assert not row.open
    assert found == rows
    assert found == list(csv.reader(io.StringIO(data.decode(), newline="")))


@given(st.lists(st.lists(texts, min_size=2, max_size=4), min_size=1, max_size=5))
def test_cells_with_backslashes_are_those_that_python_reads(rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL, doublequote=False, escapechar="\\").writerows(rows)
    data = written.getvalue().encode()
    stream = io.BytesIO(data)
    found = []
    while row := read_row(stream, BACKSLASH):
        cells = BACKSLASH.cells(row.data)
        found.append([BACKSLASH.text(cell).decode() for cell in cells])
        assert [BACKSLASH.written(BACKSLASH.text(cell), cell) for cell in cells] == cells, "as Python writes them"
        assert all(map(BACKSLASH.is_well_quoted, cells))
        assert not row.open
    assert found == rows


def test_a_backslash_at_the_end_of_a_piece_belongs_to_what_follows() -> None:
    text = b'a"' * (1 << 19) + b"\n,"
    for shift in range(3):
        cell = BACKSLASH.written(b"x" * shift + text, b'""')
        row = read_row(io.BytesIO(cell + b",b\nc,d\n"), BACKSLASH)
        assert row is not None
        assert (row.data, row.open) == (cell + b",b", False)


@pytest.mark.parametrize("text", [rb"\n", rb"\\", rb"a\b", rb"\"", rb"\n\\", b"end\\", rb"\\n"])
def test_a_writer_that_leaves_backslashes_alone_is_followed(text: bytes) -> None:
    new = BACKSLASH.written(text, rb'"\d \"x\""')
    assert BACKSLASH.text(new) == text
    assert BACKSLASH.cells(new) == [new]
    assert (new == b'"' + text + b'"') is (text in (rb"\n", rb"a\b"))


@given(
    texts,
    texts,
    st.sampled_from([COMMAS, Dialect(b";"), Dialect(b"\t"), Dialect(b"\t", escaping=True), BACKSLASH]),
)
def test_a_text_comes_back_from_the_cell_that_it_was_written_to(text: str, before: str, dialect: Dialect) -> None:
    old = dialect.written(before.encode(), b"")
    said = dialect.text(old)
    if dialect.escaping and "\\" in text + before:
        return  # a backslash may be the first half of an escape: what a cell with one says is told below
    assert said.decode() == before
    new = dialect.written(text.encode(), old)
    assert dialect.text(new).decode() == text
    assert new.startswith(b'"') or not old.startswith(b'"'), "quoted as it was"
    assert dialect.cells(new) == [new]


@pytest.mark.parametrize(
    ("cell", "says"),
    [(rb"a\nb", b"a\nb"), (rb"a\\nb", rb"a\\nb"), (rb"\frac\tb", b"\\frac\tb"), (b"end\\", b"end\\")],
)
def test_escapes_of_line_breaks_are_read_and_written_again(cell: bytes, says: bytes) -> None:
    dialect = Dialect(b"\t", quoting=False, escaping=True)
    assert dialect.text(cell) == says
    assert dialect.written(says, cell) == cell


def test_quotation_marks_that_belong_to_the_text_stay_where_they_are() -> None:
    plain = Dialect(b"\t", quoting=False)
    assert plain.cells(b'"a\tb"') == [b'"a', b'b"']
    assert plain.text(b'"a"') == b'"a"'
    assert plain.written(b'"b"', b'"a"') == b'"b"'
    assert plain.written(b"a\tb", b"a") == b'"a\tb"', "nothing else can hold a tab"


def test_a_quotation_mark_that_is_never_closed_reaches_to_the_end() -> None:
    row = read_row(io.BytesIO(b'a,"b\nc,d\n'), COMMAS)
    assert row is not None
    assert (row.data, row.ending, row.lines, row.open) == (b'a,"b\nc,d\n', b"", 2, True)


def test_a_row_beyond_the_limit_goes_to_a_spool_and_the_next_follows() -> None:
    data = b'a,"' + b'x""\n' * 20 + b'"\r\nb,c\n'
    first, second, tail = list(read_rows(io.BytesIO(data), Start(), COMMAS, limit=30))
    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert isinstance(first[0], RawRecord)
    assert (b"".join(first[0].chunks()), first[0].after) == (data[: -len(b"\r\nb,c\n")], b"\r\n")
    assert (second[0].row, second[0].line, second[0].offset) == (b"b,c", 22, len(data) - 4)
    assert tail == Tail(b"")


def test_two_quotation_marks_between_two_pieces_are_two() -> None:
    inner = b"x" * ((1 << 20) - 3)
    data = b'a,"' + inner[1:] + b'""y",b\nc,d\n'
    row = read_row(io.BytesIO(data), COMMAS)
    assert row is not None
    assert COMMAS.cells(row.data)[2:] == [b"b"]
