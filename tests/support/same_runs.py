"""Two runs compared: every byte they wrote, and every row of their logs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cli_fixtures import rows

from midb.audit.proof.verify import verify

#: What a log says of a corpus, hashes and ids and all.
QUERIES = {table: f"SELECT * FROM {table} ORDER BY 1, 2" for table in
           ("records", "findings", "decisions", "edits", "rejected_lines")} | {
    "runs": "SELECT kind, status, corpus_sha256, corpus_bytes, output_sha256, config, config_hash, engine, versions "
            "FROM runs",
    "checkpoints": "SELECT records, rejected_lines, position, line, input_offset, output_bytes, rejected_bytes, head "
                   "FROM checkpoints",
}  # fmt: skip


def check_same(single: Path, merged: Path) -> None:
    """A merge left what a single run left, as an output and its log."""
    assert merged.read_bytes() == single.read_bytes()
    rejected = [path.with_name(path.name + ".rejected.jsonl") for path in (single, merged)]
    assert rejected[0].exists() == rejected[1].exists()
    if rejected[0].exists():
        assert rejected[0].read_bytes() == rejected[1].read_bytes()
    logs = [path.with_name(path.name + ".audit.db") for path in (single, merged)]
    for query in QUERIES.values():
        assert rows(logs[0], query) == rows(logs[1], query)
    verdict = verify(logs[1])
    assert verdict.intact, verdict.problems
    assert verdict.runs[0].status == "finished"
    assert not list(merged.parent.glob("*.partial*"))


def execute(db: Path, statement: str, *values: object) -> None:
    """Change a log as somebody with `sqlite3` would."""
    connection = sqlite3.connect(db)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(statement, values)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
