"""What people said, read from a log: the last word on each edit and finding, and all that was said before.

Whoever acts on verdicts gets only those that are as they were written; `audit show` lists the others, too, and says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from midb.audit.file import seals
from midb.audit.proof.chains import check_plain_chains
from midb.audit.proof.replay import Problem
from midb.audit.reader import AuditReader
from midb.audit.rows import VERIFY_HINT, VerdictRow, as_text, read_row
from midb.domain.errors import AuditError

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


def check_verdicts(reader: AuditReader, run: int, record: int | None = None) -> Iterator[Problem]:
    """What is wrong with the verdicts on the records of a run, or on one of them: of all, their chains as well."""
    if not has_verdicts(reader):
        return
    rows = reader.query(_OF_RUN, [run, record, record])
    if record is None:
        yield from check_plain_chains("verdicts", rows, {}, "run_id")
        return
    for row in rows:
        covered = seals.covered_values("verdicts", dict(row))
        if seals.chain_hash("verdicts", as_text(row["previous_hash"]), covered) != row["hash"]:
            message = "its hash does not agree with it: a column or the hash was changed"
            yield Problem("verdicts", str(row["id"]), "", message)


def find_standing(reader: AuditReader, run: int) -> dict[str, VerdictRow]:
    """The last word on each edit and finding, by its name; what was withdrawn is not there.

    Raises AuditError where a verdict on the run is not as it was written: nobody's word is carried out.
    """
    last = {row.item: row for row in _read_checked(reader, run)}
    return {item: row for item, row in last.items() if row.verdict != "withdraw"}


def find_by_reviewer(reader: AuditReader, run: int) -> dict[str, dict[str, VerdictRow]]:
    """The last word of each reviewer, by reviewer and by item; raises AuditError as ``find_standing`` does."""
    found: defaultdict[str, dict[str, VerdictRow]] = defaultdict(dict)
    for row in _read_checked(reader, run):
        found[row.reviewer][row.item] = row
    return {
        reviewer: {item: row for item, row in rows.items() if row.verdict != "withdraw"}
        for reviewer, rows in found.items()
    }


def _read_checked(reader: AuditReader, run: int) -> Iterator[VerdictRow]:
    for problem in check_verdicts(reader, run):
        raise AuditError(f"{reader.path} was changed: verdict {problem.row}: {problem.message}.", hint=VERIFY_HINT)
    yield from read_verdicts(reader, run)
