"""Containers read to their end, and the function that writes one back as a run does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from midb.corpus.formats.base import Container
from midb.corpus.raw import RawRecord, Start, Tail

#: Where a container begins.
BEGINNING = Start()


class Rewrite(Protocol):
    """Writes a container back. ``bodies`` says what becomes of some positions: new bytes, or None to reject one."""

    def __call__(
        self, container: Container, bodies: Mapping[int, bytes | None] | None = None, limit: int | None = None
    ) -> Path: ...


@dataclass(frozen=True)
class Part:
    """A record with its bytes, wherever these are kept, so that it can be compared. ``spooled``: not in memory."""

    position: int
    line: int
    offset: int
    end: int
    next_line: int
    before: bytes
    body: bytes
    after: bytes
    spooled: bool

    @classmethod
    def of(cls, raw: RawRecord) -> Part:
        """What was read of a record."""
        body = b"".join(raw.chunks())
        return cls(
            raw.position, raw.line, raw.offset, raw.end, raw.next_line, raw.before, body, raw.after,
            spooled=raw.spool is not None,
        )  # fmt: skip


def read(container: Container, start: Start = BEGINNING) -> tuple[list[RawRecord], Tail]:
    """Records and tail; there is one tail and it comes last."""
    *records, tail = container.read(start)
    assert isinstance(tail, Tail)
    found = [record for record in records if isinstance(record, RawRecord)]
    assert len(found) == len(records)
    return found, tail
