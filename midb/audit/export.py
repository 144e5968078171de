"""Exports of the log for spreadsheets and scripts, row by row. JSONL is exact; CSV is made safe for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from midb.audit.queries import Filters, condition
from midb.audit.reader import AuditReader
from midb.audit.rows import as_text
from midb.terminal import visible_json

#: A cell that starts like this is a formula to some spreadsheet (OWASP, "CSV Injection"), full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

_RECORD = "r.record_key, r.position, r.language, r.outcome"

#: What can be exported: the columns and joins of each, and which parts of the filters speak of its own rows.
TABLES: dict[str, tuple[str, str]] = {
    "records": (
        f"{_RECORD}, r.line, r.pairs, r.open_findings, r.original_text, r.final_text, r.original_hash, r.final_hash",
        "records r WHERE {where} ORDER BY r.position",
    ),
    "decisions": (
        f'{_RECORD}, d.id AS decision_id, d.pair, d."pass", d.attempt, d.action, d.reason, d.detail, d.before_hash, '
        "d.after_hash, d.previous_hash, d.hash",
        "decisions d JOIN records r ON r.id = d.record_id "
        'WHERE {where} AND (:station IS NULL OR d."pass" = :station) ORDER BY d.id',
    ),
    "edits": (
        f'{_RECORD}, d.pair, d."pass", d.action, e.decision_id, e.ordinal, e.field, e.start, e."end", e.before, '
        "e.after, e.kind",
        "edits e JOIN decisions d ON d.id = e.decision_id JOIN records r ON r.id = d.record_id "
        "WHERE {where} AND (:kind IS NULL OR e.kind = :kind) "
        'AND (:station IS NULL OR d."pass" = :station) ORDER BY e.decision_id, e.ordinal',
    ),
    "findings": (
        f'{_RECORD}, f.pair, f.field, f.kind, f.family, f.severity, f.start, f."end", f.evidence, f.detector, f.status',
        "findings f JOIN records r ON r.id = f.record_id "
        "WHERE {where} AND (:kind IS NULL OR f.kind = :kind) AND (:status IS NULL OR f.status = :status) ORDER BY f.id",
    ),
}


def rows(reader: AuditReader, what: str, filters: Filters) -> Iterator[dict[str, Any]]:
    """The rows of an export, as columns by name."""
    columns, rest = TABLES[what]
    where, values = condition(filters)
    for row in reader.query(f"SELECT {columns} FROM {rest.format(where=where)}", values):
        yield {key: as_text(row[key]) if isinstance(row[key], bytes) else row[key] for key in row.keys()}  # noqa: SIM118


def jsonl(found: Iterator[dict[str, Any]]) -> Iterator[str]:
    """One JSON object a line."""
    return map(json_line, found)


def json_line(value: Any) -> str:
    r"""A value as one line of JSON. What hides or steers is escaped, so that it is exact and may go to a terminal.

    >>> print(json_line({"a": "\u202e\x9b1"}), end="")
    {"a":"\u202e\u009b1"}
    """
    return visible_json(orjson.dumps(value).decode()) + "\n"


def csv_lines(found: Iterator[dict[str, Any]]) -> Iterator[str]:
    """CSV with a header; no cell starts a formula."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    for number, row in enumerate(found):
        if number == 0:
            writer.writerow(row)
        writer.writerow([harmless(value) for value in row.values()])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless("ok"), harmless(-3)
    ("'=1+1", 'ok', -3)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


FORMATS: dict[str, Callable[[Iterator[dict[str, Any]]], Iterator[str]]] = {"csv": csv_lines, "jsonl": jsonl}
