"""Rows as objects: what a column holds is not believed, and words stay text until they are used."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from midb.audit.rows import (
    DecisionRow,
    EditRow,
    FindingRow,
    LoggedRecord,
    RecordRow,
    as_text,
    outcome_before,
    read_row,
)
from midb.audit.run_rows import Run
from midb.domain.decisions import Action, Decision, Outcome, Pass, Reason
from midb.domain.edits import Edit
from midb.domain.errors import AuditError
from midb.domain.pairs import Field

TABLES: dict[type, str] = {
    RecordRow: "records", FindingRow: "findings", EditRow: "edits", DecisionRow: "decisions", Run: "runs",
}  # fmt: skip


def first(path: Path, table: str, expressions: str = "*") -> sqlite3.Row:
    """The first row of a table, with other values where an expression gives them."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    connection.row_factory = sqlite3.Row
    row: sqlite3.Row = connection.execute(f"SELECT {expressions} FROM {table} ORDER BY 1 LIMIT 1").fetchone()
    connection.close()
    return row


@pytest.mark.parametrize("kind", TABLES)
def test_every_column_has_its_attribute(kind: type[RecordRow], finished_log: Path) -> None:
    table = TABLES[kind]
    row = first(finished_log, table)
    found = read_row(kind, table, row)
    for column in row.keys():  # noqa: SIM118  (a row is no mapping)
        if column != "seal" or hasattr(found, "seal"):
            assert getattr(found, "pass_" if column == "pass" else column) == row[column]


def test_a_number_that_is_none_is_an_error_that_names_it(finished_log: Path) -> None:
    row = first(finished_log, "edits", "decision_id, ordinal, field, 'many' AS start, \"end\", before, after, kind")
    with pytest.raises(AuditError, match="the column start of the table edits holds 'many', which is no number"):
        read_row(EditRow, "edits", row)


def test_a_text_that_is_none_is_shown_as_it_can_be(finished_log: Path) -> None:
    columns = "decision_id, ordinal, X'41FF' AS field, start, \"end\", 7 AS before, after, kind"
    found = read_row(EditRow, "edits", first(finished_log, "edits", columns))
    assert (found.field, found.before) == (r"A\xff", "7")
    assert as_text(b"\xff") == r"\xff"


def test_what_may_hold_nothing_may(finished_log: Path) -> None:
    found = read_row(DecisionRow, "decisions", first(finished_log, "decisions"))
    assert (found.prompt_hash, found.generation_id) == (None, None)


def decision(number: int, pair: int, pass_: str, action: str, edits: int) -> DecisionRow:
    """A decision with some edits, as a row."""
    return DecisionRow(
        id=number, record_id=1, pair=pair, pass_=pass_, attempt=2, action=action, reason="repaired", detail="d",
        before_hash="b", after_hash="a", prompt_hash="p", generation_id=3, previous_hash="", hash="",
        edits=tuple(EditRow(number, n, "response", n, n, "", "x", "made-up") for n in range(edits)),
    )  # fmt: skip


def test_a_row_says_what_was_decided() -> None:
    found = decision(1, 0, "content", "applied", 1).decision()
    assert (found.pass_, found.action, found.reason) == (Pass.CONTENT, Action.APPLIED, Reason.REPAIRED)
    assert (found.attempt, found.detail, found.prompt_hash, found.generation) == (2, "d", "p", 3)
    assert found.edits == (Edit(Field.RESPONSE, 0, 0, "", "x", "made-up"),)
    assert (decision(8, 0, "content", "applied", 1).label, EditRow(8, 2, "", 0, 0, "", "", "").label) == ("8", "8/2")


@pytest.mark.parametrize("words", [("contents", "applied"), ("content", "apply")])
def test_a_word_that_no_decision_knows_is_an_error_only_where_it_is_used(words: tuple[str, str]) -> None:
    row = decision(1, 0, *words, 0)
    with pytest.raises(ValueError, match="is not a valid"):
        row.decision()
    with pytest.raises(ValueError, match="is not a valid"):
        EditRow(1, 0, "answer", 0, 0, "", "", "").edit()


def test_which_decisions_stand_is_told_pair_by_pair() -> None:
    decisions = (
        decision(1, 0, "content", "applied", 1),
        decision(2, 1, "content", "applied", 1),
        decision(3, 0, "verification", "rejected", 0),  # takes back 1, not 2
        decision(4, 0, "content", "applied", 2),
        decision(5, 0, "localization", "rejected", 1),
        decision(6, 0, "verification", "applied", 0),
        decision(7, 0, "nonsense", "applied", 1),
    )
    row = RecordRow(1, 1, 0, 1, "a", "de", "improved", 2, 0, None, None, "", "", "")
    assert LoggedRecord(row, decisions, ()).standing() == {2, 4, 7}


def test_a_column_that_is_not_there_is_a_sentence() -> None:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    row = connection.execute("SELECT 1 AS id, 2 AS record_id").fetchone()
    with pytest.raises(AuditError, match="the table findings lacks the column pair"):
        read_row(FindingRow, "findings", row)
    connection.close()


def decided(pass_: Pass, action: Action, reason: Reason) -> Decision:
    return Decision(pass_=pass_, action=action, reason=reason, before_hash="a", after_hash="a")


def test_what_outcomes_were_called_before_they_had_a_word_of_their_own() -> None:
    """A log of an older version is verified by its own words, one of this version by these."""
    unusable = decided(Pass.CONTENT, Action.REJECTED, Reason.CHATTER)
    told = decided(Pass.ROUTE, Action.SKIPPED, Reason.NO_USABLE_REPLY)
    alone = decided(Pass.CONTENT, Action.SKIPPED, Reason.LEFT_ALONE)
    assert outcome_before(Outcome.UNDONE, []) is Outcome.REVERTED
    assert outcome_before(Outcome.UNCHANGED, [unusable]) is Outcome.REVERTED
    assert outcome_before(Outcome.UNCHANGED, [unusable, told]) is Outcome.UNCHANGED
    assert outcome_before(Outcome.UNCHANGED, [unusable, alone]) is Outcome.UNCHANGED
    assert outcome_before(Outcome.IMPROVED, [unusable]) is Outcome.IMPROVED
