"""What comes back for each record: plain data that crosses from a worker process to the one writer."""

from __future__ import annotations

from dataclasses import dataclass

from midb.domain.decisions import Outcome, PairResult


@dataclass(frozen=True, slots=True)
class RecordResult:
    """One record, examined. ``body`` holds its new bytes, ``None`` where it stays as it is, byte for byte."""

    position: int
    line: int
    key: str
    language: str
    outcome: Outcome
    pairs: tuple[PairResult, ...]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line (or array element) that cannot be read as a record.

    ``line`` counts from 1, ``offset`` and ``length`` are bytes in the (decompressed) corpus; ``reason`` is a short
    machine code, ``message`` the sentence for people.
    """

    position: int
    line: int
    offset: int
    length: int
    sha256: str
    reason: str
    message: str
