"""Rows are put into tables by the names of their columns, whatever their order, or whole."""

from __future__ import annotations

import sqlite3

from midb.audit.file.statements import insert, insert_values


def test_rows_come_into_their_columns() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE edits (id INTEGER, \"end\" INTEGER, note TEXT DEFAULT 'none')")
    insert(connection.execute, "edits", {"end": 2, "id": 1})
    insert(connection.execute, "edits", {"id": 3, "note": "x", "end": 4})
    insert_values(connection.execute, "edits", (5, 6, "y"))
    assert connection.execute("SELECT * FROM edits").fetchall() == [(1, 2, "none"), (3, 4, "x"), (5, 6, "y")]
