"""Records as rows: what is written of one record, with its seal and the links of its decisions. Writes nothing.

Rows are tuples in the order of their table's columns; the hashes come last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from midb.audit.file import seals
from midb.audit.texts import texts_hash, texts_json
from midb.domain.decisions import Decision, PairResult
from midb.domain.defects import FindingStatus
from midb.domain.results import RecordResult, RejectedLine

Row = tuple[Any, ...]


class RowNumbers:
    """Gives out the row numbers of the tables that are numbered here, going on from the last ones in the file."""

    #: The tables.
    TABLES = (
        "runs", "records", "findings", "decisions", "rejected_lines", "run_events", "generations", "verdicts",
        "judgements", "evaluations",
    )  # fmt: skip

    def __init__(self, last: Mapping[str, int]) -> None:
        self._last = dict(last)

    def take(self, table: str) -> int:
        """The number of the next row of a table."""
        self._last[table] += 1
        return self._last[table]

    def last(self, table: str) -> int:
        """The number of the last row of a table, 0 where there is none."""
        return self._last[table]


@dataclass(frozen=True, slots=True)
class RecordRows:
    """All rows of one record; ``head`` is the hash of its last decision, or the one before it where it has none."""

    record: Row
    decisions: tuple[Row, ...]
    edits: tuple[Row, ...]
    findings: tuple[Row, ...]
    head: str


def build_record_rows(
    result: RecordResult, run: int, numbers: RowNumbers, head: str, seal_of: Callable[[int | None], str | None]
) -> RecordRows:
    """The rows of a record of a run. Its decisions go on from ``head``, the end of the run's chain.

    ``seal_of`` gives the seal of a generation by its row number, which the decisions that rest on it cover.
    """
    originals = [pair.original for pair in result.pairs]
    finals = [pair.final for pair in result.pairs]
    changed = finals != originals
    noteworthy = any(pair.findings or any(d.edits for d in pair.decisions) for pair in result.pairs)
    original_hash = texts_hash(originals)
    record = (
        numbers.take("records"), run, result.position, result.line, result.key, result.language,
        result.outcome.value, len(result.pairs),
        sum(f.status is FindingStatus.OPEN for pair in result.pairs for f in pair.findings),
        texts_json(originals) if noteworthy else None,
        texts_json(finals) if changed else None,
        original_hash,
        texts_hash(finals) if changed else original_hash,
    )  # fmt: skip
    findings = _finding_rows(record[0], result.pairs, numbers)
    seal = seals.record_seal(record, findings)
    decisions: list[Row] = []
    edits: list[Row] = []
    for number, pair in enumerate(result.pairs):
        for decision in pair.decisions:
            row, its_edits = _decision_rows(record[0], number, decision, numbers)
            link = seals.decision_hash(head, seal, row, its_edits, seal_of(decision.generation))
            decisions.append((*row, head, link))
            edits += its_edits
            head = link
    return RecordRows((*record, seal), tuple(decisions), tuple(edits), tuple(findings), head)


def _decision_rows(record: int, pair: int, decision: Decision, numbers: RowNumbers) -> tuple[Row, list[Row]]:
    """A decision without its hashes, and its edits."""
    row = (
        numbers.take("decisions"), record, pair, decision.pass_.value, decision.attempt,
        decision.action.value, decision.reason.value, decision.detail, decision.before_hash,
        decision.after_hash, decision.prompt_hash, decision.generation,
    )  # fmt: skip
    edits: list[Row] = [
        (row[0], ordinal, e.field.value, e.start, e.end, e.before, e.after, e.kind)
        for ordinal, e in enumerate(decision.edits)
    ]
    return row, edits


def _finding_rows(record: int, pairs: Sequence[PairResult], numbers: RowNumbers) -> list[Row]:
    """The findings of a record. They are numbered before its decisions are: what repaired one is told by counting."""
    rows: list[Row] = []
    first = numbers.last("decisions") + 1
    for number, pair in enumerate(pairs):
        for logged in pair.findings:
            f = logged.finding
            decision = None if logged.decision is None else first + logged.decision
            rows.append(
                (
                    numbers.take("findings"), record, number, f.field.value, f.kind, f.family.value,
                    f.severity.value, f.start, f.end, f.evidence, f.detector, logged.status.value, decision,
                )
            )  # fmt: skip
        first += len(pair.decisions)
    return rows


def build_rejected_row(line: RejectedLine, run: int, number: int, head: str) -> Row:
    """The row of a rejected line, as the next link behind ``head``; its own hash is its last value."""
    row = (
        number, run, line.position, line.line, line.offset, line.length, line.sha256, line.reason, line.message,
    )  # fmt: skip
    return *row, head, seals.chain_hash("rejected_lines", head, row)
