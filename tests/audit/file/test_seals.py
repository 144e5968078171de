"""What a hash covers: every column that is listed, in its order, and nothing else."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import orjson
import pytest

from midb.audit.file import seals
from midb.audit.file.schema import migrate

#: Columns that hold hashes themselves.
HASHES = {"seal", "hash", "previous_hash", "mac"}


def filled(table: str) -> dict[str, object]:
    """A row with a value of its own in each column."""
    return {column: f"{table}.{column}" for column in seals.COVERED[table]}


def test_every_column_of_every_table_is_covered_by_one_hash() -> None:
    """Whoever adds a column must add it here, or it could be changed unseen. `prompts.hash` is no hash of a row."""
    db = sqlite3.connect(":memory:")
    migrate(db, Path(":memory:"), lambda: "")
    names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    tables = {name for (name,) in names} - {"sqlite_sequence"}
    assert set(seals.COVERED) == tables
    for table in tables:
        columns = {name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")}
        assert set(seals.COVERED[table]) == columns - (HASHES - {"hash"} if table == "prompts" else HASHES)


@pytest.mark.parametrize("table", seals.COVERED)
def test_a_seal_changes_with_every_column(table: str) -> None:
    row = filled(table)
    seal = seals.row_seal(table, row)
    for column in seals.COVERED[table]:
        assert seals.row_seal(table, row | {column: "other"}) != seal
        assert seals.row_seal(table, row | {column: None}) != seal
    assert seals.row_seal(table, row | {"seal": "other", "more": 1}) == seal, "the seal itself is not covered"


def test_a_seal_is_the_hash_of_the_table_and_its_values() -> None:
    """Written out: a log can be checked without this program."""
    row = {"hash": "ab", "text": "Keep what is right.", "seal": ""}
    expected = hashlib.sha256(b'["prompts","ab","Keep what is right."]').hexdigest()
    assert seals.row_seal("prompts", row) == expected


def test_rows_of_two_tables_never_share_a_seal() -> None:
    same = {column: "x" for columns in seals.COVERED.values() for column in columns}
    found = {seals.row_seal(table, same) for table in seals.COVERED}
    assert len(found) == len(seals.COVERED)


def test_bytes_in_the_place_of_text_are_a_change_and_no_error() -> None:
    row = filled("run_events")
    assert seals.row_seal("run_events", row | {"message": b"run_events.message"}) != seals.row_seal("run_events", row)
    assert seals.covered_values("run_events", row | {"message": b"\xff"})[-1] == {"bytes": "ff"}


def test_a_record_is_sealed_with_its_findings_in_their_order() -> None:
    seal = seals.record_seal(["r"], [["f1"], ["f2"]])
    others = [
        seals.record_seal(["x"], [["f1"], ["f2"]]), seals.record_seal(["r"], [["f2"], ["f1"]]),
        seals.record_seal(["r"], [["f1"]]), seals.record_seal(["r"], []),
    ]  # fmt: skip
    assert seal not in others
    assert len(set(others)) == 4


def test_a_decision_covers_what_it_rests_on() -> None:
    """The decision before it, the record, its edits, and the reply of a model where there is one."""
    link = seals.decision_hash("p", "s", ["d"], [["e"]], "g")
    others = [
        seals.decision_hash("x", "s", ["d"], [["e"]], "g"), seals.decision_hash("p", "x", ["d"], [["e"]], "g"),
        seals.decision_hash("p", "s", ["x"], [["e"]], "g"), seals.decision_hash("p", "s", ["d"], [["x"]], "g"),
        seals.decision_hash("p", "s", ["d"], [["e"]], "x"), seals.decision_hash("p", "s", ["d"], [["e"]]),
    ]  # fmt: skip
    assert link not in others
    assert len(set(others)) == len(others)
    # Without a model nothing stands in the reply's place: older logs have no such part.
    expected = hashlib.sha256(orjson.dumps(["decisions", "p", "s", ["d"], [["e"]]])).hexdigest()
    assert seals.decision_hash("p", "s", ["d"], [["e"]]) == expected


def test_a_chain_of_plain_rows_covers_the_row_before() -> None:
    first = seals.chain_hash("rejected_lines", seals.GENESIS, [1, "a"])
    second = seals.chain_hash("rejected_lines", first, [2, "b"])
    assert second != seals.chain_hash("rejected_lines", seals.GENESIS, [2, "b"])
    assert len(first) == len(second) == len(seals.GENESIS) == 64
