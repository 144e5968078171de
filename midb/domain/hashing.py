"""The hashes that everything here is known by: of plain values, and of a file or its beginning. All are SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, Any

import orjson


def digest(*parts: Any) -> str:
    """SHA-256 (hex) of the parts as JSON, the same for the same values on every machine.

    >>> digest("a", 1) == digest("a", 1), digest("a", 1) == digest("a", "1")
    (True, False)
    """
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


#: Bytes of a file that are in memory at once.
_CHUNK = 1 << 20


def hash_beginning(file: IO[bytes], length: int) -> hashlib._Hash:
    """SHA-256 of a file's first ``length`` bytes, or of all where it is shorter; more bytes can be added to it.

    >>> import io
    >>> hash_beginning(io.BytesIO(b"abc"), 2).hexdigest() == hashlib.sha256(b"ab").hexdigest()
    True
    """
    made = hashlib.sha256()
    file.seek(0)
    while length > 0 and (data := file.read(min(_CHUNK, length))):
        made.update(data)
        length -= len(data)
    return made
