"""A list of records inside an object: found, read, and written back with everything that stands around it."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import pytest
from corpus_files import Rewrite, read

from midb.corpus.formats.containers import open_container
from midb.corpus.formats.one_object.within import ArrayWithin, find_opening
from midb.corpus.formats.text import JsonLines
from midb.corpus.raw import BOM, Start
from midb.domain.errors import CorpusError

ROWS = [{"id": 1, "prompt": "a ]}"}, {"id": 2, "prompt": 'b "['}, {"id": 3, "prompt": ""}]
WHOLE = {"version": "1", "about": {"list": [{"a": 1}]}, "tags": ["x"], "data": ROWS, "licence": ["CC"], "n": 3}
OBJECTS = {
    "one line": json.dumps(WHOLE).encode(),
    "many lines": json.dumps(WHOLE, indent=2, ensure_ascii=False).encode() + b"\n",
    "blanks": b" \r\n " + json.dumps(WHOLE, indent=1).replace("\n", "\r\n").encode() + b"\n\n",
    "alone": b'{"records":' + json.dumps(ROWS).encode() + b"}",
}
objects = pytest.mark.parametrize("data", OBJECTS.values(), ids=list(OBJECTS))


def opened(folder: Path, data: bytes, name: str = "c.json") -> ArrayWithin:
    (folder / name).write_bytes(data)
    container = open_container(folder / name)
    assert isinstance(container, ArrayWithin)
    return container


@objects
def test_it_is_read_and_written_back_byte_for_byte(data: bytes, tmp_path: Path, rewrite: Rewrite) -> None:
    container = opened(tmp_path, data)
    records, _ = read(container)
    assert [json.loads(record.body) for record in records] == ROWS
    assert [record.line for record in records] == [data[: record.offset].count(b"\n") + 1 for record in records]
    assert rewrite(container).read_bytes() == data


@objects
def test_it_is_read_from_any_checkpoint(data: bytes, tmp_path: Path) -> None:
    container = opened(tmp_path, data)
    records, tail = read(container)
    for number, record in enumerate(records):
        start = Start(record.end, record.position + 1, record.next_line)
        assert read(container, start) == (records[number + 1 :], tail)


@objects
@pytest.mark.parametrize("limit", [1, 2, 4])
def test_rejected_elements_and_a_limit_leave_the_object_around_them(
    data: bytes, limit: int, tmp_path: Path, rewrite: Rewrite
) -> None:
    container = opened(tmp_path, data)
    key = "records" if b'"records"' in data else "data"
    for rejected in itertools.chain.from_iterable(itertools.combinations(range(3), size) for size in range(4)):
        made = json.loads(rewrite(container, dict.fromkeys(rejected), limit).read_bytes())
        assert made.pop(key) == [row for n, row in enumerate(ROWS) if n not in rejected and n < limit]
        assert made == {name: value for name, value in json.loads(data).items() if name != key}


def test_marks_and_packing(tmp_path: Path, rewrite: Rewrite) -> None:
    data = OBJECTS["many lines"]
    assert rewrite(opened(tmp_path, BOM + data)).read_bytes() == data, "a byte-order mark is left out, as of all JSON"
    packed = opened(tmp_path, gzip.compress(data), "c.json.gz")
    assert packed.name == 'JSON array under "data"'
    assert gzip.decompress(rewrite(packed).read_bytes()) == data


def test_an_object_that_was_cut_off_is_closed(tmp_path: Path, rewrite: Rewrite) -> None:
    data = OBJECTS["many lines"]
    cut = data[: data.index(b'"id": 3')].rstrip(b" \n{")
    made = json.loads(rewrite(opened(tmp_path, cut)).read_bytes())
    assert made["data"] == ROWS[:2]


@pytest.mark.parametrize(
    "head",
    [
        b'{"messages": [{"role": "user", "content": "a"}]}', b'{\n "messages": [{"role": "user"}]\n}',
        b'{"data": ["a", "b"]}', b'{"data": {"data": [{}]}}', b'{"a": 1}', b'{"questions": [{"q": 1}]}',
    ],
)  # fmt: skip
def test_what_is_a_record_itself(head: bytes) -> None:
    assert find_opening(head) is None


def test_any_key_will_do_for_an_object_over_many_lines() -> None:
    assert find_opening(b'{\n "quest\\u0069ons": [\n {"q": 1}]}') == (b'{\n "quest\\u0069ons": [', "questions")


def test_lines_that_hold_lists_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{"id": 1, "data": [{"a": 1}]}\n' * 2)
    assert isinstance(open_container(path), JsonLines)


def test_a_second_list_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    container = opened(tmp_path, json.dumps({"train": ROWS, "test": ROWS}).encode())
    with pytest.raises(CorpusError, match="more than one list"):
        read(container)
    large = opened(tmp_path, json.dumps({"data": ROWS, "rest": "x" * (2 << 20)}).encode())
    with pytest.raises(CorpusError, match="more than 1 MiB"):
        read(large)
