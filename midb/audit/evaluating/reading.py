"""Evaluations read: the figures of the last one of each sort, and what a judge said of each pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from midb.audit.evaluating.rows import EVALUATED
from midb.audit.reader import AuditReader
from midb.audit.rows import VERIFY_HINT, as_text
from midb.domain.errors import AuditError


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """A row of `evaluations`, its figures as they were logged.

    :param run: the evaluation; ``parent`` is the run that was evaluated, if it is one of this log.
    :param engine: fingerprint of the judge; empty where none was asked.
    """

    run: int
    parent: int | None
    evaluates: str
    engine: str
    at: str
    figures: dict[str, Any]


_ROWS = (
    "SELECT e.run_id, u.parent_run, e.evaluates, u.engine, e.at, e.figures FROM evaluations e "
    "JOIN runs u ON u.id = e.run_id ORDER BY e.id"
)


def read_evaluations(reader: AuditReader) -> Iterator[EvaluationRow]:
    """All evaluations that came to their end, in their order; none in a log of an older version.

    :raises AuditError: where figures are no JSON.
    """
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'evaluations'"
    if next(reader.query(sql), None) is None:
        return
    for run, parent, evaluates, engine, at, figures in reader.query(_ROWS):
        try:
            found = orjson.loads(figures)
        except (orjson.JSONDecodeError, TypeError) as error:
            message = f"the figures of run {run} in {reader.path} were changed by hand."
            raise AuditError(message, hint=VERIFY_HINT) from error
        if not isinstance(found, dict):
            raise AuditError(f"the figures of run {run} in {reader.path} were changed by hand.", hint=VERIFY_HINT)
        yield EvaluationRow(run, parent, as_text(evaluates), as_text(engine), as_text(at), found)


#: What is about no run: a judge, and models. The log it is in is the one it was meant for.
_OF_NO_RUN = frozenset(EVALUATED) - {"data", "pairwise"}


def find_latest(reader: AuditReader, run: int) -> dict[str, EvaluationRow]:
    """The last evaluation of each sort that is about a run, or about models, by its sort.

    :param run: may be an evaluation itself: then it is the one that counts of its sort.
    """
    rows = list(read_evaluations(reader))
    found = {row.evaluates: row for row in rows if row.parent == run or row.evaluates in _OF_NO_RUN}
    found |= {row.evaluates: row for row in rows if row.run == run}
    return {name: found[name] for name in EVALUATED if name in found}
