"""A log changed by somebody who knows this program: after the change every hash in the file is derived again.

Nothing in the file itself can tell such a log from an honest one; only a head that was noted before, or a key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from midb.audit.file import heads, seals
from midb.audit.file.key import SealKey


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file for any change; nothing is left beside it."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        yield connection
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def forge(path: Path, *statements: str, key: SealKey | None = None) -> Path:
    """Change a log by SQL and derive every hash in it again."""
    with opened(path) as connection:
        for statement in statements:
            connection.execute(statement)
        reseal(connection)
        rebuild_heads(connection, key)
    return path


def values(connection: sqlite3.Connection, table: str, where: str = "1") -> list[tuple[Any, ...]]:
    """The covered values of some rows."""
    rows = connection.execute(f"SELECT * FROM {table} WHERE {where}").fetchall()
    return [seals.covered_values(table, dict(row)) for row in rows]


def reseal(connection: sqlite3.Connection) -> None:
    """Everything but the heads: seals, chains, and what the checkpoints say of them."""
    execute = connection.execute
    rechain(connection, "migrations", "1")
    for table in ("generations", "prompts", "run_events"):
        reseal_rows(connection, table)
    replies = dict(execute("SELECT id, seal FROM generations").fetchall())
    for (run,) in execute("SELECT id FROM runs").fetchall():
        head = reseal_records(connection, run, replies)
        rejected_head = rechain(connection, "rejected_lines", f"run_id = {run}")
        if said := execute("SELECT count(*) FROM verdicts WHERE run_id = ?", [run]).fetchone()[0]:
            head = rechain(connection, "verdicts", f"run_id = {run}")
            execute("UPDATE checkpoints SET position = ? WHERE run_id = ?", [said, run])
        head = rechain(connection, "judgements", f"run_id = {run}", head)
        head = rechain(connection, "evaluations", f"run_id = {run}", head)
        counts = [
            execute(f"SELECT count(*) FROM {table} WHERE run_id = ?", [run]).fetchone()[0]
            for table in ("records", "rejected_lines", "run_events")
        ]
        execute(
            "UPDATE checkpoints SET head = ?, rejected_head = ?, records = ?, rejected_lines = ?, events = ? "
            "WHERE run_id = ?",
            [head, rejected_head, *counts, run],
        )
    for table in ("runs", "checkpoints", "written"):
        reseal_rows(connection, table)


def reseal_rows(connection: sqlite3.Connection, table: str) -> None:
    """Rows that belong to no chain."""
    identity = seals.COVERED[table][0]
    for row in connection.execute(f"SELECT * FROM {table}").fetchall():
        connection.execute(
            f"UPDATE {table} SET seal = ? WHERE {identity} = ?", [seals.row_seal(table, dict(row)), row[identity]]
        )


def rechain(connection: sqlite3.Connection, table: str, where: str, previous: str = seals.GENESIS) -> str:
    """A chain of plain rows, behind ``previous``; returns its end."""
    for row in values(connection, table, f"{where} ORDER BY id"):
        link = seals.chain_hash(table, previous, row)
        connection.execute(f"UPDATE {table} SET previous_hash = ?, hash = ? WHERE id = ?", [previous, link, row[0]])
        previous = link
    return previous


def reseal_records(connection: sqlite3.Connection, run: int, replies: dict[int, str]) -> str:
    """The records of a run and the chain of its decisions; returns the chain's end."""
    head = seals.GENESIS
    for record in values(connection, "records", f"run_id = {run} ORDER BY id"):
        seal = seals.record_seal(record, values(connection, "findings", f"record_id = {record[0]} ORDER BY id"))
        connection.execute("UPDATE records SET seal = ? WHERE id = ?", [seal, record[0]])
        for row in values(connection, "decisions", f"record_id = {record[0]} ORDER BY id"):
            edits = values(connection, "edits", f"decision_id = {row[0]} ORDER BY ordinal")
            link = seals.decision_hash(head, seal, row, edits, replies.get(row[-1]))
            connection.execute("UPDATE decisions SET previous_hash = ?, hash = ? WHERE id = ?", [head, link, row[0]])
            head = link
    return head


def rebuild_heads(connection: sqlite3.Connection, key: SealKey | None = None) -> None:
    """The heads over what is there now, each over the same rows as before as far as these are there."""
    execute = connection.execute
    if not execute("SELECT 1 FROM sqlite_master WHERE name = 'heads'").fetchone():
        return
    runs = {row["id"] for row in execute("SELECT id FROM runs")}
    kept = [dict(row) for row in execute("SELECT * FROM heads ORDER BY id") if row["run_id"] in runs]
    final = {head["run_id"]: number for number, head in enumerate(kept)}
    execute("DELETE FROM heads")
    previous, last = seals.GENESIS, dict.fromkeys(heads.LAST, 0)
    for number, head in enumerate(kept):
        content = {}
        for table, column in heads.LAST.items():
            there = execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
            upto = there if number == len(kept) - 1 else min(head[column], there)
            if upto != last[table]:
                links = heads.links_between(connection, table, last[table] if number else None, upto)
                content[table] = heads.content_hash(links)
            head[column] = last[table] = upto
        head |= {"id": number + 1, "content": orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()}
        if final[head["run_id"]] == number:
            state = heads.read_state(connection, head["run_id"])
            head["state"] = orjson.dumps(state, option=orjson.OPT_SORT_KEYS).decode()
        link = seals.chain_hash("heads", previous, seals.covered_values("heads", head))
        head |= {"previous_hash": previous, "hash": link}
        if key:
            head["mac"] = key.mac_of(link)
        execute(f"INSERT INTO heads VALUES ({', '.join('?' * len(head))})", list(head.values()))
        previous = link
