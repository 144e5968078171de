"""Records that are in memory already: what a caller in Python hands over, read as a corpus is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from midb.corpus.formats.base import Container
from midb.corpus.raw import RawRecord, Start, Tail


class RecordsInMemory(Container):
    """A list of JSON-like objects as a corpus. ``name`` is what messages call it, there being no file."""

    name = "records in memory"
    suffix = ".jsonl"

    def __init__(self, records: Sequence[Mapping[str, Any]], name: str = "the records") -> None:
        super().__init__(Path(name))
        self._records = records

    def body(self, position: int) -> bytes:
        """One record as JSON; half surrogate pairs as escapes, which whoever reads it rejects."""
        try:
            return orjson.dumps(self._records[position])
        except TypeError:
            return json.dumps(self._records[position]).encode()

    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008  (frozen)
        for position in range(start.position, len(self._records)):
            yield RawRecord.alone(self.body(position), position)
        yield Tail(b"")

    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        return (record.body if body is None else body) + b"\n"

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        return tail.data

    def finish(self, partial: Path, temporary: Path) -> Path:
        return partial

    def identity(self) -> tuple[int, str]:
        digest = hashlib.sha256()
        size = 0
        for position in range(len(self._records)):
            line = self.body(position) + b"\n"
            digest.update(line)
            size += len(line)
        return size, digest.hexdigest()
