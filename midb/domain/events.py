"""What a run tells while it runs: plain data for the dashboard, for `--json`, and for whoever else listens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from midb.domain.decisions import Action, Outcome, Pass
from midb.domain.generations import Usage


@dataclass(frozen=True, kw_only=True)
class RunPlanned:
    """The first screen: what will happen to the data. ``total`` is None where counting would cost a second reading.

    :param model: a model rewrites; ``workers`` is then how many pairs are under way at once.
    :param budget: as the user wrote it ("2h", "1e6 tokens"); empty without one.
    """

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
    model: bool = False
    budget: str = ""


@dataclass(frozen=True, kw_only=True)
class EditMade:
    """One edit that stands, with a little context on both sides."""

    record: str
    language: str
    pass_: str
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
class ModelUsed:
    """What the model did since the run (re)started, not since the last event: told about once a second and at the end.

    :param usage: of all passes; ``by_pass`` of each.
    :param in_flight: records under way.
    :param ahead: records that are done, but wait for one before them to be written.
    :param seconds: since the run (re)started.
    :param budget_left: for people ("0:41:20", "312,000 tokens"); empty without a budget.
    """

    usage: Usage
    by_pass: Mapping[Pass, Usage]
    in_flight: int
    ahead: int = 0
    seconds: float
    budget_left: str = ""


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """The last screen. ``status`` is finished, interrupted or failed; the ledger is counted from the audit log.

    ``usage`` is what the model did since the run (re)started; nothing without a model.
    """

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
    usage: Usage = field(default_factory=Usage)


Event = RunPlanned | BatchDone | LineRejected | Warned | ModelUsed | RunEnded


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
