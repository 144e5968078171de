"""What a run that goes on has done before, counted from its log, so that its figures are those of the whole run."""

from __future__ import annotations

import dataclasses
from typing import Any

from midb.audit.log import AuditLog
from midb.audit.run_rows import Checkpoint, Run
from midb.domain.decisions import Action, Pass
from midb.domain.events import BatchDone, Behind
from midb.domain.generations import Counts, Usage

#: (pass, action, decisions)
_DECISIONS = (
    'SELECT d."pass", d.action, count(*) FROM records r JOIN decisions d ON d.record_id = r.id '
    "WHERE r.run_id = ? AND d.\"pass\" <> 'route' GROUP BY 1, 2"
)
_PAIRS = "SELECT coalesce(sum(pairs), 0) FROM records WHERE run_id = ?"
_REJECTED = "SELECT reason, count(*) FROM rejected_lines WHERE run_id = ? GROUP BY 1"
_WARNINGS = "SELECT count(*) FROM run_events WHERE run_id = ? AND level = 'warning'"

#: Of the replies that a run has paid for.
_COUNTED = tuple(field.name for field in dataclasses.fields(Counts))
_REPLIES = (
    f"SELECT count(*), {', '.join(f'coalesce(sum({name}), 0)' for name in _COUNTED)} FROM generations WHERE run_id = ?"
)


def count_reasons(log: AuditLog, run: Run) -> dict[str, int]:
    """The rejected lines of a run, by reason."""
    return {str(reason): count for reason, count in log.db.execute(_REJECTED, [run.id])}


def count_behind(log: AuditLog, run: Run, checkpoint: Checkpoint) -> Behind:
    """All that the run has in the log up to its checkpoint."""

    def ask(sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in log.db.execute(sql, [run.id])]

    repaired, still_open = log.finding_counts(run)
    ((pairs,),) = ask(_PAIRS)
    ((warnings,),) = ask(_WARNINGS)
    ((calls, *counts),) = ask(_REPLIES)
    return Behind(
        counts=BatchDone(
            records=checkpoint.records,
            rejected=checkpoint.rejected_lines,
            pairs=pairs,
            outcomes=log.outcomes(run),
            decisions={(Pass(pass_), Action(action)): count for pass_, action, count in ask(_DECISIONS)},
            repaired=repaired,
            open=still_open,
        ),
        reasons=count_reasons(log, run),
        warnings=warnings,
        usage=Usage(calls=calls, **dict(zip(_COUNTED, counts, strict=True))),
    )
