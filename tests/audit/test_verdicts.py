"""What people said, read from a log, and the proof that nobody changed it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from log_fixtures import execute, rows_of, write_log, write_review

from midb.audit.proof.verify import verify
from midb.audit.reader import AuditReader
from midb.audit.verdicts import check_verdicts, find_by_reviewer, find_standing, has_verdicts, read_verdicts
from midb.domain.errors import AuditError


@pytest.fixture(scope="module")
def reviewed_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of `write_log` and `write_review`; not to be changed."""
    return write_review(write_log(tmp_path_factory.mktemp("verdicts") / "c.audit.db"))


def test_the_last_word_of_all_and_of_each(reviewed_log: Path) -> None:
    with AuditReader(reviewed_log) as reader:
        assert has_verdicts(reader)
        assert {item: row.verdict for item, row in find_standing(reader, 1).items()} == {
            "e-2-0": "reject", "f-13": "change",
        }, "the last word on e-1-0 was taken back"  # fmt: skip
        by_reviewer = {name: sorted(rows) for name, rows in find_by_reviewer(reader, 1).items()}
        assert by_reviewer == {"Ana": ["e-1-0", "e-2-0", "f-13"], "Bo": []}
        assert [row.id for row in read_verdicts(reader, 1, record=8)] == [3]
        assert list(read_verdicts(reader, 2)) == []


def test_a_log_of_before_has_none(old_log: Path) -> None:
    with AuditReader(old_log) as reader:
        assert not has_verdicts(reader)
        assert find_standing(reader, 1) == {}


def test_plain_sql_tells_them_with_their_texts(reviewed_log: Path) -> None:
    sql = "SELECT item, language, before, after, verdict, reviewer FROM edits_with_context WHERE run_id = 1"
    found = {row[0]: row[1:] for row in rows_of(reviewed_log, sql)}
    assert found["e-2-0"] == ("de", "2.5", "2,5", "reject", "Ana")
    assert found["e-1-0"][3:] == (None, None)
    sql = "SELECT text_before LIKE '%2.5%', text_after LIKE '%2,5%' FROM edits_with_context WHERE item = 'e-2-0'"
    assert rows_of(reviewed_log, sql) == [(1, 1)]
    sql = "SELECT item, verdict, right_text FROM findings_with_context WHERE verdict IS NOT NULL"
    assert rows_of(reviewed_log, sql) == [("f-13", "change", "right")]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE verdicts SET verdict = 'accept' WHERE id = 2",
        "UPDATE verdicts SET note = '' WHERE id = 2",
        "UPDATE verdicts SET text = 'wrong' WHERE id = 3",
        "UPDATE verdicts SET reviewer = 'Bo' WHERE id = 1",
        "UPDATE verdicts SET item = 'e-4-0' WHERE id = 1",
        "DELETE FROM verdicts WHERE id = 1",
        "DELETE FROM verdicts WHERE id = 5",
        "DELETE FROM verdicts",
        "INSERT INTO verdicts SELECT 9, run_id, record_id, item, reviewer, 'accept', text, note, at, hash, hash "
        "FROM verdicts WHERE id = 5",
        "UPDATE runs SET config = replace(config, 'Ana', 'Eve') WHERE kind = 'review'",
        "UPDATE checkpoints SET position = position - 1 WHERE run_id = 3",
    ],
)
def test_whatever_is_changed_is_noticed(change: str, reviewed_log: Path, tmp_path: Path) -> None:
    assert verify(reviewed_log).problems == []
    path = Path(shutil.copyfile(reviewed_log, tmp_path / "c.audit.db"))
    execute(path, change)
    problems = verify(path).problems
    assert problems
    assert {problem.table for problem in problems} & {"verdicts", "runs", "checkpoints"}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE verdicts SET verdict = 'accept' WHERE id = 2",
        "UPDATE verdicts SET text = 'wrong' WHERE id = 3",
        "UPDATE verdicts SET item = 'e-4-0' WHERE id = 1",
        "DELETE FROM verdicts WHERE id = 1",
    ],
)
def test_nobody_acts_on_a_verdict_that_was_changed(change: str, reviewed_log: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(reviewed_log, tmp_path / "changed.audit.db"))
    with AuditReader(path) as reader:
        assert list(check_verdicts(reader, 1)) == []
    execute(path, change)
    with AuditReader(path) as reader:
        for find in (find_standing, find_by_reviewer):
            with pytest.raises(AuditError, match="was changed: verdict"):
                find(reader, 1)


def test_a_changed_verdict_is_told_with_its_record(reviewed_log: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(reviewed_log, tmp_path / "changed.audit.db"))
    execute(path, "UPDATE verdicts SET text = 'wrong' WHERE id = 3")
    with AuditReader(path) as reader:
        assert [(one.table, one.row) for one in check_verdicts(reader, 1, record=8)] == [("verdicts", "3")]
        assert not any(list(check_verdicts(reader, 1, record=number)) for number in (1, 2))
