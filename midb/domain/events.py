"""What a run says while it runs: plain data for the dashboard, for `--json`, and for whoever else listens.

`midb.dashboard.json_events` gives these to programs, under the same names but for the few that it lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from midb.domain.decisions import Action, Outcome, Pass
from midb.domain.generations import Usage


@dataclass(frozen=True, kw_only=True)
class RunPlanned:
    """The first event: what will happen to the data.

    :param corpus: the corpus as the user named it.
    :param total: its records; None where counting them would cost a second reading.
    :param format: of the file, for people ("JSON Lines").
    :param layout: where the texts stand, for people ("Alpaca").
    :param language: what is known of the languages, for people.
    :param passes: the names of the passes that may be visited.
    :param engine: what rewrites, for people.
    :param output: where the new corpus goes.
    :param database: where the audit log is.
    :param rejected: where lines go that cannot be read.
    :param workers: worker processes, 0 for none; with a model how many records are under way at once.
    :param resumed_at: records that are behind a run that goes on; 0 for one that begins.
    :param examined_before: records at the beginning that another run has examined, with a lower limit: taken over.
    :param model: whether a model rewrites.
    :param budget: as the user wrote it ("2h", "1e6 tokens"); empty without one.
    :param behind: what a run that goes on has done before; None for one that begins.
    :param adapters: which adapter answers which passes, for people; empty without one.
    :param switched_off: what people said is wrong too often, and what follows, a sentence each; empty without reviews.
    :param cluster: of a run on many machines: its shards, and where they are, for people.
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
    examined_before: int = 0
    model: bool = False
    budget: str = ""
    behind: Behind | None = None
    adapters: str = ""
    switched_off: tuple[str, ...] = ()
    cluster: str = ""


@dataclass(frozen=True, kw_only=True)
class EditMade:
    """One edit that stands, with a little context on both sides; part of a batch.

    :param record: the record's id, or its position (``#17``) where it has none.
    :param language: of the record.
    :param pass_: the pass that made it.
    :param kind: the kind of defect it repairs.
    :param field: the text it is in: instruction, input or response.
    :param before: what stood there.
    :param after: what stands there now.
    :param left: some characters in front of it.
    :param right: some characters behind it.
    """

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
    """A batch is in the log. All counts are of this batch alone; listeners add up.

    :param records: records in it.
    :param rejected: lines in it that could not be read.
    :param pairs: pairs in it: a conversation has one for each answer.
    :param outcomes: records by language and outcome.
    :param decisions: decisions by pass and action.
    :param repaired: findings that were repaired, by kind.
    :param open: findings that are left, by kind.
    :param edits: a few of its edits, to be shown.
    """

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
    """A line that cannot be read as a record, and went to the rejected lines.

    :param line: its number, from 1.
    :param reason: a short word for programs ("invalid-json").
    :param message: the sentence for people.
    """

    line: int
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Warned:
    """Something the user should know; a fallback is one.

    :param message: the sentence for people.
    :param logged: whether the audit log holds it too; what concerns this moment alone, it does not.
    """

    message: str
    logged: bool = True


@dataclass(frozen=True, kw_only=True)
class Behind:
    """What a run that goes on has in its log already.

    :param counts: of its records, as of one batch; without edits.
    :param reasons: of its rejected lines, by reason.
    :param warnings: warnings.
    :param usage: replies that it paid for; reused ones and failed calls are in no log, and 0 here.
    """

    counts: BatchDone
    reasons: Mapping[str, int] = field(default_factory=dict)
    warnings: int = 0
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, kw_only=True)
class ModelUsed:
    """What the model did since the run (re)started, not since the last event: sent about once a second and at the end.

    :param usage: of all passes.
    :param by_pass: of each pass.
    :param in_flight: records under way.
    :param calls_in_flight: calls that the engine is serving; records wait for theirs where it serves fewer.
    :param tokens_in_flight: new tokens of their replies so far, as far as the engine tells; `usage` has whole replies.
    :param ahead: records that are done, but wait for one before them to be written.
    :param seconds: since the run (re)started.
    :param budget_left: for people ("0:41:20", "312,000 tokens"); empty without a budget.
    """

    usage: Usage
    by_pass: Mapping[Pass, Usage]
    in_flight: int
    calls_in_flight: int = 0
    tokens_in_flight: int = 0
    ahead: int = 0
    seconds: float
    budget_left: str = ""


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """The last event. The ledger is counted from the audit log: read = unchanged + improved + reverted + rejected.

    :param status: finished, interrupted or failed.
    :param read: records and lines that were read.
    :param rejected: lines that could not be read.
    :param outcomes: records by language and outcome.
    :param repaired: findings that were repaired, by kind.
    :param open: findings that are left, by kind.
    :param balanced: whether the ledger balances.
    :param output: where the new corpus is, or what there is of it.
    :param database: where the audit log is; empty where each shard of a run on many machines still has its own.
    :param rejected_path: where the rejected lines are; empty where there are none.
    :param internal_errors: pairs that a fault of this program kept from being examined.
    :param too_slow: pairs that were left as they are because their record took too long.
    :param no_usable_reply: pairs that were left as they are because no reply of the model could be used.
    :param unexamined: records in which no pair was found: they stay as they are.
    :param reasons: of the rejected lines, by reason.
    :param seconds: since the run (re)started.
    :param resume_command: what to type to go on; says nothing where the run is finished.
    :param usage: what the model did since the run (re)started; only noughts without a model.
    :param head: the head of the audit log, which covers everything that is in it.
    :param switched_off: as at the beginning.
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
    too_slow: int = 0
    no_usable_reply: int = 0
    unexamined: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    resume_command: str = ""
    usage: Usage = field(default_factory=Usage)
    head: str = ""
    switched_off: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Nothing can be counted yet, for a reason. It holds until the next event of another sort than a warning.

    :param what: what is going on, for people ("reading corpus.jsonl").
    :param slow: it may well take minutes, so that it is told where nothing moves on a screen, too.
    """

    what: str
    slow: bool = False


#: Of a shard of a run on many machines. A shard that was lost is waiting again.
ShardState = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True, kw_only=True)
class ShardSeen:
    """A shard as it was seen last.

    :param number: from 1.
    :param state: waiting, running, done or failed.
    :param host: the machine it runs on or ran on; empty where nobody knows.
    :param attempts: how often it was begun since the command was typed.
    :param done: records that are done.
    :param total: its records.
    """

    number: int
    state: ShardState
    host: str
    attempts: int
    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class ShardsSeen:
    """All shards of a run on many machines, whenever something of them has changed.

    :param shards: by number.
    """

    shards: tuple[ShardSeen, ...]


Event = Waiting | RunPlanned | BatchDone | LineRejected | Warned | ModelUsed | RunEnded | ShardsSeen


@dataclass
class Tally:
    """Running totals over batches, under the names they have in a batch."""

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
