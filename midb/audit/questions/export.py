"""Exports of the log for spreadsheets and scripts, row by row. JSONL is exact; CSV is made safe for spreadsheets."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from midb.audit.questions.filters import (
    EDIT_NAME,
    FINDING_NAME,
    Filters,
    decision_condition,
    edit_condition,
    finding_condition,
    record_condition,
)
from midb.audit.reader import READ_OUTCOME, AuditReader
from midb.audit.rows import as_text
from midb.domain.errors import MidbError
from midb.text.terminal import visible_json

#: A cell that starts like this is a formula to some spreadsheet (OWASP, "CSV Injection"), full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

_RECORD = ("r.run_id", "r.record_key", "r.position", "r.language", f"{READ_OUTCOME} AS outcome")

#: What can be exported: the columns of each, and where they come from.
TABLES: dict[str, tuple[tuple[str, ...], str]] = {
    "records": (
        (
            *_RECORD, "r.line", "r.pairs", "r.open_findings", "r.original_text", "r.final_text", "r.original_hash",
            "r.final_hash",
        ),
        "records r WHERE {where} ORDER BY r.position",
    ),
    "decisions": (
        (
            *_RECORD, "d.id AS decision_id", "d.pair", 'd."pass"', "d.attempt", "d.action", "d.reason", "d.detail",
            "d.before_hash", "d.after_hash", "d.prompt_hash", "d.generation_id", "d.previous_hash", "d.hash",
        ),
        "records r JOIN decisions d ON d.record_id = r.id WHERE {where} "
        "AND {decision} ORDER BY r.position, d.id",
    ),
    "edits": (
        (
            *_RECORD, "d.pair", 'd."pass"', "d.attempt", "d.action", "d.reason", "e.decision_id", "e.ordinal",
            "e.field", "e.start", 'e."end"', "e.before", "e.after", "e.kind", f"{EDIT_NAME} AS item",
        ),
        "records r JOIN decisions d ON d.record_id = r.id JOIN edits e ON e.decision_id = d.id "
        "WHERE {where} AND {edit} ORDER BY r.position, d.id, e.ordinal",
    ),
    "findings": (
        (
            *_RECORD, "f.pair", "f.field", "f.kind", "f.family", "f.severity", "f.start", 'f."end"', "f.evidence",
            "f.detector", "f.status", "f.decision_id", f"{FINDING_NAME} AS item",
        ),
        "records r JOIN findings f ON f.record_id = r.id WHERE {where} AND {finding} ORDER BY r.position, f.id",
    ),
}  # fmt: skip


def column_names(what: str) -> list[str]:
    """The names of the columns of an export."""
    return [column.rpartition(" AS ")[2].rpartition(".")[2].strip('"') for column in TABLES[what][0]]


def read_rows(reader: AuditReader, what: str, filters: Filters) -> Iterator[dict[str, Any]]:
    """The rows of an export, as columns by name: of the records the filters mean, what the filters mean of it."""
    selected, source = TABLES[what]
    where, values = record_condition(filters)
    source = source.format(
        where=where,
        edit=edit_condition(filters),
        finding=finding_condition(filters),
        decision=decision_condition(filters),
    )
    names = column_names(what)
    for row in reader.query(f"SELECT {', '.join(selected)} FROM {source}", values):
        yield {name: as_text(v) if isinstance(v, bytes) else v for name, v in zip(names, row, strict=True)}


def to_jsonl(found: Iterable[dict[str, Any]], names: Sequence[str]) -> Iterator[str]:
    """One JSON object a line."""
    return map(json_line, found)


def json_line(value: Any) -> str:
    r"""A value as one line of JSON. What hides or steers is escaped, so that it is exact and may go to a terminal.

    >>> print(json_line({"a": "\u202e\x9b1"}), end="")
    {"a":"\u202e\u009b1"}
    """
    return visible_json(orjson.dumps(value).decode()) + "\n"


def to_csv(found: Iterable[dict[str, Any]], names: Sequence[str]) -> Iterator[str]:
    """CSV with a header; no cell starts a formula, and every text is quoted, whatever separates cells elsewhere."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(names)
    for row in found:
        writer.writerow([make_harmless(row[name]) for name in names])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def make_harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula.

    >>> make_harmless("=1+1"), make_harmless("ok"), make_harmless(-3)
    ("'=1+1", 'ok', -3)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


FORMATS: dict[str, Callable[[Iterable[dict[str, Any]], Sequence[str]], Iterator[str]]] = {
    "csv": to_csv,
    "jsonl": to_jsonl,
}


def write_file(lines: Iterable[str], path: Path) -> None:
    """Write a file that appears only when it is complete; raises MidbError where it cannot be written."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=path.absolute().parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            file.writelines(lines)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            hint = "Choose another -o, or make room."
            raise MidbError(f"{path} cannot be written: {error.strerror}.", hint=hint) from error
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
