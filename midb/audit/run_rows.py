"""Runs as rows: what a run is, and how far it has come."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime

from midb.audit.file import seals
from midb.corpus.raw import RawRecord

#: Level of the events of a run that say what verdicts on earlier runs switched off.
REVIEW_LEVEL = "review"


def utc_now() -> str:
    """The time now, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Run:
    """A row of `runs`. ``config`` and ``versions`` are JSON texts; the rest is as the schema says."""

    id: int
    kind: str
    parent_run: int | None
    started_at: str
    finished_at: str | None
    status: str
    corpus: str
    corpus_sha256: str
    corpus_bytes: int
    output: str
    output_sha256: str | None
    rejected: str
    config: str
    config_hash: str
    engine: str
    versions: str

    @property
    def goes_on(self) -> bool:
        """Whether its records start from what its parent left of them, and not from the corpus."""
        return self.kind in ("revert", "apply") and self.parent_run is not None


@dataclass(frozen=True)
class Checkpoint:
    """How far a run has come: everything before it is in the log and in the partial output, nothing after it is."""

    records: int = 0
    rejected_lines: int = 0
    events: int = 0
    position: int = 0
    line: int = 1
    input_offset: int = 0
    output_bytes: int = 0
    rejected_bytes: int = 0
    head: str = seals.GENESIS
    rejected_head: str = seals.GENESIS

    def past(self, record: RawRecord) -> Checkpoint:
        """Behind a record of the corpus; what was written for it is the caller's to say."""
        return dataclasses.replace(self, position=record.position + 1, line=record.next_line, input_offset=record.end)


@dataclass(frozen=True)
class Written:
    """What a run's files hold up to its checkpoint, as SHA-256 (hex)."""

    output_sha256: str
    rejected_sha256: str
