"""English originals of records under review. A log holds none: they come from the corpus, or a file beside it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection
from typing import Self

from midb.corpus.layouts import RecordError
from midb.corpus.opened import OpenedCorpus
from midb.corpus.raw import RawRecord
from midb.domain.pairs import InstructionPair


class Originals:
    """The English originals of some records, in a temporary file of SQLite's own: as many as there may be.

    :param missing: why there are none, in words that can follow a colon; empty where there are some.
    """

    def __init__(self, missing: str = "") -> None:
        self.missing = missing
        # An empty name is SQLite's private temporary file: it vanishes with the connection.
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute("CREATE TABLE originals (position INTEGER PRIMARY KEY, pairs TEXT)")
        self._lock = threading.Lock()

    @classmethod
    def read(cls, corpus: OpenedCorpus, positions: Collection[int]) -> Self:
        """Those of the records at these positions, in one reading of the corpus as far as the last of them."""
        found = cls()
        wanted, last = frozenset(positions), max(positions, default=-1)
        reader = corpus.reader()
        for raw in corpus.container.read():
            if not isinstance(raw, RawRecord) or raw.position > last:
                break
            if raw.position not in wanted:
                continue
            try:
                parsed = reader.parse(raw, corpus.source_of(raw))
            except RecordError:  # it was rejected in the run, and is under no review
                continue
            if any(parsed.sources):
                pairs = [source and {of.value: text for of, text in source.texts()} for source in parsed.sources]
                found._rows.execute("INSERT INTO originals VALUES (?, ?)", (raw.position, json.dumps(pairs)))
        if found.find_first() is None:
            found.missing = "the corpus has none for these records"
        return found

    def find_first(self) -> int | None:
        """The first position of which there is one."""
        with self._lock:
            number: int | None = self._rows.execute("SELECT min(position) FROM originals").fetchone()[0]
        return number

    def find(self, position: int, pair: int) -> InstructionPair | None:
        """The original of a pair of the record at a position, if there is one."""
        with self._lock:
            row = self._rows.execute("SELECT pairs FROM originals WHERE position = ?", (position,)).fetchone()
        texts = json.loads(row[0]) if row else []
        return InstructionPair(**texts[pair]) if pair < len(texts) and texts[pair] else None
