"""Finding records in a log: those that filters mean, and why; the one that a name means."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from midb.audit.questions.filters import (
    EDIT_NAME,
    FINDING_NAME,
    STANDS,
    Filters,
    edit_condition,
    finding_condition,
    parameters,
    record_condition,
    split_words,
)
from midb.audit.questions.search import fold
from midb.audit.reader import AuditReader
from midb.audit.rows import RecordRow, as_text
from midb.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class Match:
    """Why a record was found: an edit (``before``, ``after``) or a finding (``evidence``), and what became of it.

    :param id: its name, such as e-31-0 or f-12.
    """

    id: str
    kind: str
    status: str
    field: str
    before: str | None = None
    after: str | None = None
    evidence: str | None = None


def find_matches(reader: AuditReader, record: int, filters: Filters) -> list[Match]:
    """The edits of a record that the filters mean, and its findings that no edit repaired."""
    values = parameters(filters) | {"of": record}
    sql = (
        f"SELECT {EDIT_NAME}, e.kind, e.field, e.before, e.after, {STANDS} AS stands FROM edits e "
        f"JOIN decisions d ON d.id = e.decision_id WHERE d.record_id = :of AND {edit_condition(filters)} "
        "ORDER BY e.decision_id, e.ordinal"
    )
    found: list[Match] = []
    for row in reader.query(sql, values):
        status = "edited" if row["stands"] else "taken back"
        name, kind, field, before, after = map(as_text, tuple(row)[:5])
        found.append(Match(name, kind, status, field, before=before, after=after))
    sql = (
        f"SELECT {FINDING_NAME}, f.kind, f.status, f.field, f.evidence FROM findings f "
        f"WHERE f.record_id = :of AND f.status <> 'repaired' AND {finding_condition(filters)} ORDER BY f.id"
    )
    if not filters.changed or filters.status:
        for row in reader.query(sql, values):
            name, kind, status, field, evidence = map(as_text, tuple(row))
            found.append(Match(name, kind, status, field, evidence=evidence))
    needles = [fold(word) for word in split_words(filters.text)]
    holding = [m for m in found if any(n in fold(f"{m.before}\n{m.after}\n{m.evidence}") for n in needles)]
    return holding or found


def count_records(reader: AuditReader, filters: Filters) -> int:
    """How many records the filters mean."""
    where, values = record_condition(filters)
    return int(next(reader.query(f"SELECT count(*) FROM records r WHERE {where}", values))[0])


def find_records(reader: AuditReader, filters: Filters, limit: int | None = None) -> Iterator[RecordRow]:
    """The records the filters mean, in the order of the corpus."""
    where, values = record_condition(filters)
    return reader.records(where, values, limit=limit)


def find_by_name(reader: AuditReader, run: int, name: str) -> list[RecordRow]:
    """The records with an id, else the one at a position (``#17`` or ``17``); UsageError naming the nearest ids."""
    found = list(reader.records("r.run_id = ? AND r.record_key = ?", [run, name]))
    digits = name.removeprefix("#")
    position = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 18 else None
    if not found and position is not None:
        found = list(reader.records("r.run_id = ? AND r.position = ?", [run, position]))
        sql = "SELECT line, reason FROM rejected_lines WHERE run_id = ? AND position = ?"
        for line, reason in () if found else reader.query(sql, [run, position]):
            raise UsageError(f"#{position} of run {run} is no record but a rejected line: {line} ({as_text(reason)}).")
    if found:
        return found
    raise UsageError(f'run {run} has no record "{name}".', hint=_say_where_it_may_be(reader, run, name))


def _say_where_it_may_be(reader: AuditReader, run: int, name: str) -> str:
    """Where a record may be that a run does not have: in another run, or under a name like it."""
    runs = [row[0] for row in reader.query("SELECT DISTINCT run_id FROM records WHERE record_key = ?", [name])]
    if runs:
        return f"Run {runs[-1]} has it: --run {runs[-1]}."
    keys = (as_text(row[0]) for row in reader.query("SELECT record_key FROM records WHERE run_id = ?", [run]))
    near = heapq.nlargest(3, process.extract_iter(name, keys, scorer=fuzz.ratio, score_cutoff=60), key=lambda n: n[1])
    if near:
        return f"Did you mean {', '.join(dict.fromkeys(str(key) for key, *_ in near))}?"
    return "midb-agent audit find lists records; #17 is the 18th one."
