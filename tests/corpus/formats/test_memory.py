"""Records in memory are read as a file of JSON Lines would be."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from midb.corpus.formats.memory import RecordsInMemory
from midb.corpus.layouts import LayoutFinder
from midb.corpus.raw import RawRecord, Start, Tail
from midb.corpus.records import parse_record

RECORDS: list[dict[str, object]] = [
    {"instruction": "größer", "n": 1.5},
    {"instruction": "zwei"},
    {"instruction": "三", "deep": [{"a": None}]},
]


def test_each_record_has_its_position_and_its_texts() -> None:
    *records, tail = RecordsInMemory(RECORDS).read()
    assert tail == Tail(b"")
    found = [record for record in records if isinstance(record, RawRecord)]
    assert [record.position for record in found] == [0, 1, 2]
    assert [json.loads(record.body) for record in found] == RECORDS
    assert found[0].body == '{"instruction":"größer","n":1.5}'.encode()


@pytest.mark.parametrize("start", range(4))
def test_reading_goes_on_where_it_stopped(start: int) -> None:
    container = RecordsInMemory(RECORDS)
    assert list(container.read(Start(position=start))) == list(container.read())[start:]


def test_half_a_surrogate_pair_reaches_the_reader_who_leaves_it_alone() -> None:
    container = RecordsInMemory([{"instruction": "half \ud800"}])
    assert container.body(0).isascii()
    assert "surrogate" in parse_record(RawRecord.alone(container.body(0)), LayoutFinder()).unexamined


def test_what_is_written_is_json_lines(tmp_path: Path) -> None:
    container = RecordsInMemory(RECORDS)
    raw = RawRecord.alone(container.body(1), 1)
    assert container.kept(raw, None, first=False) == b'{"instruction":"zwei"}\n'
    assert container.kept(raw, b"{}", first=True) == b"{}\n"
    assert (container.tail(Tail(b""), first=False), container.suffix) == (b"", ".jsonl")
    assert container.finish(tmp_path / "partial", tmp_path / "temporary") == tmp_path / "partial"


def test_it_is_known_by_the_file_it_would_be() -> None:
    container = RecordsInMemory(RECORDS)
    data = b"".join(container.body(position) + b"\n" for position in range(3))
    assert container.identity() == (len(data), hashlib.sha256(data).hexdigest())


def test_messages_call_it_by_a_name_of_the_caller_s() -> None:
    assert str(RecordsInMemory([]).path) == "the records"
    assert str(RecordsInMemory([], "the sources").path) == "the sources"
