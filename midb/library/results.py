"""What the library gives back: plain frozen objects that say what was changed, what is left, and why."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from midb.agent.run.examine import explain_left_alone, explain_unexamined
from midb.domain.decisions import Decision, LoggedFinding, PairResult, Reason, standing
from midb.domain.edits import Edit
from midb.domain.results import RecordResult, RejectedLine

#: The kind of thing that records came as: a list, a data frame, a data set.
Records = TypeVar("Records")


@dataclass(frozen=True, slots=True, kw_only=True)
class EditInfo:
    """One edit that stands.

    :param record: id of the record, or ``#`` and its position; ``position`` counts records from 0.
    :param pair: turn of a conversation, from 0.
    :param field: instruction, input or response.
    :param start: where ``before`` stood, in code points of the text that the pass got; ``end`` is behind it.
    :param kind: of the defect; a model's edits where no rule found anything are ``content-rewrite`` and the like.
    :param pass_: the pass that made it.
    :param reason: what the detector saw, or why the pass decided so.
    """

    record: str
    position: int
    pair: int
    language: str
    field: str
    start: int
    end: int
    before: str
    after: str
    kind: str
    pass_: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """The same as a dictionary, in which ``pass_`` is called ``pass``."""
        row = asdict(self)
        row["pass"] = row.pop("pass_")
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingInfo:
    """One defect that was found.

    :param start: code points of the text in which it was found: the original one, or one that a pass had repaired.
    :param evidence: what a person can check.
    :param status: open, repaired, or dismissed (gone along with another repair).
    :param repairable: it carries a provable repair; known before repairing only, False in a log.
    """

    record: str
    position: int
    pair: int
    language: str
    field: str
    start: int
    end: int
    kind: str
    family: str
    severity: str
    evidence: str
    status: str
    repairable: bool

    def to_dict(self) -> dict[str, Any]:
        """The same as a dictionary."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedInfo:
    """A record that cannot be read, or in which no pair was found, and that stays as it is.

    :param reason: a short code; ``unexamined`` where no pair was found.
    :param message: a sentence.
    """

    position: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindInfo:
    """One kind of defect.

    :param repairs: some of its findings can be repaired without a model.
    :param needs_source: nothing is found without the English source.
    :param convention: a convention of print, examined only with ``typography``.
    :param languages: codes of the languages it is examined in.
    """

    name: str
    family: str
    severity: str
    summary: str
    repairs: bool
    needs_source: bool
    convention: bool
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPair:
    """One pair as it should be, and what was done to it. ``outcome``: unchanged, improved or reverted."""

    instruction: str | None
    input: str | None
    response: str | None
    language: str
    outcome: str
    edits: tuple[EditInfo, ...]
    findings: tuple[FindingInfo, ...]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What `check` found in ``read`` records. ``rejected`` are those that cannot be read, ``unexamined`` those in which
    no pair was found; ``switched_off`` says what the verdicts of ``reviewed`` switched off."""

    read: int
    findings: list[FindingInfo]
    rejected: list[RejectedInfo]
    unexamined: list[RejectedInfo] = field(default_factory=list)
    switched_off: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BoostResult(Generic[Records]):
    """What `boost` made of the records.

    :param records: all of them, in order, as the kind of thing they came as; the caller's own are not touched.
    :param unexamined: records in which no pair was found; in the ledger they are unchanged.
    :param ledger: read, unchanged, improved, reverted, rejected: read is the sum of the others.
    :param warnings: what a run would have told on the terminal.
    :param audit: the log, where one was asked for.
    :param switched_off: what the verdicts of ``reviewed`` switched off, a sentence each.
    """

    records: Records
    edits: list[EditInfo]
    findings: list[FindingInfo]
    rejected: list[RejectedInfo]
    ledger: dict[str, int]
    warnings: tuple[str, ...] = ()
    audit: Path | None = None
    unexamined: list[RejectedInfo] = field(default_factory=list)
    switched_off: tuple[str, ...] = ()


def edits_of(result: RecordResult) -> Iterator[EditInfo]:
    """The edits of a record that stand, in the order in which they were made."""
    for number, pair in enumerate(result.pairs):
        for index, decision in standing(pair.decisions):
            for edit in decision.edits:
                yield EditInfo(
                    record=result.key,
                    position=result.position,
                    pair=number,
                    language=result.language,
                    field=edit.field.value,
                    start=edit.start,
                    end=edit.end,
                    before=edit.before,
                    after=edit.after,
                    kind=edit.kind,
                    pass_=decision.pass_.value,
                    reason=_reason(edit, index, decision, pair),
                )


def _reason(edit: Edit, index: int, decision: Decision, pair: PairResult) -> str:
    """The evidence of the finding that an edit repaired, the nearest where several fit; else the decision's own."""

    def distance(logged: LoggedFinding) -> int:
        found = logged.finding
        return max(found.start - edit.end, edit.start - found.end, 0)

    repaired = [
        logged
        for logged in pair.findings
        if logged.decision == index and (logged.finding.kind, logged.finding.field) == (edit.kind, edit.field)
    ]
    if repaired:
        return min(repaired, key=distance).finding.evidence
    return decision.detail or decision.reason.value


def findings_of(result: RecordResult) -> Iterator[FindingInfo]:
    """What was found in a record."""
    for number, pair in enumerate(result.pairs):
        for logged in pair.findings:
            found = logged.finding
            yield FindingInfo(
                record=result.key,
                position=result.position,
                pair=number,
                language=result.language,
                field=found.field.value,
                start=found.start,
                end=found.end,
                kind=found.kind,
                family=found.family.value,
                severity=found.severity.value,
                evidence=found.evidence,
                status=logged.status.value,
                repairable=bool(found.fix),
            )


def rejected_of(line: RejectedLine) -> RejectedInfo:
    """A record that cannot be read."""
    return RejectedInfo(position=line.position, reason=line.reason, message=line.message)


def unexamined_of(results: Iterable[RecordResult]) -> list[RejectedInfo]:
    """The records in which no pair was found."""
    reason = Reason.UNEXAMINED.value
    told = ((result.position, explain_unexamined(result)) for result in results)
    return [RejectedInfo(position=position, reason=reason, message=why) for position, why in told if why]


def ledger_of(results: Iterable[RecordResult], rejected: Sequence[RejectedInfo]) -> dict[str, int]:
    """The ledger: every record that was read is in one of its other columns."""
    outcomes = Counter(result.outcome.value for result in results)
    counted = {name: outcomes[name] for name in ("unchanged", "improved", "reverted")}
    return {"read": outcomes.total() + len(rejected), **counted, "rejected": len(rejected)}


def warn_of_left_alone(result: RecordResult) -> None:
    """A Python warning where a record took too long, for calls whose result has no place for warnings."""
    if slow := explain_left_alone(result):
        warnings.warn(slow, RuntimeWarning, stacklevel=3)
