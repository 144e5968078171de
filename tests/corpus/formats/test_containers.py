"""Containers: found out from the bytes, not from the name; what is no corpus is said so."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
import zstandard
from corpus_files import ARRAY, LINES, MakeCorpus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midb.corpus.formats.containers import open_container
from midb.corpus.formats.text import JsonArray, JsonLines
from midb.corpus.raw import BOM, Tail
from midb.domain.errors import CorpusError, MidbError


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
        ".": ("is a folder", "midb-agent run -"),
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
