"""The last event of a run, counted from its log: whoever made the run, the ledger is what was written down."""

from __future__ import annotations

from typing import Any

from midb.audit.behind import count_reasons
from midb.audit.log import AuditLog
from midb.audit.run_rows import Checkpoint, Run
from midb.domain.decisions import Reason
from midb.domain.events import RunEnded


def count_end(log: AuditLog, run: Run, checkpoint: Checkpoint, **more: Any) -> RunEnded:
    """The event with all that the log knows of a run up to its checkpoint; ``more`` is the rest of its fields."""
    outcomes = log.outcomes(run)
    repaired, still_open = log.finding_counts(run)
    return RunEnded(
        read=checkpoint.position,
        rejected=checkpoint.rejected_lines,
        outcomes=outcomes,
        repaired=repaired,
        open=still_open,
        balanced=checkpoint.position == sum(outcomes.values()) + checkpoint.rejected_lines,
        internal_errors=log.count_pairs(run, Reason.INTERNAL_ERROR),
        no_usable_reply=log.count_pairs(run, Reason.NO_USABLE_REPLY),
        too_slow=log.count_pairs(run, Reason.TOO_SLOW),
        unexamined=log.count_pairs(run, Reason.UNEXAMINED),
        reasons=count_reasons(log, run),
        head=log.head(),
        **more,
    )
