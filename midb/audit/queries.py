"""What auditors ask: which records, what was done to them, what is left. Every value goes in as a parameter."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from midb.audit.reader import AuditReader
from midb.audit.rows import RecordRow, typed
from midb.decisions import Outcome, Pass
from midb.defects import FindingStatus
from midb.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which records are meant; what is None does not restrict. ``kind`` and ``station`` hold for edits and findings."""

    run: int
    kind: str | None = None
    station: str | None = None
    language: str | None = None
    outcome: str | None = None
    status: str | None = None
    text: str | None = None
    edited: bool = False  # only standing edits count for ``kind`` and ``station``, findings do not


def prepare(reader: AuditReader) -> None:
    """Give the connection a search that knows more letters than ASCII's."""

    def holds(text: Any, needle: str) -> bool:
        return isinstance(text, str) and needle in text.casefold()

    def holds_texts(json: Any, needle: str) -> bool:
        if not isinstance(json, str):
            return False
        try:
            pairs = orjson.loads(json)
        except orjson.JSONDecodeError:
            return False
        return any(holds(text, needle) for pair in pairs for text in pair)

    reader.connection.create_function("holds", 2, holds, deterministic=True)
    reader.connection.create_function("holds_texts", 2, holds_texts, deterministic=True)


def checked(reader: AuditReader, filters: Filters) -> Filters:
    """The filters, or UsageError naming the nearest for a word that the log does not know."""
    known: dict[str, Iterable[str]] = {
        "outcome": [outcome.value for outcome in Outcome],
        "status": [status.value for status in FindingStatus],
        "pass": [station.value for station in Pass],
        "language": (row[0] for row in reader.query("SELECT DISTINCT language FROM records")),
    }
    if filters.kind:
        from midb.detectors import kinds

        logged = reader.query("SELECT kind FROM findings UNION SELECT kind FROM edits")
        known["kind"] = {*kinds(), *(row[0] for row in logged)}
    for name, words in known.items():
        words = list(words)
        given = getattr(filters, "station" if name == "pass" else name)
        if given is not None:
            require_known(name, given, words)
    return filters


def require_known(name: str, given: str, words: Iterable[str]) -> None:
    """Raise UsageError where a word is not among those known, with the nearest of them."""
    listed = sorted(words)
    if given not in listed:
        near = difflib.get_close_matches(given, listed, n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(f'unknown {name} "{given}".', hint=f"{meant}Known are: {', '.join(listed)}.")


def condition(filters: Filters) -> tuple[str, dict[str, Any]]:
    """The filters as SQL over the alias ``r`` of `records`, and its parameters."""
    parts = ["r.run_id = :run"]
    if filters.language:
        parts.append("r.language = :language")
    if filters.outcome:
        parts.append("r.outcome = :outcome")
    edit, found = _edit_condition(filters), _finding_condition(filters)
    either = []
    if not filters.status and (filters.kind or filters.station):
        either.append(f"EXISTS (SELECT 1 FROM decisions d LEFT JOIN edits e ON e.decision_id = d.id "
                      f"WHERE d.record_id = r.id AND {edit})")  # fmt: skip
    if filters.status or (filters.kind and not filters.station and not filters.edited):
        either.append(f"EXISTS (SELECT 1 FROM findings f WHERE f.record_id = r.id AND {found})")
    if either:
        parts.append(f"({' OR '.join(either)})")
    if filters.text:
        parts.append(
            "(EXISTS (SELECT 1 FROM decisions d JOIN edits e ON e.decision_id = d.id WHERE d.record_id = r.id "
            "AND (holds(e.before, :text) OR holds(e.after, :text))) "
            "OR EXISTS (SELECT 1 FROM findings f WHERE f.record_id = r.id AND holds(f.evidence, :text)) "
            "OR holds(r.record_key, :text) OR holds_texts(r.original_text, :text) OR holds_texts(r.final_text, :text))"
        )
    values = {
        "run": filters.run, "kind": filters.kind, "station": filters.station, "language": filters.language,
        "outcome": filters.outcome, "status": filters.status, "text": (filters.text or "").casefold(),
    }  # fmt: skip
    return " AND ".join(parts), values


def _edit_condition(filters: Filters) -> str:
    parts = ["d.action = 'applied'" if filters.edited else "1"]
    if filters.kind:
        parts.append("e.kind = :kind")
    if filters.station:
        parts.append('d."pass" = :station')
    return " AND ".join(parts)


def _finding_condition(filters: Filters) -> str:
    parts = ["1"]
    if filters.kind:
        parts.append("f.kind = :kind")
    if filters.status:
        parts.append("f.status = :status")
    return " AND ".join(parts)


def count_records(reader: AuditReader, filters: Filters) -> int:
    """How many records the filters mean."""
    where, values = condition(filters)
    return int(next(reader.query(f"SELECT count(*) FROM records r WHERE {where}", values))[0])


def find_records(reader: AuditReader, filters: Filters, limit: int | None = None) -> Iterator[RecordRow]:
    """The records the filters mean, in the order of the corpus."""
    where, values = condition(filters)
    more = "" if limit is None else f" LIMIT {int(limit)}"
    rows = reader.query(f"SELECT r.* FROM records r WHERE {where} ORDER BY r.position{more}", values)
    return (typed(RecordRow, "records", row) for row in rows)


def records_called(reader: AuditReader, run: int, name: str) -> list[RecordRow]:
    """The records with an id, else the one at a position (``#17`` or ``17``); UsageError naming the nearest ids."""
    found = list(reader.records("r.run_id = ? AND r.record_key = ?", [run, name]))
    digits = name.removeprefix("#")
    if not found and digits.isascii() and digits.isdigit() and len(digits) < 18:
        found = list(reader.records("r.run_id = ? AND r.position = ?", [run, int(digits)]))
    if found:
        return found
    ids = (row[0] for row in reader.query("SELECT record_key FROM records WHERE run_id = ? LIMIT 100000", [run]))
    near = difflib.get_close_matches(name, [key for key in ids if isinstance(key, str)], n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else "midb-agent audit find lists records; #17 is the 18th one."
    raise UsageError(f'run {run} has no record "{name}".', hint=hint)


def counted(reader: AuditReader, sql: str, run: int) -> list[tuple[Any, ...]]:
    """The rows of a query with the run as its only parameter."""
    return [tuple(row) for row in reader.query(sql, [run])]


LEDGER = "SELECT language, outcome, count(*) FROM records WHERE run_id = ? GROUP BY 1, 2"
REPAIRS = (
    'SELECT kind, "pass", sum(edits), sum(records) FROM edits_by_kind WHERE run_id = ? GROUP BY 1, 2 ORDER BY 3 DESC'
)
TAKEN_BACK = (
    'SELECT d."pass", d.reason, count(*) FROM decisions d JOIN records r ON r.id = d.record_id '
    "WHERE r.run_id = ? AND d.action = 'rejected' GROUP BY 1, 2 ORDER BY 3 DESC"
)
OPEN = (
    "SELECT kind, severity, sum(findings), group_concat(language || ' ' || findings, ', ') "
    "FROM (SELECT * FROM open_findings_by_language WHERE run_id = ? ORDER BY findings DESC) "
    "GROUP BY 1, 2 ORDER BY 3 DESC"
)
REJECTED = "SELECT reason, count(*), min(line) FROM rejected_lines WHERE run_id = ? GROUP BY 1 ORDER BY 2 DESC"
EVENTS = "SELECT at, level, message FROM run_events WHERE run_id = ? ORDER BY id"
