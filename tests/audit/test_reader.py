"""What is no audit log is told apart from what is a damaged one, in a sentence."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from log_fixtures import Tamper, begin_run

from midb.audit.log import AuditLog
from midb.audit.reader import AuditReader
from midb.domain.errors import AuditError, UsageError


def refusal(path: Path) -> str:
    """Why a file is not read."""
    with pytest.raises(AuditError) as caught, AuditReader(path) as reader:
        reader.run()
    assert caught.value.hint
    return caught.value.message


def test_a_missing_file(tmp_path: Path) -> None:
    assert "there is no audit log" in refusal(tmp_path / "none.audit.db")
    assert os.listdir(tmp_path) == [], "looking for a file must not make it"


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="cannot be read"):
        AuditReader(tmp_path)


def test_files_that_are_no_log(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert "is empty" in refusal(tmp_path / "empty")
    (tmp_path / "text").write_text('{"instruction": "a"}\n')
    assert "is not an SQLite file" in refusal(tmp_path / "text")
    connection = sqlite3.connect(tmp_path / "foreign")
    connection.execute("CREATE TABLE records (id)")
    connection.commit()
    connection.close()
    assert "no audit log of midb-agent" in refusal(tmp_path / "foreign")


def test_a_log_of_another_version(tampered: Tamper) -> None:
    assert "newer midb-agent (it knows 0099_later)" in refusal(
        tampered("INSERT INTO migrations VALUES (99, '0099_later', '', '', '', '')")
    )
    assert "older midb-agent" in refusal(tampered("DELETE FROM migrations"))


def test_a_log_that_lacks_a_table_or_has_a_view_in_its_place(tampered: Tamper) -> None:
    assert "lacks the table edits" in refusal(tampered("DROP TABLE edits"))
    assert "lacks the table edits" in refusal(tampered("DROP TABLE edits", "CREATE VIEW edits AS SELECT 1 AS kind"))


def test_a_log_without_a_run(tmp_path: Path) -> None:
    AuditLog(tmp_path / "new.audit.db").close()
    assert "holds no run" in refusal(tmp_path / "new.audit.db")


def test_a_cut_off_file(finished_log: Path, tmp_path: Path) -> None:
    data = finished_log.read_bytes()
    for length in (50, 1000, len(data) // 2):
        path = tmp_path / f"{length}.audit.db"
        path.write_bytes(data[:length])
        with pytest.raises(AuditError), AuditReader(path) as reader:
            list(reader.query("SELECT * FROM records ORDER BY line"))
            list(reader.query("SELECT * FROM findings ORDER BY evidence"))


def test_an_unknown_run(finished_log: Path) -> None:
    with AuditReader(finished_log) as reader:
        assert reader.run().id == 2
        assert reader.run(1).status == "finished"
        with pytest.raises(UsageError, match="no run 7") as caught:
            reader.run(7)
    assert "runs 1, 2" in caught.value.hint


def test_reading_writes_nothing(finished_log: Path) -> None:
    with AuditReader(finished_log) as reader:
        with pytest.raises(AuditError):
            list(reader.query("DELETE FROM records"))
        assert os.listdir(finished_log.parent) == [finished_log.name]


def test_a_number_that_is_none_is_named(tampered: Tamper) -> None:
    path = tampered("UPDATE records SET line = 'many' WHERE id = 1")
    with AuditReader(path) as reader, pytest.raises(AuditError, match="line of the table records holds 'many'"):
        list(reader.records("r.run_id = ?", [1]))


def test_a_text_that_is_none_is_shown_as_it_can_be(tampered: Tamper) -> None:
    with AuditReader(tampered("UPDATE records SET record_key = CAST(X'41FF' AS TEXT) WHERE id = 1")) as reader:
        assert next(reader.records("r.run_id = ?", [1])).record_key == r"A\xff"


def test_all_of_it_is_of_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "running.audit.db"
    log = begin_run(path)
    try:
        with AuditReader(path) as reader:
            before = reader.run().status
            log.set_status(reader.run(), "failed")
            assert (before, reader.run().status) == ("running", "running")
        with AuditReader(path) as reader:
            assert reader.run().status == "failed"
    finally:
        log.close()


def test_a_record_comes_with_all_its_parts(finished_log: Path) -> None:
    with AuditReader(finished_log) as reader:
        (row,) = reader.records("r.run_id = ? AND r.record_key = ?", [1, "de-0417"])
        logged = reader.parts(row)
    assert [(d.pass_, len(d.edits)) for d in logged.decisions] == [
        ("translation", 1), ("localization", 1), ("verification", 0),
    ]  # fmt: skip
    assert [finding.status for finding in logged.findings] == ["repaired", "repaired", "open"]
    assert logged.row == row


def test_records_come_in_the_order_of_the_corpus_and_as_many_as_asked_for(finished_log: Path) -> None:
    with AuditReader(finished_log) as reader:
        everything = [(row.run_id, row.position) for row in reader.records("1", [])]
        few = [(row.run_id, row.position) for row in reader.records("1", [], limit=2)]
    assert everything == sorted(everything)
    assert few == everything[:2]


def test_a_log_that_lacks_only_views_and_heads_is_read(tampered: Tamper) -> None:
    """A log of version 0.1.0 has the tables and columns that reading needs."""
    later = ("DROP VIEW standing_decisions", "DROP TABLE heads", "DROP TABLE written")
    path = tampered("DELETE FROM migrations WHERE id > 2", *later)
    with AuditReader(path) as reader:
        assert len(list(reader.records("r.run_id = ?", [1]))) == 13
    assert "older midb-agent" in refusal(tampered("DELETE FROM migrations WHERE id > 1"))
    assert "older midb-agent" in refusal(tampered("DELETE FROM migrations WHERE id = 2"))


def test_the_latest_run_is_meant_unless_there_are_only_reverts(undone_log: Path, tampered: Tamper) -> None:
    with AuditReader(undone_log) as reader:
        assert (reader.run().id, reader.run().kind) == (2, "run")
        assert reader.run(3).kind == "revert"
    with AuditReader(tampered("UPDATE runs SET kind = 'revert'")) as reader:
        assert reader.run().id == 2


def test_what_a_person_undid_is_told_from_what_was_taken_back(old_log: Path, undone_log: Path) -> None:
    for path, run in ((old_log, 2), (undone_log, 3)):
        with AuditReader(path) as reader:
            assert {row.outcome for row in reader.records("r.run_id = ?", [run])} == {"unchanged", "undone"}
    with AuditReader(undone_log) as reader:
        assert [row.record_key for row in reader.records("r.outcome = 'reverted'", [])] == ["ru-1"]
