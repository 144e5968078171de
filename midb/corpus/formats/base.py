"""What every container does: give the records of a corpus, and say what an output of the same format holds for each.

Output goes to a partial file of records in order, which becomes the finished file in one step at the end; compression
and Parquet are made in that step, so that a partial file can always be cut back to a checkpoint.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from midb.corpus.raw import RawRecord, Start, Tail
from midb.domain.errors import CorpusError
from midb.domain.hashing import file_sha256


class EmptyCorpusError(CorpusError):
    """A file holds nothing but blanks, packed or not: no corpus, though it may be one of many files of one."""


class Container(ABC):
    """How records lie in one corpus file."""

    name: str
    #: Ending of the corpus's name that the output keeps, e.g. ``.jsonl.gz``.
    suffix: str

    def __init__(self, path: Path) -> None:
        self.path = path
        #: What the user named: the same but where that is a pattern, and the path the folder of what fits it.
        self.given = path

    @abstractmethod
    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008  (frozen)
        """The records from ``start`` on, then the tail."""

    @abstractmethod
    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        """What the partial output holds for a record: its new ``body``, or its own where that is ``None``.

        ``first`` says that nothing was written before it.
        """

    def dropped(self, record: RawRecord) -> bytes:
        """What the partial output holds for a rejected record."""
        return b""

    @abstractmethod
    def tail(self, tail: Tail, *, first: bool) -> bytes:
        """What ends the partial output."""

    def cut(self) -> Tail:
        """What ends the output where reading stops before the end (`--limit`)."""
        return Tail(b"")

    @abstractmethod
    def finish(self, partial: Path, temporary: Path) -> Path:
        """Make the finished file from the partial one; returns the one of the two paths where it lies."""

    def notes(self) -> list[str]:
        """What a log says of the corpus besides, so that its records are found again; known once it was read."""
        return []

    def identity(self) -> tuple[int, str]:
        """Size in bytes and SHA-256 (hex) of what is read: by these a run knows its corpus again."""
        return self.path.stat().st_size, file_sha256(self.path)


def distinct(names: Sequence[str]) -> list[str]:
    """Names of columns of which no two are alike: as pandas does it the first keeps its name, and a further one gets a
    number. So none hides another, and what nobody looks at can be named.

    >>> distinct(["id", "text", "text", "text.1", "text"])
    ['id', 'text', 'text.2', 'text.1', 'text.3']
    """
    taken, number = set(names), Counter[str]()
    found: list[str] = []
    for name in names:
        new = name
        while number[name] and (new := f"{name}.{number[name]}") in taken:
            number[name] += 1
        number[name] += 1
        taken.add(new)
        found.append(new)
    return found
