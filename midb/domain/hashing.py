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
    """SHA-256 (hex) of a file's bytes; of a folder that of its files, listed as ``sha256sum`` does by their names.

    Hidden files of a folder do not count: file managers leave them anywhere.
    """
    if path.is_dir():
        made = hashlib.sha256()
        names = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
        for name in sorted(names):
            if not any(part.startswith(".") for part in name.split("/")):
                made.update(listed(name, file_sha256(names[name])))
        return made.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listed(name: str, sha256: str) -> bytes:
    """The line of a file in a list of hashes."""
    return f"{sha256}  {name}\n".encode("utf-8", "surrogateescape")


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
