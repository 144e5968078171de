"""Packed files are unpacked whole or are said to be damaged."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest
import zstandard

from midb.corpus.formats.compression import GZIP, ZSTD, open_stream, reading, skip
from midb.domain.errors import CorpusError

DATA = b"".join(b"%d: eine Zeile\n" % n for n in range(2000))
PACKED = {"": DATA, GZIP: gzip.compress(DATA, mtime=0), ZSTD: zstandard.compress(DATA)}


@pytest.fixture(params=PACKED)
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A file, and how it is packed."""
    compression = str(request.param)
    path = tmp_path / "data"
    path.write_bytes(PACKED[compression])
    return path, compression


def unpack(path: Path, compression: str) -> bytes:
    with reading(path), open_stream(path, compression) as stream:
        return stream.read()


def test_the_bytes_come_back(packed: tuple[Path, str]) -> None:
    with open_stream(*packed) as stream:
        assert stream.readline() == b"0: eine Zeile\n"
        assert stream.read() == DATA[len(b"0: eine Zeile\n") :]
        assert stream.read() == b""


@pytest.mark.parametrize("count", [0, 1, 5000, len(DATA)])
def test_a_fresh_stream_is_moved_on(packed: tuple[Path, str], count: int) -> None:
    path, compression = packed
    with open_stream(path, compression) as stream:
        skip(stream, count, compression)
        assert stream.read() == DATA[count:]


def test_skipping_past_the_end_ends() -> None:
    stream = io.BytesIO(b"short")
    skip(stream, 1 << 30, GZIP)
    assert stream.read() == b""


@pytest.mark.parametrize("compression", [GZIP, ZSTD])
def test_several_files_in_one_are_read_as_one(compression: str, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(PACKED[compression] * 3)
    assert unpack(path, compression) == DATA * 3


@pytest.mark.parametrize("compression", [GZIP, ZSTD])
@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("missing", [1, 4, 30])
def test_the_end_of_a_file_that_was_cut_off_is_no_end(
    compression: str, before: int, missing: int, tmp_path: Path
) -> None:
    """Also behind whole frames; zstandard's own reader would take it for the end of the data."""
    path = tmp_path / "data"
    path.write_bytes(PACKED[compression] * before + PACKED[compression][:-missing])
    with pytest.raises(CorpusError, match="data is damaged: it was cut off") as caught:
        unpack(path, compression)
    assert "compress it again" in caught.value.hint


@pytest.mark.parametrize("compression", [GZIP, ZSTD])
def test_other_damage_is_said_in_a_sentence(compression: str, tmp_path: Path) -> None:
    path = tmp_path / "data"
    damaged = bytearray(PACKED[compression])
    damaged[len(damaged) // 2] ^= 0xFF
    damaged[-6] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(CorpusError, match="data is damaged: ") as caught:
        unpack(path, compression)
    assert "\n" not in caught.value.message


def test_little_is_unpacked_at_a_time(tmp_path: Path) -> None:
    """A line of a file that unpacks to gigabytes is read without them."""
    path = tmp_path / "data"
    pieces = zstandard.ZstdCompressor().compressobj()
    with path.open("wb") as file:
        for _ in range(8):
            file.write(pieces.compress(os.urandom(1 << 20)))
        file.write(pieces.flush())
    with open_stream(path, ZSTD) as stream, path.open("rb") as whole:
        assert len(stream.read(10)) == 10
        size = whole.seek(0, io.SEEK_END)
        raw = stream.raw  # type: ignore[attr-defined]
        assert raw._file.tell() < size / 4


def test_an_unreadable_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    for path, told in ((tmp_path / "gone", "no such file or directory"), (tmp_path, "is a directory")):
        with pytest.raises(CorpusError, match=f"cannot be read: {told}") as caught, reading(path):
            open_stream(path, "")
        assert "permissions" in caught.value.hint
