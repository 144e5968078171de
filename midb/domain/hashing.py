"""The two hashes that everything here is known by: of plain values, and of a file. Both SHA-256, as hex."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

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
