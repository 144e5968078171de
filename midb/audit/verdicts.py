"""What people said, read from a log: the last word on each edit and finding, and all that was said before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from midb.audit.reader import AuditReader
from midb.audit.rows import VerdictRow, read_row

#: Verdicts on the records of a run, in the order in which they were given.
_OF_RUN = (
    "SELECT v.* FROM verdicts v JOIN records r ON r.id = v.record_id WHERE r.run_id = ? "
    "AND (? IS NULL OR v.record_id = ?) ORDER BY v.id"
)


def has_verdicts(reader: AuditReader) -> bool:
    """Whether the log has a place for verdicts; those of older versions have none."""
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'verdicts'"
    return next(reader.query(sql), None) is not None


def read_verdicts(reader: AuditReader, run: int, record: int | None = None) -> Iterator[VerdictRow]:
    """All verdicts on the records of a run, or on one of them, in the order in which they were given."""
    if has_verdicts(reader):
        for row in reader.query(_OF_RUN, [run, record, record]):
            yield read_row(VerdictRow, "verdicts", row)


def find_standing(reader: AuditReader, run: int, record: int | None = None) -> dict[str, VerdictRow]:
    """The last word on each edit and finding, by its name; what was withdrawn is not there."""
    last = {row.item: row for row in read_verdicts(reader, run, record)}
    return {item: row for item, row in last.items() if row.verdict != "withdraw"}


def find_by_reviewer(reader: AuditReader, run: int) -> dict[str, dict[str, VerdictRow]]:
    """The last word of each reviewer, by reviewer and by item."""
    found: defaultdict[str, dict[str, VerdictRow]] = defaultdict(dict)
    for row in read_verdicts(reader, run):
        found[row.reviewer][row.item] = row
    return {
        reviewer: {item: row for item, row in rows.items() if row.verdict != "withdraw"}
        for reviewer, rows in found.items()
    }
