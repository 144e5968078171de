"""Containers: found out from the bytes, written back byte for byte, resumed anywhere; what is no corpus is said so."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
import zstandard
from corpus_files import Rewrite, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midb.corpus.formats.base import Container
from midb.corpus.formats.containers import open_container
from midb.corpus.formats.text import JsonArray, JsonLines
from midb.corpus.raw import BOM, MAX_RECORD_BYTES, Start, Tail
from midb.domain.errors import CorpusError, MidbError

ROWS = [
    {"id": 1, "instruction": "größer\u2028als", "output": "a\tb"},
    {"id": 2, "instruction": "ein [Wort], {so}", "output": '"zitiert" \\ '},
    {"id": 3, "instruction": "三", "output": ""},
    {"id": 4, "output": "vier", "instruction": "vier"},
]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
ARRAY = json.dumps(ROWS, indent=2, ensure_ascii=False).encode() + b"\n"

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
}
UNPACKED: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.decompress,
    ".zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}
compressions = pytest.mark.parametrize("compression", PACKED)


class MakeCorpus(Protocol):
    """Opens a file that is made of some bytes, packed where a compression is named."""

    def __call__(self, data: bytes, compression: str = "", name: str = "corpus.jsonl") -> Container: ...


@pytest.fixture
def corpus(tmp_path: Path) -> MakeCorpus:

    def make(data: bytes, compression: str = "", name: str = "corpus.jsonl") -> Container:
        path = tmp_path / (name + compression)
        path.write_bytes(PACKED[compression](data))
        return open_container(path)

    return make


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


@pytest.mark.parametrize("compression", [".gz", ".zst"])
def test_a_compressed_file_cut_off_anywhere_is_never_taken_for_whole(compression: str, tmp_path: Path) -> None:
    whole = PACKED[compression](LINES)
    path = tmp_path / f"corpus.jsonl{compression}"
    for length in range(6, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CorpusError, match="damaged") as caught:
            list(open_container(path).read())
        assert caught.value.hint
    path.write_bytes(whole * 3)  # files of several members or frames, as cat makes them
    assert sum(1 for _ in open_container(path).read()) == 3 * len(ROWS) + 1
    with pytest.raises(CorpusError, match="damaged"):
        path.write_bytes(whole * 2 + whole[:-3])
        list(open_container(path).read())


@pytest.mark.parametrize("compression", [".gz", ".zst"])
def test_damage_far_from_the_beginning_is_found_while_reading(compression: str, tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    data = b"".join(b'{"n": "%s"}\n' % os.urandom(30).hex().encode() for _ in range(4000))
    packed = bytearray(PACKED[compression](data))
    del packed[len(packed) // 2 : len(packed) // 2 + 100]
    path.write_bytes(packed)
    container = open_container(path)
    with pytest.raises(CorpusError, match="damaged"):
        list(container.read())
    with pytest.raises(CorpusError, match="damaged"):
        list(container.read(Start(len(data) - 100, 3990, 3991)))


@given(st.binary(max_size=60) | st.binary(max_size=20).flatmap(lambda b: st.sampled_from([
    gzip.compress(b, mtime=0), zstandard.compress(b), gzip.compress(b, mtime=0)[:-1] + b"x", zstandard.compress(b) + b,
    b"PAR1" + b + b"PAR1",
    b"[" + b, b"{" + b, BOM + b, b"\x28\xb5\x2f\xfd" + b, b"\x1f\x8b\x08" + b,
])))  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_raise_anything_but_our_own_errors(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "corpus"
    path.write_bytes(data)
    try:
        container = open_container(path)
        assert isinstance(list(container.read())[-1], Tail)
    except MidbError as error:
        assert error.exit_code == 2
        assert error.hint


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b" \n\r\n\t", "is empty"),
        (BOM, "is empty"),
        (BOM + b"\n" * 100_000, "is empty"),
        (b"\n" * 100_000, "is empty"),
        ('{"instruction": "x"}'.encode("utf-16"), "UTF-16"),
        ('{"instruction": "x"}'.encode("utf-16-le"), "UTF-16"),
        ('{"instruction": "x"}'.encode("utf-32"), "UTF-16 or a binary"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "binary"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\0\0", "xz"),
        (b"PK\x03\x04abc", "zip"),
        (b"SQLite format 3\0", "SQLite"),
        (b"\x1f\x8b\x08\0 not gzip at all", "damaged"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b'{\n  "instruction": "x",\n  "output": "y"\n}\n', "spreads over several lines"),
        (b'\r\n{ \r\n\r\n"data": []}', "spreads over several lines"),
    ],
)  # fmt: skip
def test_what_is_no_corpus_is_said_in_one_sentence(data: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=told) as caught:
        open_container(path)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert str(path) in caught.value.message


def test_missing_files_folders_and_pipes(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_bytes(LINES)
    os.mkfifo(tmp_path / "pipe")
    cases = {
        "corpsu.jsonl": ("there is no corpus", "corpus.jsonl"),
        "nowhere/corpus.jsonl": ("there is no corpus", "name"),
        "pipe": ("is a pipe", "midb-agent run -"),
        "x" * 300: ("cannot be read: file name too long", "name"),
    }
    for name, (told, hint) in cases.items():
        with pytest.raises(CorpusError, match=told) as caught:
            open_container(tmp_path / name)
        assert hint in caught.value.hint


def test_a_file_that_disappears_between_opening_and_reading(corpus: MakeCorpus) -> None:
    container = corpus(LINES)
    container.path.unlink()
    with pytest.raises(CorpusError, match="no such file"):
        list(container.read())


def test_the_bytes_decide_and_not_the_name(corpus: MakeCorpus) -> None:
    assert isinstance(corpus(LINES, name="corpus.json"), JsonLines)
    assert isinstance(corpus(ARRAY, name="corpus.txt"), JsonArray)
    assert isinstance(corpus(b"\n" * 100_000 + ARRAY), JsonArray)
    # A first line that is an array by itself, with other lines behind it, is a wrong line, not the whole corpus.
    assert isinstance(corpus(b'[{"a": 1}]\n' + LINES), JsonLines)
    assert isinstance(corpus(b'[{"a": 1}]\n\n'), JsonArray)
    assert isinstance(corpus(b'[{"a": 1},\n{"b": 1}]\n'), JsonArray)


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


def test_zstd_with_a_long_window(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    path = tmp_path / "corpus.jsonl.zst"
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path.write_bytes(stream.compress(LINES) + stream.flush())
    assert sum(1 for _ in open_container(path).read()) == len(ROWS) + 1


def test_real_files_come_back_byte_for_byte(shared_files: list[Path], rewrite: Rewrite) -> None:
    for path in shared_files:
        container = open_container(path)
        assert rewrite(container).read_bytes() == path.read_bytes().removeprefix(BOM), path.name


@pytest.mark.parametrize(
    ("inside", "told", "hint"),
    [
        ("xl/workbook.xml", "is an Excel workbook", "to_csv"),
        ("word/document.xml", "is a Word document", "JSON Lines"),
        ("corpus.jsonl", "is a zip file", "unzip"),
    ],
)
def test_a_zip_file_is_called_what_it_is(tmp_path: Path, inside: str, told: str, hint: str) -> None:
    path = tmp_path / "c.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inside, "x")
    with pytest.raises(CorpusError) as caught:
        open_container(path)
    assert told in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("beginning", [b"ARROW1\0\0", b"\xff\xff\xff\xff\x10\x00\x00\x00"])
def test_an_arrow_file_is_not_text_in_another_encoding(tmp_path: Path, beginning: bytes) -> None:
    path = tmp_path / "c.arrow"
    path.write_bytes(beginning + b"\0" * 64)
    pytest.importorskip("pyarrow")
    with pytest.raises(CorpusError, match="is damaged") as caught:
        list(open_container(path).read())
    assert "iconv" not in caught.value.hint


@pytest.mark.parametrize(
    ("given", "told", "hint"),
    [
        ("hf://datasets/owner/name/train.jsonl", "hf://datasets/owner/name/train.jsonl is an address", "owner/name"),
        ("https://host.example/c.jsonl", "https://host.example/c.jsonl is an address", "Download"),
    ],
)
def test_an_address_is_no_file_and_keeps_its_slashes(given: str, told: str, hint: str) -> None:
    with pytest.raises(CorpusError) as caught:
        open_container(Path(given))
    assert told in caught.value.message
    assert hint in caught.value.hint
