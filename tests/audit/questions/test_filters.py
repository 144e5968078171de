"""Filters are words that are checked, and conditions that mean what the program means."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.audit.file.schema import migrate
from midb.audit.questions.checking import check_filters
from midb.audit.questions.filters import STANDS, Filters, record_condition
from midb.audit.questions.finding import count_records
from midb.audit.reader import AuditReader
from midb.audit.rows import DecisionRow, EditRow, LoggedRecord, RecordRow
from midb.domain.decisions import Action, Pass, standing
from midb.domain.errors import UsageError


@pytest.mark.parametrize(
    ("filters", "near"),
    [
        ({"kind": "decimal-seperator"}, "decimal-separator"),
        ({"outcome": "improve"}, "improved"),
        ({"status": "opened"}, "open"),
        ({"pass_": "contents"}, "content"),
    ],
)
def test_an_unknown_word_names_the_nearest(reader: AuditReader, filters: dict[str, Any], near: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_filters(reader, Filters(run=1, **filters))
    assert f"Did you mean {near}?" in caught.value.hint
    assert caught.value.exit_code == 2


def test_known_words_pass(reader: AuditReader) -> None:
    for wanted in (
        Filters(run=1, kind="repeated-words"), Filters(run=1, language="und"), Filters(run=1, language="it"),
        Filters(run=1, kind="mojibake"),
    ):  # fmt: skip
        assert check_filters(reader, wanted) == wanted
    with pytest.raises(UsageError, match='unknown language "xx"'):
        check_filters(reader, Filters(run=1, language="xx"))


@pytest.mark.parametrize(
    ("filters", "clauses"),
    [
        (Filters(run=1), []),
        (Filters(run=1, language="de"), [":language"]),
        (Filters(run=1, language=("de", "it")), [":language"]),
        (Filters(run=1, outcome="improved"), [":outcome"]),
        (Filters(run=1, kind="k"), ["SELECT d.record_id FROM edits", "SELECT f.record_id FROM findings"]),
        (Filters(run=1, kind="k", changed=True), ["final_text IS NOT NULL", "v.action = 'rejected'"]),
        (Filters(run=1, status="open"), [":status"]),
        (Filters(run=1, record="a"), [":record"]),
        (Filters(run=1, text="Ä"), ["holds("]),
    ],
)
def test_what_is_not_asked_for_restricts_nothing(filters: Filters, clauses: list[str]) -> None:
    where, values = record_condition(filters)
    assert all(clause in where for clause in clauses)
    if not clauses:
        assert where == "r.run_id = :run"
    assert values["run"] == 1
    assert filters.text is None or values["text0"] == "ä", "a search compares folded texts"


def test_no_value_stands_in_the_sql(reader: AuditReader) -> None:
    """Every word of a user is a parameter: one that is SQL finds nothing and does no harm."""
    evil = "x' OR 1=1 --"
    filters = Filters(run=1, kind=evil, pass_=evil, language=evil, outcome=evil, status=evil, text=evil)
    where, values = record_condition(filters)
    assert evil not in where
    assert count_records(reader, filters) == 0
    assert set(values) >= {"kind", "pass_", "language", "outcome", "status", "text0"}


def test_undone_and_reverted_are_two_filters(undone_log: Path, old_log: Path) -> None:
    for path, run in ((undone_log, 3), (old_log, 2)):
        with AuditReader(path) as reader:
            assert count_records(reader, Filters(run=run, outcome="undone")) == 2
            assert count_records(reader, Filters(run=run, outcome="reverted")) == 0
            assert count_records(reader, Filters(run=1, outcome="undone")) == 0


# -- which decisions stand, in SQL and in Python -----------------------------------------------------------------------

TAKEN = st.tuples(
    st.integers(0, 2), st.sampled_from(Pass), st.sampled_from(Action), st.integers(0, 2)
)  # pair, pass, action, number of edits


def rows_from(taken: Sequence[tuple[int, Pass, Action, int]]) -> list[DecisionRow]:
    """Decisions on the pairs of record 1, as rows with their edits."""
    return [
        DecisionRow(
            id=number, record_id=1, pair=pair, pass_=pass_.value, attempt=1, action=action.value, reason="repaired",
            detail="", before_hash="", after_hash="", prompt_hash=None, generation_id=None, previous_hash="", hash="",
            edits=tuple(EditRow(number, n, "response", n, n, "", "x", "made-up") for n in range(edits)),
        )
        for number, (pair, pass_, action, edits) in enumerate(taken, start=1)
    ]  # fmt: skip


def database_of(rows: Sequence[DecisionRow]) -> sqlite3.Connection:
    """The same in a database with the log's own schema."""
    db = sqlite3.connect(":memory:")
    migrate(db, Path(":memory:"), lambda: "")
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("INSERT INTO records VALUES (1, 1, 0, 1, 'a', 'de', 'improved', 3, 0, '[]', '[]', '', '', '')")
    for row in rows:
        db.execute(
            f"INSERT INTO decisions VALUES ({', '.join('?' * 14)})",
            [getattr(row, field.name) for field in dataclasses.fields(row) if field.name != "edits"],
        )
        for edit in row.edits:
            db.execute(f"INSERT INTO edits VALUES ({', '.join('?' * 8)})", dataclasses.astuple(edit))
    return db


@given(st.lists(TAKEN, max_size=12))
def test_sql_and_python_agree_on_which_decisions_stand(taken: list[tuple[int, Pass, Action, int]]) -> None:
    rows = rows_from(taken)
    by_pair = [[row for row in rows if row.pair == pair] for pair in range(3)]
    # The rule of the domain, on decisions as they are taken.
    expected = {of_pair[index].id for of_pair in by_pair for index, _ in standing([row.decision() for row in of_pair])}
    logged = LoggedRecord(RecordRow(1, 1, 0, 1, "a", "de", "improved", 3, 0, "", "", "", "", ""), tuple(rows), ())
    assert logged.standing() == expected
    connection = database_of(rows)
    joined = "JOIN edits e ON e.decision_id ="
    by_condition = connection.execute(f"SELECT DISTINCT d.id FROM decisions d {joined} d.id WHERE {STANDS}").fetchall()
    by_view = connection.execute(f"SELECT DISTINCT s.decision_id FROM standing_decisions s {joined} s.decision_id")
    assert {row[0] for row in by_condition} == {row[0] for row in by_view} == expected
    (counted,) = connection.execute("SELECT coalesce(sum(edits), 0) FROM edits_by_kind").fetchone()
    assert counted == sum(len(row.edits) for row in rows if row.id in expected)
    connection.close()
