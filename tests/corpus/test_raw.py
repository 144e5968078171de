"""JSON Lines: every byte has its place, whatever the bytes are."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tempfile
from collections.abc import Iterator
from typing import IO

import pytest
from corpus_files import Part
from hypothesis import example, given
from hypothesis import strategies as st

from midb.corpus.raw import BOM, FILE_BYTES, MAX_RECORD_BYTES, RawRecord, Start, Tail, read_lines
from midb.domain.errors import MidbError

#: What lines are made of, and what breaks them.
PIECES = (
    b"\n", b"\r\n", b"\r", b"\n\n", b" ", b"\t", b"{}", b'{"a": 1}', b'"', b"\xff\xfe", b"\0", BOM, b"x" * 9,
    "\N{LINE SEPARATOR}".encode(), "\x85\N{NO-BREAK SPACE}".encode(), b"\x0b\x0c\x1c",
)  # fmt: skip
ANYTHING = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join) | st.binary(max_size=40)
LIMITS = st.sampled_from([1, 2, 3, 8, 1000])


def plain(items: Iterator[RawRecord | Tail]) -> list[Part | Tail]:
    """Records and tail, so that they can be compared."""
    return [Part.of(item) if isinstance(item, RawRecord) else item for item in items]


def resumed(data: bytes, record: RawRecord, limit: int) -> list[Part | Tail]:
    stream = io.BytesIO(data)
    stream.seek(record.end)
    return plain(read_lines(stream, Start(record.end, record.position + 1, record.next_line), limit=limit))


@given(ANYTHING, LIMITS)
def test_every_byte_belongs_to_one_record_or_the_tail(data: bytes, limit: int) -> None:
    *records, tail = read_lines(io.BytesIO(data), Start(), limit=limit)
    assert isinstance(tail, Tail)
    joined = b"".join(
        record.before + b"".join(record.chunks()) + record.after for record in records if isinstance(record, RawRecord)
    )
    assert joined + tail.data == data.removeprefix(BOM)


@given(ANYTHING, LIMITS)
@example(BOM + b"x" * 9, 8)
def test_places_are_those_in_the_file(data: bytes, limit: int) -> None:
    *records, _ = read_lines(io.BytesIO(data), Start(), limit=limit)
    for position, record in enumerate(records):
        assert isinstance(record, RawRecord)
        assert record.position == position
        body = b"".join(record.chunks())
        assert data[record.offset : record.offset + record.length] == body
        assert record.end == record.offset + len(body) + len(record.after)
        assert record.line == data[: record.offset].count(b"\n") + 1
        assert record.next_line == record.line + 1
        assert body.strip() or record.spool  # a long line is set aside even if it is blank
        assert b"\n" not in body
        assert (record.spool is None) == (len(record.body) > 0)
        assert (record.spool is None) or len(body) > limit - 2


@given(ANYTHING, LIMITS)
def test_reading_resumes_behind_any_record(data: bytes, limit: int) -> None:
    items = list(read_lines(io.BytesIO(data), Start(), limit=limit))
    for number, record in enumerate(items[:-1]):
        assert isinstance(record, RawRecord)
        assert resumed(data, record, limit) == plain(iter(items[number + 1 :]))


def test_line_ends_are_line_feeds_and_nothing_else() -> None:
    data = '{"a": "x\N{LINE SEPARATOR}y\x85"}\r\n\n  \r\n{"b": 1}\r{"c": 2}\n{"d": 3}'.encode()
    *records, tail = read_lines(io.BytesIO(data), Start())
    assert [(r.line, r.before, r.after) for r in records if isinstance(r, RawRecord)] == [
        (1, b"", b"\r\n"),
        (4, b"\n  \r\n", b"\n"),
        (5, b"", b""),
    ]
    assert tail == Tail(b"")


def test_a_long_line_is_spooled_and_its_neighbours_are_not() -> None:
    long = b'{"a": "' + b"x" * 5_000_000 + b'"}'
    data = b'{"first": 1}\n' + long + b'\r\n{"last": 1}\n'
    *records, _ = read_lines(io.BytesIO(data), Start(), limit=1000)
    first, spooled, last = (record for record in records if isinstance(record, RawRecord))
    assert (first.body, last.body, last.line) == (b'{"first": 1}', b'{"last": 1}', 3)
    assert (spooled.body, spooled.length, spooled.after) == (b"", len(long), b"\r\n")
    assert b"".join(spooled.chunks()) == b"".join(spooled.chunks()) == long


def test_a_line_of_the_greatest_length_is_no_long_line() -> None:
    for ending in (b"\n", b"\r\n", b""):
        record = next(read_lines(io.BytesIO(b"x" * 8 + ending), Start(), limit=8))
        assert isinstance(record, RawRecord)
        assert (record.spool, record.length) == (None, 8)


def test_a_full_temporary_folder_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    def full() -> IO[bytes]:
        return Full()

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(MidbError, match="No space left") as caught:
        list(read_lines(io.BytesIO(b"x" * 100), Start(), limit=10))
    assert "TMPDIR" in caught.value.hint
    assert MAX_RECORD_BYTES >= 1 << 20


def test_a_record_that_is_no_json_is_told_and_hashed_as_it_lies_there() -> None:
    raw = dataclasses.replace(RawRecord.alone(b'{"a":"b"}'), row=b"b;c", file="t.csv", offset=3 * FILE_BYTES + 7)
    assert (raw.length, list(raw.chunks()), raw.sha256()) == (3, [b"b;c"], hashlib.sha256(b"b;c").hexdigest())
    assert (raw.place, raw.offset_in_file) == ("t.csv, line 1", 7)
    assert RawRecord.alone(b"{}", 4).place == "line 5"
