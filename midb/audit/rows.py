"""Rows of the audit log as objects. What a column holds is not believed: words stay plain text until they are used."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from midb.audit.run_rows import Run
from midb.domain.decisions import Action, Decision, Outcome, Pass, Reason, find_failed_passes, standing
from midb.domain.edits import Edit
from midb.domain.errors import AuditError
from midb.domain.pairs import Field

#: What the outcome of a record that a revert changed is called in logs of version 0.1.0.
OUTCOME_BEFORE_UNDONE = Outcome.REVERTED


def outcome_before(outcome: Outcome, decisions: Sequence[Decision]) -> Outcome:
    """What versions before this one called the outcome of a pair with some decisions.

    What was undone was called reverted up to 0.1.0, as was a pair of which no reply could be used, before this had a
    reason of its own.
    """
    if outcome is Outcome.UNDONE:
        return OUTCOME_BEFORE_UNDONE
    told = any(decision.reason is Reason.NO_USABLE_REPLY for decision in decisions)
    if outcome is Outcome.UNCHANGED and find_failed_passes(decisions) and not told:
        return Outcome.REVERTED
    return outcome


VERIFY_HINT = "midb-agent audit verify names every row that was changed."


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A row of `records`."""

    id: int
    run_id: int
    position: int
    line: int
    record_key: str
    language: str
    outcome: str
    pairs: int
    open_findings: int
    original_text: str | None
    final_text: str | None
    original_hash: str
    final_hash: str
    seal: str

    @property
    def label(self) -> str:
        """How a person finds the row."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A row of `findings`."""

    id: int
    record_id: int
    pair: int
    field: str
    kind: str
    family: str
    severity: str
    start: int
    end: int
    evidence: str
    detector: str
    status: str
    decision_id: int | None

    @property
    def label(self) -> str:
        """How a person finds the row."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A row of `verdicts`."""

    id: int
    run_id: int
    record_id: int
    item: str
    reviewer: str
    verdict: str
    text: str | None
    note: str
    at: str


@dataclass(frozen=True, slots=True)
class EditRow:
    """A row of `edits`."""

    decision_id: int
    ordinal: int
    field: str
    start: int
    end: int
    before: str
    after: str
    kind: str

    @property
    def label(self) -> str:
        """How a person finds the row."""
        return f"{self.decision_id}/{self.ordinal}"

    def edit(self) -> Edit:
        """The edit; ValueError where the field is none."""
        return Edit(Field(self.field), self.start, self.end, self.before, self.after, self.kind)


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A row of `decisions` with its edits by ordinal. ``pass_`` is the column `pass`."""

    id: int
    record_id: int
    pair: int
    pass_: str
    attempt: int
    action: str
    reason: str
    detail: str
    before_hash: str
    after_hash: str
    prompt_hash: str | None
    generation_id: int | None
    previous_hash: str
    hash: str
    edits: tuple[EditRow, ...] = ()

    @property
    def label(self) -> str:
        """How a person finds the row."""
        return str(self.id)

    def decision(self) -> Decision:
        """The decision as it was taken; ValueError where a word is none that decisions know."""
        return Decision(
            pass_=Pass(self.pass_),
            action=Action(self.action),
            reason=Reason(self.reason),
            detail=self.detail,
            attempt=self.attempt,
            before_hash=self.before_hash,
            after_hash=self.after_hash,
            edits=tuple(edit.edit() for edit in self.edits),
            prompt_hash=self.prompt_hash,
            generation=self.generation_id,
        )


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """Everything the log says about one record."""

    row: RecordRow
    decisions: tuple[DecisionRow, ...]
    findings: tuple[FindingRow, ...]

    def standing(self) -> frozenset[int]:
        """The ids of the decisions whose edits stand; `midb.domain.decisions.standing` says what that means."""
        pairs: dict[int, list[DecisionRow]] = {}
        for decision in self.decisions:
            pairs.setdefault(decision.pair, []).append(decision)
        return frozenset(row.id for rows in pairs.values() for _, row in standing(rows))


Row = TypeVar("Row", RecordRow, FindingRow, EditRow, DecisionRow, VerdictRow, Run)


def _columns(kind: type[Any]) -> tuple[tuple[str, str, bool, bool], ...]:
    """Attribute, column, whether it holds text, and whether it may hold nothing."""
    return tuple(
        (
            field.name,
            "pass" if field.name == "pass_" else field.name,
            "str" in str(field.type),
            "None" in str(field.type),
        )
        for field in dataclasses.fields(kind)
        if field.name != "edits"
    )


_COLUMNS = {kind: _columns(kind) for kind in (RecordRow, FindingRow, EditRow, DecisionRow, VerdictRow, Run)}


def read_row(kind: type[Row], table: str, row: sqlite3.Row, **more: Any) -> Row:
    """A row as an object, with ``more`` attributes; AuditError where a number is none, or a column is not there.

    What should be text and is not is shown as well as it can be.
    """
    values: dict[str, Any] = more
    there = row.keys()
    for name, column, text, optional in _COLUMNS[kind]:
        if column not in there:
            raise AuditError(f"the table {table} lacks the column {column}.", hint=VERIFY_HINT)
        value = row[column]
        if value is None and optional:
            pass
        elif text:
            value = as_text(value)
        elif not isinstance(value, int):
            message = f"the column {column} of the table {table} holds {value!r}, which is no number."
            raise AuditError(message, hint=VERIFY_HINT)
        values[name] = value
    return kind(**values)


def read_parts(query: Callable[[str, Sequence[Any]], Iterable[sqlite3.Row]], row: RecordRow) -> LoggedRecord:
    """A record with its decisions, edits and findings; ``query`` gives the rows of a statement with its values."""
    edits: dict[int, list[EditRow]] = {}
    of_record = "SELECT e.* FROM edits e JOIN decisions d ON d.id = e.decision_id WHERE d.record_id = ?"
    for found in query(f"{of_record} ORDER BY e.decision_id, e.ordinal", [row.id]):
        edit = read_row(EditRow, "edits", found)
        edits.setdefault(edit.decision_id, []).append(edit)
    decisions = [
        read_row(DecisionRow, "decisions", found)
        for found in query("SELECT * FROM decisions WHERE record_id = ? ORDER BY id", [row.id])
    ]
    findings = query("SELECT * FROM findings WHERE record_id = ? ORDER BY id", [row.id])
    return LoggedRecord(
        row,
        tuple(dataclasses.replace(found, edits=tuple(edits.get(found.id, ()))) for found in decisions),
        tuple(read_row(FindingRow, "findings", found) for found in findings),
    )


def as_text(value: object) -> str:
    """What a column of text holds; bytes that are no text are shown escaped."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
