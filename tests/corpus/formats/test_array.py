"""JSON arrays, element by element: right for what is well-formed, and never lost, stuck or raising for what is not."""

from __future__ import annotations

import io
import json
from unittest.mock import patch

import pytest
from corpus_files import BEGINNING, Part
from hypothesis import example, given
from hypothesis import strategies as st

from midb.corpus.formats import array
from midb.corpus.raw import BOM, RawRecord, Start, Tail, read_lines

PIECES = (
    b"[", b"]", b"{", b"}", b'"', b"\\", b",", b":", b" ", b"\n", b"\r\n", b"\x0b", b"1", b'{"a": 1}', b'"x, ]"',
    BOM, b"\xff", b"\0", "\N{LINE SEPARATOR}".encode(),
)  # fmt: skip
ANYTHING = st.lists(st.sampled_from(PIECES), max_size=16).map(b"".join) | st.binary(max_size=40)
#: What an array is written of: its elements, the separators, whether everything but ASCII is escaped.
Element = dict[str, str | int | list[str | None]]
Separators = tuple[str, str, str, str]
Array = tuple[list[Element], Separators, bool]

CHUNKS = st.sampled_from([1, 2, 3, 7, 1 << 16])
LIMITS = st.sampled_from([1, 4, 1000])

TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\[]{},\n'), max_size=8)
ELEMENTS = st.dictionaries(TEXTS, TEXTS | st.integers() | st.lists(TEXTS | st.none(), max_size=3), max_size=3)


def parts(
    data: bytes, *, start: Start = BEGINNING, limit: int = 1000, chunk: int = 1 << 16
) -> tuple[list[Part], bytes]:
    """What is read of the data: the elements, and what stands behind them."""
    stream = io.BytesIO(data)
    stream.seek(start.offset)
    with patch.object(array, "_CHUNK", chunk):
        *elements, tail = (
            Part.of(item) if isinstance(item, RawRecord) else item.data
            for item in array.read_array(stream, start, limit=limit)
        )
    assert isinstance(tail, bytes)
    return [element for element in elements if isinstance(element, Part)], tail


def spelled(values: list[Element], layout: Separators, ascii_only: bool) -> bytes:
    """An array in which the separators, and the blanks around it, are those of the layout."""
    opening, separator, closing, colon = layout
    items = [json.dumps(v, ensure_ascii=ascii_only, separators=(separator, colon)) for v in values]
    return (opening + separator.join(items) + closing).encode()


ARRAYS = st.tuples(
    st.lists(ELEMENTS, max_size=6),
    st.sampled_from([
        ("[", ",", "]", ":"), ("[\n", ",\n", "\n]\n", ": "), (" \r\n[\r\n ", " ,\r\n ", " \r\n] \r\n\r\n", " :\n"),
        ("\ufeff[\n\n", "\n,\n", "\n\n]", ":"),
    ]),
    st.booleans(),
)  # fmt: skip


@given(ARRAYS, CHUNKS, LIMITS)
def test_elements_of_an_array_are_found_where_they_stand(case: Array, chunk: int, limit: int) -> None:
    values, _, _ = case
    data = spelled(*case)
    records, tail = parts(data, chunk=chunk, limit=limit)
    assert [json.loads(record.body) for record in records] == values
    assert b"".join(record.before + record.body for record in records) + tail == data.removeprefix(BOM)
    for position, record in enumerate(records):
        assert record.position == position
        assert data[record.offset : record.end] == record.body
        assert record.line == data[: record.offset].count(b"\n") + 1
        assert record.next_line == data[: record.end].count(b"\n") + 1


@given(ANYTHING, CHUNKS, LIMITS)
@example(b"[}", 1, 1000)
@example(b'["a', 2, 1)
@example(b'["\\', 1, 1000)
@example(b"[1]]", 1, 1)
def test_every_byte_belongs_to_one_element_or_the_tail(data: bytes, chunk: int, limit: int) -> None:
    records, tail = parts(data, chunk=chunk, limit=limit)
    joined = b"".join(record.before + record.body for record in records) + tail
    data = data.removeprefix(BOM)
    if joined != data:  # it was not closed: now it is, and lost no more than separators
        kept = joined.removesuffix(array.CLOSING)
        assert len(kept) == len(joined) - 2
        assert data.startswith(kept)
        assert not data[len(kept) :].strip(b", \t\r\n")
    assert tail.rstrip().endswith(b"]")
    assert all(record.body for record in records)


@given(ANYTHING | ARRAYS.map(lambda case: spelled(*case)), CHUNKS, LIMITS)
def test_reading_resumes_behind_any_element(data: bytes, chunk: int, limit: int) -> None:
    records, tail = parts(data, limit=limit)
    assert parts(data, limit=limit, chunk=chunk) == (records, tail), "the result depends on how much is read at a time"
    for number, record in enumerate(records):
        start = Start(record.end, record.position + 1, record.next_line)
        assert parts(data, start=start, limit=limit, chunk=chunk) == (records[number + 1 :], tail)


@pytest.mark.parametrize(
    "broken",
    [
        b"nul", b"}", b'{"a": 1}}', b'{"a" 1}', b'{"a": ]}', b'{"a": 1]', b'"text"', b"{,}", b"}:", b":", b'{"\\": "}',
        b'{"a": "caf\xe9"}', b'{"a": "\n"}', b'{"a": 1} {"b": 2}',
    ],
)  # fmt: skip
def test_a_broken_element_leaves_its_neighbours_alone(broken: bytes) -> None:
    if broken == b'{"a": 1]':
        broken += b"}"  # one bracket too many, not one too few
    records, tail = parts(b'[{"first": 1},\n' + broken + b',\n{"last": 1}\n]\n')
    assert [records[0].body, records[-1].body] == [b'{"first": 1}', b'{"last": 1}']
    assert b"".join(record.before + record.body for record in records[1:-1]).lstrip(b", \n") == broken
    assert tail == b"\n]\n"


@pytest.mark.parametrize("broken", [b'{"a": "', b'{"a": [1}', b"{", b"}{"])
def test_what_is_never_closed_is_one_element_to_the_end(broken: bytes) -> None:
    rest = broken + b', {"b": 2}]'
    records, tail = parts(b'[{"a": 1}, ' + rest)
    assert [record.body for record in records] == [b'{"a": 1}', rest]
    assert tail == array.CLOSING


@pytest.mark.parametrize("rest", [b'[{"b": 2}]', b'{"b": 2}\n{"c": 3}', b"]", b"x"])
def test_what_stands_behind_the_array_is_one_element_that_will_not_parse(rest: bytes) -> None:
    records, tail = parts(b'[{"a": 1}\n]\n' + rest)
    assert [record.line for record in records] == [1, 2]
    assert records[1].body == b"]\n" + rest
    assert tail == array.CLOSING


@given(st.lists(ELEMENTS, min_size=1, max_size=4), st.data())
def test_an_array_cut_off_anywhere_keeps_what_is_whole(values: list[Element], data: st.DataObject) -> None:
    whole = spelled(values, ("[", ", ", "]", ": "), True)
    cut = data.draw(st.integers(1, len(whole)))
    records, tail = parts(whole[:cut])
    output = b"["
    for record in records:
        try:
            json.loads(record.body)
        except json.JSONDecodeError:
            assert record is records[-1]
            continue
        output += record.before.lstrip(b"[") + record.body
    read = json.loads(output + tail.removeprefix(b"["))
    assert read == values[: len(read)]
    assert len(read) >= len(records) - 1


def test_a_long_element_is_spooled_and_its_neighbours_are_not() -> None:
    long = b'{"a": "' + b'x,\\"\n]' * 100_000 + b'"}'
    records, tail = parts(b'[{"first": 1},\n' + long + b' ,{"last": 1}]')
    assert [record.spooled for record in records] == [False, True, False]
    assert records[1].body.rstrip() == long
    assert (records[2].body, records[2].line, tail) == (b'{"last": 1}', 100_002, b"]")


def test_a_deeply_nested_element_is_one_element() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    records, _ = parts(b"[" + deep + b",1]", limit=1 << 20)
    assert [record.body for record in records] == [deep, b"1"]


def test_lines_and_arrays_agree_on_what_is_read() -> None:
    rows = [{"n": number, "text": "x" * number} for number in range(200)]
    lines = "\n".join(map(json.dumps, rows)).encode()
    of_lines = [r.body for r in read_lines(io.BytesIO(lines), Start()) if isinstance(r, RawRecord)]
    of_array = [
        r.body for r in array.read_array(io.BytesIO(json.dumps(rows).encode()), Start()) if not isinstance(r, Tail)
    ]
    assert of_lines == of_array
