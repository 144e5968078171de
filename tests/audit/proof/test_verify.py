"""Whatever is changed in a log, `verify` names the table it was changed in, and the row or record."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from forging import forge
from log_fixtures import Tamper, begin_run

from midb.audit.file import seals
from midb.audit.proof.verify import LISTED, LogProof, verify
from midb.domain.errors import AuditError

HASHES = {
    "migrations": ("previous_hash", "hash"),
    "runs": ("seal",),
    "checkpoints": ("seal",),
    "records": ("seal",),
    "findings": (),
    "decisions": ("previous_hash", "hash"),
    "edits": (),
    "generations": ("seal",),
    "rejected_lines": ("previous_hash", "hash"),
    "run_events": ("seal",),
    "written": ("seal",),
}
COLUMNS = [(table, column) for table in HASHES for column in (*seals.COVERED[table], *HASHES[table])]


def keys(path: Path, table: str) -> list[tuple[str, str]]:
    """A condition that selects the row, and the row's label, for every row of a table."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    names = {"edits": ("decision_id", "ordinal"), "checkpoints": ("run_id",), "written": ("run_id",)}.get(
        table, ("id",)
    )
    rows = connection.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(names)}").fetchall()
    connection.close()
    return [
        (" AND ".join(f"{n} = {v}" for n, v in zip(names, row, strict=True)), "/".join(map(str, row))) for row in rows
    ]


def some(rows: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The first, middle and last row."""
    yield from {rows[0], rows[len(rows) // 2], rows[-1]}


def names(proof: LogProof, table: str, label: str | None = None) -> bool:
    """Whether a problem names the table, and the row where one is asked for."""
    return any(
        (problem.table == table and label in (None, problem.row))
        or (table in problem.message and (label is None or label in problem.message))
        for problem in proof.problems
    )


def test_an_untouched_log_is_intact_and_says_what_was_proved(finished_log: Path) -> None:
    proof = verify(finished_log)
    assert proof.intact, proof.problems
    first, second = proof.runs
    assert (first.records, first.rejected_lines, first.events, first.finished) == (13, 2, 2, True)
    assert (second.records, second.decisions, second.edits, second.finished) == (3, 6, 4, False)
    assert len(second.head) == 64


def test_reading_leaves_nothing_behind(finished_log: Path) -> None:
    before = finished_log.read_bytes()
    verify(finished_log)
    assert os.listdir(finished_log.parent) == [finished_log.name]
    assert finished_log.read_bytes() == before


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_changed_value_is_named(table: str, column: str, finished_log: Path, tampered: Tamper) -> None:
    for where, label in some(keys(finished_log, table)):
        changed = (
            f'UPDATE {table} SET "{column}" = CASE typeof("{column}") WHEN \'integer\' THEN "{column}" + 1000 '
            f"WHEN 'real' THEN \"{column}\" + 1 WHEN 'null' THEN 7 ELSE \"{column}\" || 'x' END WHERE {where}"
        )
        proof = verify(tampered(changed))
        identity = column in ("id", "run_id", "decision_id", "ordinal", "record_id")
        assert not proof.intact
        assert names(proof, table, None if identity else label), (where, proof.problems)


#: SQLite keeps everything but integers out of these itself.
ROW_NUMBERS = {(table, "id") for table in HASHES} | {("checkpoints", "run_id"), ("written", "run_id")}


@pytest.mark.parametrize(("table", "column"), [pair for pair in COLUMNS if pair not in ROW_NUMBERS])
@pytest.mark.parametrize("value", ["CAST(coalesce(\"{0}\", 'x') AS BLOB)", "CAST(X'C328FF' AS TEXT)", "'many'"])
def test_a_value_of_the_wrong_type_is_named(
    table: str, column: str, value: str, finished_log: Path, tampered: Tamper
) -> None:
    where, label = keys(finished_log, table)[-1]
    proof = verify(tampered(f'UPDATE {table} SET "{column}" = {value.format(column)} WHERE {where}'))
    identity = column in ("run_id", "decision_id", "ordinal", "record_id")
    assert names(proof, table, None if identity else label), proof.problems


@pytest.mark.parametrize(
    ("table", "column"), [("records", "language"), ("decisions", "detail"), ("edits", "kind"), ("findings", "evidence")]
)
def test_a_column_that_holds_no_text_is_named(table: str, column: str, finished_log: Path, tampered: Tamper) -> None:
    for value in ("X'C328'", "CAST(X'C328' AS TEXT)"):
        proof = verify(tampered(f"UPDATE {table} SET {column} = {value}"))
        assert any(problem.table == table and column in problem.message for problem in proof.problems)


@pytest.mark.parametrize("table", HASHES)
def test_a_deleted_row_is_noticed(table: str, finished_log: Path, tampered: Tamper) -> None:
    for where, _ in keys(finished_log, table):
        proof = verify(tampered(f"DELETE FROM {table} WHERE {where}"))
        assert names(proof, table), (where, proof.problems)


@pytest.mark.parametrize("table", HASHES)
def test_an_inserted_row_is_noticed(table: str, finished_log: Path, tampered: Tamper) -> None:
    unique = {"records": "position", "rejected_lines": "position", "generations": "prompt_hash"}.get(table)
    identity = {"edits": "ordinal", "checkpoints": "run_id", "written": "run_id"}.get(table, "id")
    for where, _ in some(keys(finished_log, table)):
        copy = [
            "CREATE TEMP TABLE added AS SELECT * FROM " + f"{table} WHERE {where}",
            f"UPDATE added SET {identity} = {identity} + 500" + (f", {unique} = {unique} || '9'" if unique else ""),
            f"INSERT INTO {table} SELECT * FROM added",
        ]
        proof = verify(tampered(*copy))
        assert names(proof, table), (where, proof.problems)


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("DROP INDEX decisions_by_record", "index decisions_by_record was dropped"),
        ("DROP VIEW decision_trail", "view decision_trail was dropped"),
        ("CREATE VIEW more AS SELECT 1", "view more was added"),
        ("CREATE TABLE more (a)", "table more was added"),
        ("ALTER TABLE records ADD COLUMN more TEXT", "table records was altered"),
        ("CREATE TRIGGER quiet AFTER DELETE ON edits BEGIN SELECT 1; END", "trigger quiet was added"),
        ("DROP TABLE edits", "table edits was dropped"),
        ("ALTER TABLE findings RENAME COLUMN evidence TO proof", "table findings was altered"),
    ],
)
def test_a_changed_schema_is_named(statement: str, word: str, tampered: Tamper) -> None:
    proof = verify(tampered(statement))
    assert any(word in problem.message for problem in proof.problems), proof.problems


def test_a_view_that_says_something_else_is_named(tampered: Tamper) -> None:
    path = tampered("DROP VIEW edits_by_kind", "CREATE VIEW edits_by_kind AS SELECT 1 AS run_id")
    assert any("view edits_by_kind was altered" in problem.message for problem in verify(path).problems)


def test_statistics_of_an_auditors_tool_are_no_change(tampered: Tamper) -> None:
    assert verify(tampered("ANALYZE")).intact


def test_all_problems_are_counted_and_the_first_listed(tampered: Tamper) -> None:
    proof = verify(tampered("UPDATE decisions SET detail = detail || 'x'", "UPDATE records SET line = line + 1"))
    assert len(proof.problems) == LISTED
    assert proof.problem_count > LISTED


def test_one_changed_value_is_reported_where_it_stands_and_nowhere_else(tampered: Tamper) -> None:
    for statement, table, row in (
        ("UPDATE decisions SET hash = 'x' WHERE id = 3", "decisions", "3"),
        ("UPDATE decisions SET previous_hash = 'x' WHERE id = 3", "decisions", "3"),
        ("UPDATE decisions SET detail = 'x' WHERE id = 3", "decisions", "3"),
        ("UPDATE records SET seal = 'x' WHERE id = 3", "records", "3"),
        ("UPDATE records SET line = 99 WHERE id = 3", "records", "3"),
        ("UPDATE findings SET evidence = 'x' WHERE id = 1", "records", "1"),
        ("UPDATE edits SET kind = 'x' WHERE decision_id = 1", "decisions", "1"),
    ):
        proof = verify(tampered(statement))
        assert [(problem.table, problem.row) for problem in proof.problems] == [(table, row)], proof.problems


def test_a_record_is_named_by_its_key(tampered: Tamper) -> None:
    problem = verify(tampered("UPDATE decisions SET detail = 'x' WHERE id = 1")).problems[0]
    assert problem.record == "de-0417"


@pytest.mark.parametrize("column", ["original_text", "final_text"])
@pytest.mark.parametrize("text", ["no json", "[[1, 2, 3]]", "[[]]", "{}", "[]", "3", '[["a", "b"]]'])
def test_a_text_that_is_none_is_a_problem_and_no_crash(column: str, text: str, tampered: Tamper) -> None:
    assert names(verify(tampered(f"UPDATE records SET {column} = '{text}' WHERE id = 1")), "records", "1")


def test_the_replay_finds_what_new_hashes_would_hide(finished_log: Path, tampered: Tamper) -> None:
    """Somebody changes an edit and derives all hashes again: only the replay can tell."""
    path = tampered("UPDATE edits SET after = 'while' WHERE decision_id = 1")
    forge(path)
    proof = verify(path)
    first = proof.problems[0]
    assert (first.table, first.row, "after_hash" in first.message) == ("decisions", "1", True)
    assert {problem.record for problem in proof.problems} == {"de-0417"}


@pytest.mark.parametrize("column", ["before_hash", "after_hash"])
def test_new_hashes_do_not_hide_a_changed_hash_of_a_text(column: str, tampered: Tamper) -> None:
    for number in (1, 3, 11, 13):  # applied, accepted, taken back, and of a text that was not kept
        path = tampered(f"UPDATE decisions SET {column} = '{'0' * 64}' WHERE id = {number}")
        forge(path)
        assert any(problem.row == str(number) and column in problem.message for problem in verify(path).problems), (
            verify(path).problems
        )


def test_a_run_that_is_gone_with_all_it_held_leaves_a_gap(tampered: Tamper) -> None:
    of_run = "record_id IN (SELECT id FROM records WHERE run_id = 1)"
    path = tampered(
        f"DELETE FROM edits WHERE decision_id IN (SELECT id FROM decisions WHERE {of_run})",
        f"DELETE FROM decisions WHERE {of_run}",
        f"DELETE FROM findings WHERE {of_run}",
        *(
            f"DELETE FROM {table} WHERE run_id = 1"
            for table in ("records", "rejected_lines", "run_events", "checkpoints", "written")
        ),
        "DELETE FROM runs WHERE id = 1",
    )
    assert ("runs", "2") in [(problem.table, problem.row) for problem in verify(path).problems]
    forge(path)
    assert [(problem.table, problem.row) for problem in verify(path).problems] == [("runs", "2")]


def test_the_ledger_of_a_run_must_balance(tampered: Tamper) -> None:
    path = tampered("DELETE FROM decisions WHERE record_id = 13", "DELETE FROM records WHERE id = 13")
    forge(path)
    (problem,) = verify(path).problems
    assert (problem.table, problem.row) == ("checkpoints", "1")
    assert problem.message.startswith("the ledger does not balance: 15 were read, 14 are logged")


def test_a_changed_link_is_told_from_a_missing_row(tampered: Tamper) -> None:
    (problem,) = verify(tampered("UPDATE decisions SET previous_hash = 'x' WHERE id = 3")).problems
    assert problem.message == "its previous_hash was changed"
    problems = verify(tampered("DELETE FROM decisions WHERE id = 12")).problems
    assert any(problem.row == "13" and "rows are missing" in problem.message for problem in problems)


def test_only_a_head_noted_earlier_tells_a_log_that_was_written_anew(finished_log: Path, tampered: Tamper) -> None:
    proof = verify(finished_log)
    path = tampered("UPDATE decisions SET detail = 'nothing to see here' WHERE id = 1")
    forge(path)
    assert verify(path).intact
    for head in (proof.head, proof.runs[0].head):
        assert not verify(path, head=head).intact
        assert verify(finished_log, head=head).intact


def test_a_link_of_a_runs_decisions_must_be_their_end(finished_log: Path) -> None:
    connection = sqlite3.connect(f"file:{finished_log}?mode=ro&immutable=1", uri=True)
    early = connection.execute("SELECT hash FROM decisions WHERE id = 2").fetchone()[0]
    connection.close()
    (problem,) = verify(finished_log, head=early).problems
    assert "link 2 of run 1" in problem.message
    (problem,) = verify(finished_log, head="0123").problems
    assert "in no chain" in problem.message


def test_damaged_pages_are_a_problem_or_an_error_and_no_crash(finished_log: Path, tmp_path: Path) -> None:
    data = bytearray(finished_log.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    for number in range(1, len(data) // page):
        broken = bytearray(data)
        broken[number * page : number * page + 64] = b"\xff" * 64
        path = tmp_path / f"broken-{number}.audit.db"
        path.write_bytes(broken)
        try:
            intact, message = verify(path).intact, ""
        except AuditError as error:
            intact, message = False, error.message
        assert not intact
        assert not message or "damaged" in message or "no audit log" in message


def test_an_unfinished_run_is_proved_while_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "running.audit.db"
    log = begin_run(path)
    try:
        proof = verify(path)
        assert proof.intact
        assert [(run.status, run.finished, run.records) for run in proof.runs] == [("running", False, 5)]
    finally:
        log.close()
