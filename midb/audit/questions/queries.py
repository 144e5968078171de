"""What auditors ask: which records, what was done to them, what is left. Every value goes in as a parameter."""

from __future__ import annotations

import difflib
import heapq
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from rapidfuzz import fuzz, process

from midb.audit.reader import AuditReader
from midb.audit.rows import RecordRow, as_text, typed
from midb.domain.decisions import Outcome, Pass
from midb.domain.defects import FindingStatus
from midb.domain.errors import UsageError
from midb.locales import LANGUAGES


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which records are meant; what is None does not restrict. ``kind`` and ``pass_`` hold for edits and findings."""

    run: int
    kind: str | None = None
    pass_: str | None = None
    language: str | None = None
    outcome: str | None = None
    status: str | None = None
    text: str | None = None
    edited: bool = False  # changed records; only standing edits count for ``kind`` and ``pass_``, not findings


def folded(text: str) -> str:
    """The text as it is compared in a search: neither case nor width nor the dots of Turkish i count.

    >>> folded("ΣΊΣΥΦΟΣ") == folded("σίσυφος"), folded("ISPARTA") == folded("Isparta") == folded("ısparta")
    (True, True)
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return plain.replace("i\u0307", "i").replace("ı", "i")


def prepare(reader: AuditReader) -> None:
    """Give the connection a search that knows more letters than ASCII's."""

    # Both take bytes: SQLite could not hand on what is no UTF-8, and ends a text at its first NUL.
    def holds(text: bytes | None, needle: str) -> bool:
        return text is not None and needle in folded(text.decode(errors="backslashreplace"))

    def holds_texts(json: bytes | None, needle: str) -> bool:
        try:
            pairs = orjson.loads(json or b"")
            return any(isinstance(text, str) and needle in folded(text) for pair in pairs for text in pair)
        except (orjson.JSONDecodeError, TypeError):
            return holds(json, needle)

    reader.connection.create_function("holds", 2, holds, deterministic=True)
    reader.connection.create_function("holds_texts", 2, holds_texts, deterministic=True)


def _holds(column: str, function: str = "holds") -> str:
    return f"{function}(CAST({column} AS BLOB), :text)"


def checked(reader: AuditReader, filters: Filters) -> Filters:
    """The filters, or UsageError naming the nearest for a word that neither this program nor the log knows."""
    from midb.detectors import kinds

    logged = {
        "kind": "SELECT kind FROM findings UNION SELECT kind FROM edits",
        "language": "SELECT DISTINCT language FROM records",
    }
    for name, given, words in (
        ("outcome", filters.outcome, {outcome.value for outcome in Outcome}),
        ("status", filters.status, {status.value for status in FindingStatus}),
        ("pass", filters.pass_, {pass_.value for pass_ in Pass}),
        ("kind", filters.kind, set(kinds())),
        ("language", filters.language, set(LANGUAGES)),
    ):
        if given is not None and given not in words:
            more = {as_text(row[0]) for row in reader.query(logged[name])} if name in logged else set()
            require_known(name, given, words | more)
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
    if filters.edited:
        parts.append("r.final_text IS NOT NULL")
    edit, found = edit_condition(filters), finding_condition(filters)
    either = []
    if not filters.status and (filters.kind or filters.pass_):
        either.append(f"EXISTS (SELECT 1 FROM decisions d LEFT JOIN edits e ON e.decision_id = d.id "
                      f"WHERE d.record_id = r.id AND {edit})")  # fmt: skip
    if filters.status or (filters.kind and not filters.edited):
        either.append(f"EXISTS (SELECT 1 FROM findings f WHERE f.record_id = r.id AND {found})")
    if either:
        parts.append(f"({' OR '.join(either)})")
    if filters.text:
        parts.append(
            "(EXISTS (SELECT 1 FROM decisions d JOIN edits e ON e.decision_id = d.id WHERE d.record_id = r.id "
            f"AND ({_holds('e.before')} OR {_holds('e.after')})) "
            f"OR EXISTS (SELECT 1 FROM findings f WHERE f.record_id = r.id AND {_holds('f.evidence')}) "
            f"OR {_holds('r.record_key')} OR {_holds('r.original_text', 'holds_texts')} "
            f"OR {_holds('r.final_text', 'holds_texts')})"
        )
    values = {
        "run": filters.run, "kind": filters.kind, "pass_": filters.pass_, "language": filters.language,
        "outcome": filters.outcome, "status": filters.status, "text": folded(filters.text or ""),
    }  # fmt: skip
    return " AND ".join(parts), values


#: Whether the edits of a decision ``d`` stand: it was applied, and no verification after it failed.
_STANDS = (
    "d.action = 'applied' AND NOT EXISTS (SELECT 1 FROM decisions v WHERE v.record_id = d.record_id "
    "AND v.pair = d.pair AND v.id > d.id AND v.\"pass\" = 'verification' AND v.action = 'rejected')"
)


def edit_condition(filters: Filters) -> str:
    """The filters as SQL over an edit ``e`` and its decision ``d``."""
    parts = [_STANDS if filters.edited else "1"]
    if filters.kind:
        parts.append("e.kind = :kind")
    if filters.pass_:
        parts.append('d."pass" = :pass_')
    return " AND ".join(parts)


def finding_condition(filters: Filters) -> str:
    """The filters as SQL over a finding ``f``."""
    parts = ["1"]
    if filters.kind:
        parts.append("f.kind = :kind")
    if filters.pass_:
        by_pass = 'SELECT 1 FROM decisions g WHERE g.id = f.decision_id AND g."pass" = :pass_'
        parts.append(f"(f.family = :pass_ OR EXISTS ({by_pass}))")
    if filters.status:
        parts.append("f.status = :status")
    return " AND ".join(parts)


@dataclass(frozen=True, slots=True)
class Match:
    """Why a record was found: an edit (``before``, ``after``) or a finding (``evidence``), and what became of it."""

    kind: str
    status: str
    field: str
    before: str | None = None
    after: str | None = None
    evidence: str | None = None


def matches(reader: AuditReader, record: int, filters: Filters) -> list[Match]:
    """The edits of a record that the filters mean, and its findings that no edit repaired."""
    values = condition(filters)[1] | {"record": record}
    found: list[Match] = []
    if not filters.status or filters.status == FindingStatus.REPAIRED:
        sql = (
            f"SELECT e.kind, e.field, e.before, e.after, {_STANDS} AS stands FROM edits e "
            f"JOIN decisions d ON d.id = e.decision_id WHERE d.record_id = :record AND {edit_condition(filters)} "
            "ORDER BY e.decision_id, e.ordinal"
        )
        for row in reader.query(sql, values):
            status = "edited" if row["stands"] else "taken back"
            kind, field, before, after = map(as_text, tuple(row)[:4])
            found.append(Match(kind, status, field, before=before, after=after))
    sql = (
        "SELECT f.kind, f.status, f.field, f.evidence FROM findings f "
        f"WHERE f.record_id = :record AND f.status <> 'repaired' AND {finding_condition(filters)} ORDER BY f.id"
    )
    if not filters.edited:
        found += [
            Match(kind, status, field, evidence=evidence)
            for kind, status, field, evidence in (map(as_text, tuple(row)) for row in reader.query(sql, values))
        ]
    needle = values["text"]
    holding = [m for m in found if needle and needle in folded(f"{m.before}\n{m.after}\n{m.evidence}")]
    return holding or found


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
    position = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 18 else None
    if not found and position is not None:
        found = list(reader.records("r.run_id = ? AND r.position = ?", [run, position]))
        sql = "SELECT line, reason FROM rejected_lines WHERE run_id = ? AND position = ?"
        for line, reason in () if found else reader.query(sql, [run, position]):
            raise UsageError(f"#{position} of run {run} is no record but a rejected line: {line} ({as_text(reason)}).")
    if found:
        return found
    raise UsageError(f'run {run} has no record "{name}".', hint=_elsewhere(reader, run, name))


def _elsewhere(reader: AuditReader, run: int, name: str) -> str:
    """Where a record may be that a run does not have: in another run, or under a name like it."""
    runs = [row[0] for row in reader.query("SELECT DISTINCT run_id FROM records WHERE record_key = ?", [name])]
    if runs:
        return f"Run {runs[-1]} has it: --run {runs[-1]}."
    keys = (as_text(row[0]) for row in reader.query("SELECT record_key FROM records WHERE run_id = ?", [run]))
    near = heapq.nlargest(3, process.extract_iter(name, keys, scorer=fuzz.ratio, score_cutoff=60), key=lambda n: n[1])
    if near:
        return f"Did you mean {', '.join(dict.fromkeys(str(key) for key, *_ in near))}?"
    return "midb-agent audit find lists records; #17 is the 18th one."


def counted(reader: AuditReader, sql: str, run: int) -> list[tuple[Any, ...]]:
    """The rows of a query with the run as its only parameter."""
    return [tuple(row) for row in reader.query(sql, [run])]


LEDGER = "SELECT language, outcome, count(*) FROM records WHERE run_id = ? GROUP BY 1, 2"
REPAIRS = (
    'SELECT e.kind, d."pass", count(*), count(DISTINCT r.id) FROM records r JOIN decisions d ON d.record_id = r.id '
    f"JOIN edits e ON e.decision_id = d.id WHERE r.run_id = ? AND {_STANDS} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
)
TAKEN_BACK = (
    'SELECT d."pass", d.reason, count(*) FROM decisions d JOIN records r ON r.id = d.record_id '
    "WHERE r.run_id = ? AND d.action = 'rejected' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
)
OPEN = (
    "SELECT kind, severity, sum(n), group_concat(language || ' ' || n, ', ') FROM (SELECT f.kind, f.severity, "
    "r.language, count(*) AS n FROM records r JOIN findings f ON f.record_id = r.id WHERE r.run_id = ? "
    "AND f.status = 'open' GROUP BY 1, 2, 3 ORDER BY n DESC, r.language) GROUP BY 1, 2 ORDER BY 3 DESC, 1"
)
REJECTED = "SELECT reason, count(*), min(line) FROM rejected_lines WHERE run_id = ? GROUP BY 1 ORDER BY 2 DESC, 1"
EVENTS = "SELECT at, level, message FROM run_events WHERE run_id = ? ORDER BY id"
