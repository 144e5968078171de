"""The heads of a log: one chain over everything that any run left in it.

Each transaction ends with a head. It covers the hashes of the rows that the transaction wrote, table by table, the
seals of the run's own row and of its checkpoint as they are afterwards, and the head before. So the last head stands
for the whole log, and an earlier one for everything that was there when it was noted. The first head of a log of an
older version covers what the log holds already.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from midb.audit.file import seals
from midb.audit.file.key import SealKey
from midb.domain.errors import AuditError, UsageError
from midb.domain.hashing import digest

#: Tables whose rows are numbered and never change -> the column of a head that holds the number of the last one.
LAST = {
    "migrations": "last_migration", "runs": "last_run", "records": "last_record", "decisions": "last_decision",
    "rejected_lines": "last_rejected_line", "run_events": "last_event", "generations": "last_generation",
}  # fmt: skip

#: Columns of a run that never change once it has begun. The others are covered by the state of each head.
FIXED = tuple(
    column for column in seals.COVERED["runs"] if column not in ("status", "finished_at", "output_sha256")
)  # fmt: skip

#: Which column says by one hash what a row of a table is; a run's row has none that lasts.
_LINKS = {
    "migrations": "hash", "records": "seal", "decisions": "hash", "rejected_lines": "hash", "run_events": "seal",
    "generations": "seal",
}  # fmt: skip

#: Tables that hold how a run stands -> the column that names the run.
STATE = {"runs": "id", "checkpoints": "run_id", "written": "run_id"}

#: Table, number of the row, and its hash, in the order of the numbers within a table.
RowLink = tuple[str, int, str]


@dataclass(frozen=True)
class LastHead:
    """The end of the chain of heads; of an empty one where the log has none. ``last`` is by table."""

    id: int
    last: Mapping[str, int]
    hash: str
    mac: str | None


def read_last_head(connection: sqlite3.Connection) -> LastHead:
    """The head of a log as it is in the file."""
    columns = ", ".join(LAST.values())
    row = connection.execute(f"SELECT id, hash, mac, {columns} FROM heads ORDER BY id DESC LIMIT 1").fetchone()
    if row is None:
        return LastHead(0, {}, seals.GENESIS, None)
    return LastHead(row[0], dict(zip(LAST, tuple(row)[3:], strict=True)), row[1], row[2])


def links_between(
    connection: sqlite3.Connection, table: str, after: int | None, upto: int | None = None
) -> Iterator[tuple[int, str]]:
    """The number and the hash of each row behind one number (``None``: from the first) and up to another."""
    columns = "id, " + (_LINKS[table] if table in _LINKS else ", ".join(f'"{column}"' for column in FIXED))
    limits = [(sign, number) for sign, number in ((">", after), ("<=", upto)) if number is not None]
    where = " AND ".join(f"id {sign} ?" for sign, _ in limits) or "1"
    found = connection.execute(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY id", [n for _, n in limits])
    for number, *values in found:
        yield number, values[0] if table in _LINKS else begun_hash(dict(zip(FIXED, values, strict=True)))


def begun_hash(run: Mapping[str, Any]) -> str:
    """The hash of what never changes about a run."""
    values = [value.hex() if isinstance(value := run[column], bytes) else value for column in FIXED]
    return digest("run begun", *values)


def content_hash(links: Iterable[tuple[int, Any]]) -> str:
    """One hash (SHA-256, hex) over rows of one table, each given by its number and its own hash."""
    made = hashlib.sha256()
    for number, link in links:
        made.update(f"{number} {link}\n".encode())
    return made.hexdigest()


def read_state(connection: sqlite3.Connection, run: int) -> dict[str, str]:
    """The seals that say how a run stands, by table; without those that have no row of it."""
    found = {
        table: connection.execute(f"SELECT seal FROM {table} WHERE {column} = ?", [run]).fetchone()
        for table, column in STATE.items()
    }
    return {table: row[0] for table, row in found.items() if row}


def add_head(
    connection: sqlite3.Connection, key: SealKey | None, run: int, action: str, written: Iterable[RowLink] = ()
) -> str:
    """End a transaction of a run with a head over the rows that were ``written`` in it; returns the head's hash.

    The first head of a log covers all that is there. ``key`` seals it.
    """
    before = read_last_head(connection)
    rows: dict[str, list[tuple[int, str]]] = {}
    for table, number, link in written:
        rows.setdefault(table, []).append((number, link))
    if not before.id:
        content = {table: _read_content(connection, table) for table in LAST}
    else:
        content = {table: (links[-1][0], content_hash(links)) for table, links in rows.items()}
        if newer := list(links_between(connection, "migrations", before.last["migrations"])):
            content["migrations"] = newer[-1][0], content_hash(newer)
    (status,) = connection.execute("SELECT status FROM runs WHERE id = ?", [run]).fetchone()
    head = {
        "id": before.id + 1, "run_id": run, "action": action, "status": status,
        **{column: content.get(table, (before.last.get(table, 0), ""))[0] for table, column in LAST.items()},
        "content": _json({table: made for table, (last, made) in content.items() if last}),
        "state": _json(read_state(connection, run)),
    }  # fmt: skip
    link = seals.chain_hash("heads", before.hash, seals.covered_values("heads", head))
    row = (*head.values(), before.hash, link, key.mac_of(link) if key else None)
    connection.execute(f"INSERT INTO heads VALUES ({', '.join('?' * len(row))})", row)
    return link


def _read_content(connection: sqlite3.Connection, table: str) -> tuple[int, str]:
    """The number of a table's last row, 0 where it is empty, and the hash over all of its rows."""
    (last,) = connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()
    return last, content_hash(links_between(connection, table, None))


def _json(values: Mapping[str, str]) -> str:
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()


def adopt(connection: sqlite3.Connection) -> None:
    """Cover what a log of an older version holds, and how each of its runs stands."""
    for (run,) in connection.execute("SELECT id FROM runs ORDER BY id").fetchall():
        add_head(connection, None, run, "adopted")


def require_key(last: LastHead, key: SealKey | None) -> None:
    """Raise where a log is sealed with a key and is to be continued without it (UsageError) or with another one
    (AuditError: its last head may also have been changed)."""
    if last.mac is None:
        return
    if key is None:
        raise UsageError(
            "this audit log is sealed with a key, and nothing is added to it without.",
            hint="Name the file of the key with --seal-key (in Python seal_key=), or choose another --db.",
        )
    if not key.made(last.mac, last.hash):
        raise AuditError(
            "this audit log is sealed with another key, or its last head was changed.",
            hint="midb-agent audit verify says whether it was changed; or choose another --db.",
        )
