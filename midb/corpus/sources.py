"""`--source FILE`: English originals in a file of their own, aligned by id or by line, without loading the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from midb.corpus.containers import Container, TextContainer, open_container
from midb.corpus.layouts import RecordError
from midb.corpus.raw import RawRecord, Start
from midb.corpus.records import load_object, record_key
from midb.errors import CorpusError


class Sources(Protocol):
    """Gives the English original of a record."""

    described: str

    def find(self, raw: RawRecord) -> bytes | None:
        """The bytes of the matching source record, ``None`` where there is none."""
        ...


class SourcesByLine:
    """The n-th record of the source belongs to the n-th of the corpus. Must be asked in order."""

    described = "aligned by line"

    def __init__(self, container: Container) -> None:
        self._container = container
        self._records: Iterator[RawRecord] | None = None

    def find(self, raw: RawRecord) -> bytes | None:
        if self._records is None:
            records = self._container.read()
            self._records = (item for item in records if isinstance(item, RawRecord))
            for _ in range(raw.position):
                next(self._records, None)
        found = next(self._records, None)
        return found.body if found else None


class SourcesById:
    """Source and corpus share ids. The index lies in a temporary database, not in memory."""

    described = "aligned by id"

    def __init__(self, container: Container) -> None:
        self._container = container
        # An empty name is SQLite's private temporary file: it spills to disk and vanishes with the connection.
        self._index = sqlite3.connect("", isolation_level=None)
        self._index.execute("CREATE TABLE source (key TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID")
        self._index.execute("BEGIN")
        for item in container.read():
            if isinstance(item, RawRecord) and (key := _key(item)):
                # An id that occurs twice names no single source: neither is used.
                self._index.execute(
                    "INSERT INTO source VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = NULL", (key, item.body)
                )
        self._index.execute("COMMIT")

    def find(self, raw: RawRecord) -> bytes | None:
        key = _key(raw)
        row = self._index.execute("SELECT body FROM source WHERE key = ?", (key,)).fetchone() if key else None
        return row[0] if row else None


def _key(raw: RawRecord) -> str | None:
    """The record's own id, ``None`` where it has none or cannot be read."""
    try:
        key = record_key(load_object(raw), raw.position)
    except RecordError:
        return None
    return None if key == f"#{raw.position}" else key


def _first_keys(container: Container, count: int = 50) -> set[str]:
    keys = set()
    for item in container.read(Start()):
        if not isinstance(item, RawRecord) or item.position >= count:
            break
        if key := _key(item):
            keys.add(key)
    return keys


def open_sources(path: Path, corpus: Container, records: int) -> Sources:
    """The sources of a corpus; raises CorpusError where they can be aligned neither by id nor by line."""
    container = open_container(path)
    if not isinstance(container, TextContainer):
        raise CorpusError(f"{path}: a source must be JSON Lines or a JSON array.", hint="Convert it first.")
    corpus_keys = _first_keys(corpus)
    if corpus_keys:
        by_id = SourcesById(container)
        sample = (item for item in corpus.read() if isinstance(item, RawRecord))
        if any(by_id.find(raw) is not None for raw, _ in zip(sample, range(200), strict=False)):
            return by_id
    count = sum(isinstance(item, RawRecord) for item in container.read())
    if count != records:
        raise CorpusError(
            f"{path} has {count:,} records and the corpus {records:,}, and they share no ids: they cannot be aligned.",
            hint='Give both an "id", or a source with one record for each line of the corpus.',
        )
    return SourcesByLine(container)
