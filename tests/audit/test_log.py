"""Writing a log: runs and their status, batches that are all or nothing, checkpoints that prove themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from log_fixtures import REJECTED, REPLY, RUN, Story, now, pair, record, rows_of, tale

from midb.audit.log import AuditLog
from midb.audit.proof.verify import verify
from midb.audit.run_rows import Checkpoint
from midb.domain.decisions import Outcome, Pass, Reason
from midb.domain.errors import AuditError, UsageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "c.audit.db"


@pytest.fixture
def log(path: Path) -> Iterator[AuditLog]:
    """A new log, open for writing."""
    with AuditLog(path, now=now) as log:
        yield log


def test_one_process_writes(log: AuditLog, path: Path) -> None:
    with pytest.raises(AuditError, match="in use by another run"):
        AuditLog(path)
    log.close()
    AuditLog(path).close()
    assert [file.name for file in path.parent.iterdir()] == [path.name], "no lock and no -wal file is left"


def test_a_log_that_cannot_be_opened_is_not_locked(tmp_path: Path) -> None:
    (tmp_path / "c.audit.db").write_text("this is no database, but long enough for SQLite to look at" * 20)
    with pytest.raises(AuditError, match="not a readable SQLite file"):
        AuditLog(tmp_path / "c.audit.db")
    assert [file.name for file in tmp_path.iterdir()] == ["c.audit.db"]
    with pytest.raises(UsageError, match="cannot be written"):
        AuditLog(tmp_path / "none" / "c.audit.db")


def test_a_new_run_ends_unfinished_ones_of_its_kind(log: AuditLog, path: Path) -> None:
    first, _ = log.begin(RUN)
    revert, _ = log.begin(replace(RUN, kind="revert", parent_run=1))
    finished = log.set_status(log.begin(RUN)[0], "finished", output_sha256="ab", finished=True)
    second, checkpoint = log.begin(RUN)
    assert (first.id, revert.id, finished.id, second.id) == (1, 2, 3, 4)
    assert checkpoint == Checkpoint()
    statuses = [row[0] for row in log.db.execute("SELECT status FROM runs ORDER BY id")]
    assert statuses == ["superseded", "running", "finished", "running"]
    log.close()
    assert verify(path).problems == []


def test_the_latest_run_is_no_revert(log: AuditLog) -> None:
    assert log.latest_run() is None
    run, _ = log.begin(RUN)
    log.begin(replace(RUN, kind="revert", parent_run=1))
    assert log.latest_run() == run == replace(RUN, id=1)


def test_a_status_is_kept_with_its_time_and_hash(log: AuditLog) -> None:
    run, _ = log.begin(RUN)
    moved = log.set_status(run, "finishing", output_sha256="ab")
    assert (moved.status, moved.output_sha256, moved.finished_at) == ("finishing", "ab", None)
    done = log.set_status(moved, "finished", finished=True)
    assert log.latest_run() == done == replace(run, status="finished", output_sha256="ab", finished_at=now())
    assert log.wrote(RUN.output, "ab")
    assert not log.wrote(RUN.output, "cd")
    assert not log.wrote("another.jsonl", "ab")


def test_a_batch_moves_the_checkpoint_and_counts_rows_itself(log: AuditLog) -> None:
    run, checkpoint = log.begin(RUN)
    moved = log.write_batch(
        run, tale()[:5], REJECTED[:1], replace(checkpoint, position=6, output_bytes=7), [("warning", "slow")]
    )
    assert (moved.records, moved.rejected_lines, moved.events) == (5, 1, 1)
    assert (moved.position, moved.output_bytes) == (6, 7)
    assert log.checkpoint(run) == moved
    again = log.write_batch(run, tale()[5:], REJECTED[1:], moved)
    assert (again.records, again.rejected_lines, again.events) == (13, 2, 1)
    assert len({checkpoint.head, moved.head, again.head}) == 3
    assert len({checkpoint.rejected_head, moved.rejected_head, again.rejected_head}) == 3


def test_an_empty_batch_moves_no_chain(log: AuditLog) -> None:
    run, checkpoint = log.begin(RUN)
    moved = log.write_batch(run, [], [], replace(checkpoint, position=3))
    assert moved == replace(checkpoint, position=3)


def test_a_batch_is_all_or_nothing(log: AuditLog, path: Path) -> None:
    run, checkpoint = log.begin(RUN)
    moved = log.write_batch(run, tale()[:5], REJECTED[:1], replace(checkpoint, position=6))
    with pytest.raises(AuditError):  # the second record stands at a place that is taken
        log.write_batch(run, [tale()[5], tale()[0]], REJECTED[1:], replace(moved, position=8), [("warning", "w")])
    assert log.checkpoint(run) == moved
    log.set_status(run, "interrupted")
    log.close()
    proof = verify(path)
    assert proof.problems == []
    assert (proof.runs[0].records, proof.runs[0].rejected_lines, proof.runs[0].events) == (5, 1, 0)


def test_a_run_resumes_where_its_checkpoint_is(path: Path) -> None:
    with AuditLog(path, now=now) as log:
        run, checkpoint = log.begin(RUN)
        moved = log.write_batch(run, tale()[:5], REJECTED[:1], replace(checkpoint, position=6))
        log.set_status(run, "interrupted")
    with AuditLog(path, now=now) as log:
        found = log.latest_run()
        assert found is not None
        assert log.resume(found) == moved
        log.write_batch(found, tale()[5:], REJECTED[1:], replace(moved, position=15))
        log.set_status(found, "finished", finished=True)
    proof = verify(path)
    assert proof.problems == [], "chains and numbers go on across processes"
    assert proof.runs[0].records == 13


@pytest.mark.parametrize("change", ["output_bytes = 5", "head = 'x'", "seal = 'x'"])
def test_a_checkpoint_changed_by_hand_is_not_resumed(log: AuditLog, change: str) -> None:
    run, _ = log.begin(RUN)
    log.db.execute(f"UPDATE checkpoints SET {change}")
    with pytest.raises(AuditError, match="was changed by hand") as caught:
        log.resume(run)
    assert "--fresh" in caught.value.hint


def test_replies_are_found_again_by_whoever_asks_the_same(log: AuditLog) -> None:
    run, _ = log.begin(RUN)
    assert log.find_generation(REPLY.key) is None
    (kept,) = log.add_generations(run, [REPLY])
    assert kept == replace(REPLY, id=1)
    found = log.find_generation(REPLY.key)
    assert found is not None
    assert (found.id, found.completion, found.reused) == (1, REPLY.completion, True)
    spent = log.spent_on([1, 99])
    assert (spent.calls, spent.prompt_tokens, spent.completion_tokens, spent.seconds) == (1, 3, 4, 0.5)


def test_what_a_run_needs_at_its_end_is_counted_from_the_log(log: AuditLog) -> None:
    run, checkpoint = log.begin(RUN)
    failed = Story(pair("kaputt")).skipped(Reason.INTERNAL_ERROR)
    log.write_batch(run, [*tale(), record(20, "twice", "de", failed)], REJECTED, replace(checkpoint, position=21))
    other, checkpoint = log.begin(replace(RUN, kind="dry-run"))
    log.write_batch(other, tale()[:1], [], checkpoint)
    outcomes = log.outcomes(run)
    assert sum(outcomes.values()) == 14
    assert outcomes["ru", Outcome.REVERTED] == 1
    assert outcomes["id", Outcome.IMPROVED] == outcomes["id", Outcome.UNCHANGED] == 1
    repaired, still_open = log.finding_counts(run)
    assert repaired["decimal-separator"] == 3
    assert still_open == {"culture-bound-reference": 1, "space-before-punctuation": 1, "untranslated-text": 1}
    assert log.count_pairs(run, Reason.INTERNAL_ERROR) == 1
    assert log.count_pairs(other, Reason.INTERNAL_ERROR) == 0
    assert (log.duplicate_keys(run), log.duplicate_keys(other)) == (1, 0)


def test_the_outcomes_of_a_revert_are_its_own(undone_log: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.audit.db"
    copy.write_bytes(undone_log.read_bytes())
    with AuditLog(copy, now=now) as log:
        outcomes = log.outcomes(replace(RUN, id=3))
    assert outcomes == {("de", Outcome.UNDONE): 1, ("ja", Outcome.UNCHANGED): 1, ("ar", Outcome.UNDONE): 1}
    assert rows_of(undone_log, 'SELECT DISTINCT "pass" FROM decisions d JOIN records r ON r.id = d.record_id '
                   "WHERE r.run_id = 3") == [(Pass.REVERT.value,)]  # fmt: skip
    assert verify(undone_log).problems == []
