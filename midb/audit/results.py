"""Rows of the log turned back into what the state machine gave: for a merge, and for callers in Python."""

from __future__ import annotations

from collections.abc import Sequence

from midb.audit.rows import LoggedRecord
from midb.domain.decisions import LoggedFinding, PairResult, pair_outcome
from midb.domain.defects import DefectFamily, Finding, FindingStatus, Severity
from midb.domain.pairs import Field, InstructionPair


def logged_pairs(
    logged: LoggedRecord, originals: Sequence[InstructionPair], finals: Sequence[InstructionPair]
) -> tuple[PairResult, ...]:
    """The pairs of a record with their decisions and findings; a finding's fix is not in the log.

    Raises ValueError where a row holds a word that decisions or findings do not know.
    """
    return tuple(
        _logged_pair(logged, number, original, final)
        for number, (original, final) in enumerate(zip(originals, finals, strict=True))
    )


def _logged_pair(logged: LoggedRecord, number: int, original: InstructionPair, final: InstructionPair) -> PairResult:
    rows = [row for row in logged.decisions if row.pair == number]
    decisions = tuple(row.decision() for row in rows)
    index = {row.id: place for place, row in enumerate(rows)}
    findings = tuple(
        LoggedFinding(
            Finding(
                row.kind, DefectFamily(row.family), Severity(row.severity), Field(row.field), row.start, row.end,
                row.evidence, detector=row.detector,
            ),
            FindingStatus(row.status),
            None if row.decision_id is None else index[row.decision_id],
        )
        for row in logged.findings
        if row.pair == number
    )  # fmt: skip
    return PairResult(original, final, pair_outcome(original, final, decisions), decisions, findings)
