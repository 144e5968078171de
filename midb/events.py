"""What a run tells while it runs: plain data for the dashboard, for `--json`, and for whoever else listens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from midb.decisions import Action, Outcome, Pass


@dataclass(frozen=True, kw_only=True)
class RunPlanned:
    """The first screen: what will happen to the data. ``total`` is None where counting would cost a second reading."""

    corpus: str
    total: int | None
    format: str
    layout: str
    language: str
    passes: tuple[str, ...]
    engine: str
    output: str
    database: str
    rejected: str
    workers: int
    resumed_at: int = 0


@dataclass(frozen=True, kw_only=True)
class EditMade:
    """One edit that stands, with a little context on both sides."""

    record: str
    language: str
    station: str
    kind: str
    field: str
    before: str
    after: str
    left: str = ""
    right: str = ""


@dataclass(frozen=True, kw_only=True)
class BatchDone:
    """A batch is in the log. All counts are of this batch alone; listeners add up."""

    records: int
    rejected: int
    pairs: int
    outcomes: Mapping[tuple[str, Outcome], int]
    decisions: Mapping[tuple[Pass, Action], int]
    repaired: Mapping[str, int]
    open: Mapping[str, int]
    edits: tuple[EditMade, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LineRejected:
    """A line that went to the rejected file, with the sentence for people."""

    line: int
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Warned:
    """Something the user should know; a fallback is one."""

    message: str


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """The last screen. ``status`` is finished, interrupted or failed; the ledger is counted from the audit log."""

    status: str
    read: int
    rejected: int
    outcomes: Mapping[tuple[str, Outcome], int]
    repaired: Mapping[str, int]
    open: Mapping[str, int]
    balanced: bool
    output: str
    database: str
    rejected_path: str
    internal_errors: int = 0
    seconds: float = 0.0
    resume_command: str = ""


Event = RunPlanned | BatchDone | LineRejected | Warned | RunEnded


@dataclass
class Tally:
    """Running totals over batches."""

    records: int = 0
    rejected: int = 0
    pairs: int = 0
    outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    decisions: Counter[tuple[Pass, Action]] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)

    def add(self, batch: BatchDone) -> None:
        """Count a batch in."""
        self.records += batch.records
        self.rejected += batch.rejected
        self.pairs += batch.pairs
        self.outcomes.update(batch.outcomes)
        self.decisions.update(batch.decisions)
        self.repaired.update(batch.repaired)
        self.open.update(batch.open)
