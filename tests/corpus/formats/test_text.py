"""JSON Lines and arrays: written back byte for byte, valid without what was rejected, resumed anywhere."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from corpus_files import ARRAY, LINES, PACKED, ROWS, UNPACKED, MakeCorpus, Rewrite, read

from midb.corpus.formats.containers import open_container
from midb.corpus.raw import BOM, MAX_RECORD_BYTES, Start, Tail

compressions = pytest.mark.parametrize("compression", PACKED)


@compressions
@pytest.mark.parametrize(
    "data",
    [
        LINES, LINES.replace(b"\n", b"\r\n"), LINES.rstrip(), b"\n \n" + LINES + b"\r\n\r\n", ARRAY, ARRAY.rstrip(),
        b"\r\n" + ARRAY, b"[]", b"[ ]\n", b'[{"a": 1} , {"b": 2}\n,{"c": 3}]', b"{broken\n" + LINES,
    ],
)  # fmt: skip
def test_what_is_kept_comes_back_byte_for_byte(
    data: bytes, compression: str, corpus: MakeCorpus, rewrite: Rewrite
) -> None:
    container = corpus(data, compression)
    assert container.name == ("JSON array" if data.lstrip().startswith(b"[") else "JSON Lines")
    assert UNPACKED[compression](rewrite(container).read_bytes()) == data


@compressions
@pytest.mark.parametrize("data", [LINES, ARRAY])
def test_a_byte_order_mark_is_left_out(data: bytes, compression: str, corpus: MakeCorpus, rewrite: Rewrite) -> None:
    container = corpus(BOM + data, compression)
    assert UNPACKED[compression](rewrite(container).read_bytes()) == data


@compressions
@pytest.mark.parametrize("data", [LINES, BOM + b"\n\r\n" + LINES.rstrip(), ARRAY, BOM + b" [ {}\n , {} ,\n\n{}]"])
def test_reading_resumes_behind_any_record(data: bytes, compression: str, corpus: MakeCorpus) -> None:
    container = corpus(data, compression)
    records, tail = read(container)
    for number, record in enumerate(records):
        start = Start(record.end, record.position + 1, record.next_line)
        assert read(container, start) == (records[number + 1 :], tail)


@compressions
def test_the_same_records_give_the_same_bytes(compression: str, corpus: MakeCorpus, rewrite: Rewrite) -> None:
    container = corpus(LINES, compression)
    assert rewrite(container).read_bytes() == rewrite(container).read_bytes()


SUBSETS = [set(subset) for size in range(5) for subset in itertools.combinations(range(4), size)]


@pytest.mark.parametrize("cut_off", [False, True])
@pytest.mark.parametrize("limit", range(1, 6))
def test_rejected_elements_leave_a_valid_array(cut_off: bool, limit: int, corpus: MakeCorpus, rewrite: Rewrite) -> None:
    container = corpus(ARRAY.rstrip().removesuffix(b"]") if cut_off else ARRAY, name="corpus.json")
    for rejected in SUBSETS:
        output = rewrite(container, dict.fromkeys(rejected), limit).read_bytes()
        left = [row for number, row in enumerate(ROWS) if number not in rejected and number < limit]
        assert json.loads(output) == left, rejected
    assert (rewrite(container, {}, limit).read_bytes() == ARRAY) == (limit >= len(ROWS) and not cut_off)


@pytest.mark.parametrize("until", range(5))
def test_an_array_is_valid_wherever_a_run_was_resumed(until: int, corpus: MakeCorpus, rewrite: Rewrite) -> None:
    container = corpus(ARRAY, name="corpus.json")
    records, _ = read(container)
    for rejected in SUBSETS:
        written = b""
        start = Start()
        for record in records[:until]:
            written += b"" if record.position in rejected else container.kept(record, None, first=not written)
            start = Start(record.end, record.position + 1, record.next_line)
        for item in container.read(start):
            if isinstance(item, Tail):
                written += container.tail(item, first=not written)
            elif item.position not in rejected:
                written += container.kept(item, None, first=not written)
        assert written == rewrite(container, dict.fromkeys(rejected)).read_bytes(), rejected


@pytest.mark.parametrize(
    ("name", "data", "compression", "suffix"),
    [
        ("a.jsonl", LINES, "", ".jsonl"), ("a.jsonl", LINES, ".gz", ".jsonl.gz"),
        ("a.b.json", ARRAY, ".zst", ".json.zst"),
        ("a", LINES, "", ".jsonl"), ("a", ARRAY, "", ".json"), ("a", ARRAY, ".gz", ".json.gz"),
    ],
)  # fmt: skip
def test_the_output_keeps_the_ending_of_the_name(
    name: str, data: bytes, compression: str, suffix: str, corpus: MakeCorpus
) -> None:
    assert corpus(data, compression, name).suffix == suffix


def test_a_long_element_or_line_is_set_aside(corpus: MakeCorpus, rewrite: Rewrite) -> None:
    long = b'{"instruction": "' + b"x" * MAX_RECORD_BYTES + b'"}'
    for data in (b'{"a": 1}\n' + long + b'\n{"b": 2}\n', b'[{"a": 1}, ' + long + b', {"b": 2}]'):
        container = corpus(data)
        records, _ = read(container)
        assert [record.spool is None for record in records] == [True, False, True]
        assert b"".join(records[1].chunks()) == long
        assert rewrite(container, {1: None}).read_bytes() == data.replace(long + b"\n", b"").replace(long + b", ", b"")


def test_real_files_come_back_byte_for_byte(shared_files: list[Path], rewrite: Rewrite) -> None:
    for path in shared_files:
        container = open_container(path)
        assert rewrite(container).read_bytes() == path.read_bytes().removeprefix(BOM), path.name
