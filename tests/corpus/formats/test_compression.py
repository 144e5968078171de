"""Packed files: read whole or not at all, however they were packed and wherever they are damaged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import zstandard
from corpus_files import LINES, PACKED, ROWS

from midb.corpus.formats.containers import open_container
from midb.corpus.raw import Start
from midb.domain.errors import CorpusError


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


def test_zstd_with_a_long_window(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    path = tmp_path / "corpus.jsonl.zst"
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path.write_bytes(stream.compress(LINES) + stream.flush())
    assert sum(1 for _ in open_container(path).read()) == len(ROWS) + 1
