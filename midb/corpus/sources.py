"""`--source FILE`: English originals in files of their own, aligned by id or by line, without loading them."""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Protocol

from midb.corpus.formats.base import Container
from midb.corpus.formats.containers import open_container
from midb.corpus.formats.folder import EmptyFile, Folder
from midb.corpus.formats.text import TextContainer
from midb.corpus.layouts import RecordError
from midb.corpus.raw import RawRecord
from midb.corpus.records import load_object, record_key
from midb.domain.errors import CorpusError


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
        self.rewind()

    def rewind(self) -> None:
        """Begin anew: the next record may be any."""
        self._records = (item for item in self._container.read() if isinstance(item, RawRecord))

    def find(self, raw: RawRecord) -> bytes | None:
        # Not every record is asked for: a run resumes in the middle, and some records are never examined.
        for item in self._records:
            if item.position == raw.position:
                return item.body
        return None


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
        return self.find_key(key) if (key := _key(raw)) else None

    def find_key(self, key: str) -> bytes | None:
        """The same by the record's id."""
        row = self._index.execute("SELECT body FROM source WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None


def _key(raw: RawRecord) -> str | None:
    """The record's own id, ``None`` where it has none or cannot be read."""
    try:
        key = record_key(load_object(raw), raw.position)
    except RecordError:
        return None
    return None if key == f"#{raw.position}" else key


def _count(container: Container) -> int:
    return sum(isinstance(item, RawRecord) for item in container.read())


def open_sources(path: Path, corpus: Container, records: int) -> Sources:
    """The sources of a corpus in one or several files of their own; raises CorpusError as ``align_sources`` does."""
    container = open_container(path)
    files = [member.container for member in container.members] if isinstance(container, Folder) else [container]
    if not all(isinstance(file, TextContainer | EmptyFile) for file in files):
        raise CorpusError(
            f"{path}: a source must be JSON Lines, a JSON array or a table, or a folder of them.",
            hint="Convert it first.",
        )
    return align_sources(container, corpus, records)


def align_sources(container: Container, corpus: Container, records: int) -> Sources:
    """The sources of a corpus; raises CorpusError where they can be aligned neither by id nor by line.

    ``records`` is how many of the corpus's records are known of: all of them, or fewer with `--limit`.
    """
    sample = (_key(item) for item in itertools.islice(corpus.read(), 200) if isinstance(item, RawRecord))
    if keys := [key for key in sample if key]:
        by_id = SourcesById(container)
        if any(by_id.find_key(key) is not None for key in keys):
            return by_id
    count = _count(container)
    if count != records and count != (records := _count(corpus)):
        raise CorpusError(
            f"{container.path} has {count:,} records and the corpus {records:,}, and they share no ids: they cannot be "
            "aligned.",
            hint='Give both an "id", or a source with one record for each line of the corpus.',
        )
    if isinstance(container, Folder) and isinstance(corpus, Folder):
        _compare_files(container, corpus)
    return SourcesByLine(container)


def _compare_files(source: Folder, corpus: Folder) -> None:
    """Raise CorpusError where two folders with as many records are cut in different ways: then lines do not belong
    together."""
    ours, theirs = _count_by_file(corpus), _count_by_file(source)
    for number, ((name, count), (other, beside)) in enumerate(zip(ours, theirs, strict=False), start=1):
        if count != beside:
            raise CorpusError(
                f"the files of {source.path} do not go with those of {corpus.path}: number {number}, {other}, has "
                f"{beside:,} records, and {name} has {count:,}; and they share no ids.",
                hint='Give both an "id", or files of the same lengths, in the order of their names.',
            )


def _count_by_file(folder: Folder) -> list[tuple[str, int]]:
    """The files that hold records, in their order, with how many."""
    counts = Counter(item.file for item in folder.read() if isinstance(item, RawRecord))
    return [(member.name, counts[member.name]) for member in folder.members if counts[member.name]]
