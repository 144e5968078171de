"""Which edits and findings of a run are reviewed: those that are asked for, all or a sample that is spread evenly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from midb.audit.questions.filters import Filters
from midb.audit.questions.items import Candidate, draw, list_edits, list_findings
from midb.audit.reader import AuditReader
from midb.domain.defects import FindingStatus

__all__ = ["Candidate", "ReviewChoice", "choose"]

#: Findings with these are no open question.
_CLOSED = tuple(status.value for status in FindingStatus if status is not FindingStatus.OPEN)


@dataclass(frozen=True, kw_only=True)
class ReviewChoice:
    """What is reviewed.

    :param what: "edits", "findings" or "both".
    :param filters: which of them; None: all. Their run is that of `choose`.
    :param sample: so many, spread over languages and kinds; 0: all.
    :param judged: only in records of which anything was said; the log must have a place for verdicts.
    """

    what: str = "both"
    filters: Filters | None = None
    sample: int = 0
    seed: int = 0
    judged: bool = False


#: Only of records of which anything was said.
_JUDGED = "r.id IN (SELECT record_id FROM verdicts)"


def choose(reader: AuditReader, run: int, choice: ReviewChoice) -> list[Candidate]:
    """The candidates of a run, in the order of the log; of a sample always the same ones for the same seed."""
    filters = replace(choice.filters, run=run) if choice.filters else Filters(run=run)
    found = _list_candidates(reader, filters, choice)
    return draw(found, choice.sample, choice.seed) if choice.sample else list(found)


def _list_candidates(reader: AuditReader, filters: Filters, choice: ReviewChoice) -> Iterator[Candidate]:
    more = _JUDGED if choice.judged else "1"
    if choice.what in ("edits", "both"):
        yield from list_edits(reader, filters, standing=True, more=more)
    if choice.what in ("findings", "both"):
        yield from list_findings(reader, filters, but=_CLOSED, more=more)
