"""Compressed files: their bytes unpacked, and what is wrong with them in one sentence. Knows nothing of records."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import zstandard

from midb.domain.errors import CorpusError

GZIP = ".gz"
ZSTD = ".zst"

#: Packed bytes that are unpacked at a time: few, for a byte may unpack to 32 KiB.
_PACKED = 1 << 10


class _ZstdFrames(io.RawIOBase):
    """The decompressed bytes of a zstd file, frame by frame. Unlike zstandard's own reader it tells the end of the data
    from the end of a file that was cut off."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._pending = memoryview(b"")
        # Large windows (zstd --long) are what big corpora are packed with.
        self._frames = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        self._frame = self._frames.decompressobj()
        self._begun = False

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._pending:
            if self._frame.eof:
                packed = self._frame.unused_data
                self._frame, self._begun = self._frames.decompressobj(), False
            else:
                packed = b""
            packed = packed or self._file.read(_PACKED)
            if not packed:
                if self._begun:
                    raise EOFError("it was cut off")
                return 0
            self._begun = True
            self._pending = memoryview(self._frame.decompress(packed))
        count = min(len(target), len(self._pending))
        target[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn a failed read into a sentence."""
    try:
        yield
    except (EOFError, zlib.error, zstandard.ZstdError, gzip.BadGzipFile) as error:
        what = "it was cut off" if isinstance(error, EOFError) else str(error)
        raise CorpusError(f"{path} is damaged: {what}.", hint="Download or compress it again.") from error
    except OSError as error:
        what = (error.strerror or str(error)).lower()
        raise CorpusError(f"{path} cannot be read: {what}.", hint="Check its name and its permissions.") from error


def open_stream(path: Path, compression: str) -> BinaryIO:
    """The decompressed bytes of a file."""
    if compression == GZIP:
        return cast(BinaryIO, gzip.open(path, "rb"))
    if compression == ZSTD:
        return cast(BinaryIO, io.BufferedReader(_ZstdFrames(path.open("rb")), 1 << 20))
    return path.open("rb")


def skip(stream: BinaryIO, count: int, compression: str) -> None:
    """Move a fresh stream on by ``count`` bytes; a compressed one has to be read."""
    if not compression:
        stream.seek(count)
        return
    while count and (chunk := stream.read(min(count, 1 << 20))):
        count -= len(chunk)
