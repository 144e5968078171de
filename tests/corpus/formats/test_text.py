"""JSON Lines and JSON arrays by themselves: what is written for a record, and how the file is finished."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from midb.corpus.formats.text import JsonArray, JsonLines, TextContainer
from midb.corpus.raw import RawRecord, Start, Tail
from midb.domain.errors import CorpusError

LINES = b'\n{"n": 0}\r\n{"n": 1}\n{"n": 2}'
ARRAY = b'[\n {"n": 0},\n {"n": 1},\n {"n": 2}\n]\n'


def opened(kind: type[TextContainer], data: bytes, folder: Path) -> tuple[TextContainer, list[RawRecord], Tail]:
    path = folder / "corpus"
    path.write_bytes(data)
    container = kind(path)
    *records, tail = container.read()
    assert isinstance(tail, Tail)
    return container, [record for record in records if isinstance(record, RawRecord)], tail


def test_a_line_keeps_what_stands_around_it(tmp_path: Path) -> None:
    container, records, tail = opened(JsonLines, LINES, tmp_path)
    assert container.kept(records[0], None, first=True) == b'\n{"n": 0}\r\n'
    assert container.kept(records[0], b"{}", first=True) == b"\n{}\r\n"
    assert container.kept(records[2], b"{}", first=False) == b"{}"
    assert container.dropped(records[0]) == b""
    assert (container.tail(tail, first=False), container.cut()) == (b"", Tail(b""))


def test_an_element_keeps_its_comma_unless_it_comes_first(tmp_path: Path) -> None:
    container, records, tail = opened(JsonArray, ARRAY, tmp_path)
    assert container.kept(records[0], None, first=True) == b'[\n {"n": 0}'
    assert container.kept(records[1], b"{}", first=False) == b",\n {}"
    assert container.kept(records[1], b"{}", first=True) == b"[\n {}", "the first was rejected: this opens the array"
    assert container.tail(tail, first=False) == b"\n]\n"


def test_an_array_without_elements_and_one_that_was_cut_are_arrays(tmp_path: Path) -> None:
    container, records, tail = opened(JsonArray, ARRAY, tmp_path)
    assert container.tail(tail, first=True) == b"[\n]\n"
    assert container.kept(records[0], None, first=True) + container.tail(container.cut(), first=False) == (
        b'[\n {"n": 0}' + container.cut().data
    )
    assert container.cut().data.strip() == b"]"
    _, none, whole = opened(JsonArray, b"[ ]\n", tmp_path)
    assert none == []
    assert container.tail(whole, first=True) == b"[ ]\n", "which has its own bracket"


@pytest.mark.parametrize(("kind", "data"), [(JsonLines, LINES), (JsonArray, ARRAY)])
@pytest.mark.parametrize("compression", ["", ".gz", ".zst"])
def test_a_packed_file_is_read_from_any_checkpoint(
    kind: type[TextContainer], data: bytes, compression: str, tmp_path: Path
) -> None:
    path = tmp_path / f"corpus{compression}"
    packed = {"": data, ".gz": gzip.compress(data), ".zst": zstandard.compress(data)}[compression]
    path.write_bytes(packed)
    container = kind(path, compression)
    items = list(container.read())
    for number, item in enumerate(items):
        if isinstance(item, RawRecord):
            start = Start(item.end, item.position + 1, item.next_line)
            assert list(container.read(start)) == items[number + 1 :]


@pytest.mark.parametrize("compression", ["", ".gz", ".zst"])
def test_finishing_packs_as_the_corpus_is_packed(compression: str, tmp_path: Path) -> None:
    partial, temporary = tmp_path / "partial", tmp_path / "temporary"
    partial.write_bytes(LINES)
    container = JsonLines(tmp_path / "corpus", compression)
    made = container.finish(partial, temporary)
    assert partial.read_bytes() == LINES
    if not compression:
        assert (made, temporary.exists()) == (partial, False)
        return
    assert made == temporary
    packed = made.read_bytes()
    assert container.finish(partial, temporary).read_bytes() == packed
    *records, _ = JsonLines(made, compression).read()
    assert len(records) == 3
    if compression == ".gz":
        assert packed[4:8] == b"\0\0\0\0", "no time stamp: the same records give the same bytes"


@pytest.mark.parametrize(
    ("kind", "name", "compression", "suffix"),
    [
        (JsonLines, "c.jsonl", "", ".jsonl"), (JsonLines, "c.json.gz", ".gz", ".json.gz"),
        (JsonLines, "c", "", ".jsonl"),
        (JsonArray, "c", "", ".json"), (JsonArray, "c.gz", ".gz", ".json.gz"), (JsonArray, "c.x.zst", ".zst", ".x.zst"),
    ],
)  # fmt: skip
def test_the_output_has_the_ending_of_the_corpus(
    kind: type[TextContainer], name: str, compression: str, suffix: str
) -> None:
    assert kind(Path(name), compression).suffix == suffix


def test_a_file_that_is_gone_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such file"):
        list(JsonLines(tmp_path / "gone").read())
