"""One head stands for all that any run left: whatever is changed since it was noted is seen, all hashes derived anew.

The changes are made by somebody who knows this program (`forging`), first of all those that an earlier version of the
log did not see.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from forging import forge, opened, rebuild_heads, reseal
from log_fixtures import (
    REJECTED,
    REPLY,
    RUN,
    Story,
    execute,
    now,
    pair,
    record,
    rows_of,
    tale,
    write_evaluation,
    write_log,
    write_revert,
    write_review,
)
from model_log_fixtures import reply

from midb.audit.file import heads, seals
from midb.audit.file.key import SealKey
from midb.audit.log import AuditLog
from midb.audit.proof.heads import HeadsCheck
from midb.audit.proof.verify import LogProof, verify
from midb.audit.run_rows import Written

KEY, OTHER = SealKey(b"k" * 32), SealKey(b"o" * 32)


@pytest.fixture(scope="session")
def full_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A row in every table and column: two runs, a revert, reviews, an evaluation, and replies of which one is used by
    no decision."""
    path = write_review(write_revert(write_log(tmp_path_factory.mktemp("full") / "corpus.boosted.jsonl.audit.db")))
    with AuditLog(path, now=now) as log:
        run, checkpoint = log.begin(dataclasses.replace(RUN, parent_run=1))
        asked, _ = log.add_generations(
            run, [reply(1, "content", "Die cat.", "unchanged"), reply(2, "content", "x", "y")]
        )
        story = Story(pair("Die cat.")).skipped()
        story.decisions[0] = dataclasses.replace(
            story.decisions[0], prompt_hash=asked.key.prompt_hash, generation=asked.id
        )
        log.write_batch(
            run, [record(0, "de-1", "de", story)], REJECTED[:1], dataclasses.replace(checkpoint, position=2),
            [("warning", "slow")], Written("ab" * 32, "cd" * 32),
        )  # fmt: skip
        log.set_status(run, "finished", output_sha256="56" * 32, finished=True)
    return write_evaluation(path)


@pytest.fixture
def forged(full_log: Path, tmp_path: Path) -> Callable[..., Path]:
    """Changes a copy of that log by SQL and derives every hash again; a second call begins anew."""

    def change(*statements: str, key: SealKey | None = None) -> Path:
        copy = shutil.copyfile(full_log, tmp_path / "forged.audit.db")
        return forge(copy, *statements, key=key)

    return change


def head_of(path: Path) -> str:
    """The head that somebody would note."""
    proof = verify(path)
    assert proof.problems == []
    assert proof.head is not None
    return proof.head


def seen_by_head(path: Path, head: str) -> bool:
    """Whether a log that is no more what the head was of is called changed."""
    return not verify(path, head=head).intact


def test_the_forger_is_no_weaker_than_the_log(forged: Callable[..., Path], full_log: Path) -> None:
    """Deriving all hashes of an honest log again gives the very same log: what follows is noticed by the head alone."""
    copy = forged()
    for table in seals.COVERED:
        assert rows_of(copy, f"SELECT * FROM {table}") == rows_of(full_log, f"SELECT * FROM {table}")
    assert head_of(copy) == head_of(full_log)


#: What a table's row is called by, where that is not its id.
IDENTITY = {"checkpoints": "run_id", "edits": "decision_id, ordinal", "prompts": "hash", "written": "run_id"}

#: What a checkpoint says of other tables; the forger derives it from these, and otherwise it would not agree with them.
COUNTED = {("checkpoints", name) for name in ("records", "rejected_lines", "events", "head", "rejected_head")}

COLUMNS = [(table, column) for table in seals.COVERED for column in seals.COVERED[table] if table != "heads"]


@pytest.mark.parametrize(("table", "column"), [pair for pair in COLUMNS if pair not in COUNTED])
def test_a_head_sees_a_change_of_any_column_of_any_table(
    table: str, column: str, forged: Callable[..., Path], full_log: Path
) -> None:
    head = head_of(full_log)
    identity = IDENTITY.get(table, "id").split(",")[0]
    there = [row[0] for row in rows_of(full_log, f'SELECT {identity} FROM {table} ORDER BY "{column}" IS NULL, 1')]
    for row in {there[0], there[-1]}:
        path = forged(
            f'UPDATE OR IGNORE {table} SET "{column}" = CASE typeof("{column}") WHEN \'integer\' THEN '
            f"\"{column}\" + 1000 WHEN 'real' THEN \"{column}\" + 1 WHEN 'null' THEN 7 ELSE \"{column}\" || 'x' END "
            f"WHERE {identity} = {row!r}"
        )
        assert rows_of(path, f"SELECT * FROM {table}") != rows_of(full_log, f"SELECT * FROM {table}")
        assert seen_by_head(path, head), row


RESEALED = {
    "the engine": "UPDATE runs SET engine = 'embedded 0.1.0' WHERE id = 1",
    "the hash of the corpus": f"UPDATE runs SET corpus_sha256 = '{'0' * 64}' WHERE id = 1",
    "the hash of the output": f"UPDATE runs SET output_sha256 = '{'0' * 64}' WHERE id = 1",
    "the place of the output": "UPDATE runs SET output = './evil' WHERE id = 1",
    "the versions": 'UPDATE runs SET versions = \'{"x":"1"}\' WHERE id = 1',
    "the beginning": "UPDATE runs SET started_at = '1999-01-01T00:00:00+00:00' WHERE id = 1",
    "the corpus": "UPDATE runs SET corpus = 'other.jsonl' WHERE id = 1",
    "where a checkpoint is": "UPDATE checkpoints SET output_bytes = 1, input_offset = 2, line = 4 WHERE run_id = 1",
    "what the files held": f"UPDATE written SET output_sha256 = '{'0' * 64}'",
    "the text of events": "UPDATE run_events SET message = 'all fine'",
    "all events away": "DELETE FROM run_events",
    "the text of rejected lines": "UPDATE rejected_lines SET message = 'harmless' WHERE run_id = 1",
    "all rejected lines away": "DELETE FROM rejected_lines WHERE run_id = 1; UPDATE checkpoints SET position = 13 "
    "WHERE run_id = 1",
    "a record away": "DELETE FROM decisions WHERE record_id = 13; DELETE FROM records WHERE id = 13; "
    "UPDATE checkpoints SET position = position - 1 WHERE run_id = 1",
    "the records of the first run": "UPDATE records SET record_key = 'renamed-' || record_key WHERE run_id = 1",
    "the records of the second run": "UPDATE records SET record_key = 'renamed-' || record_key WHERE run_id = 2",
    "a record of which nothing was decided": "UPDATE records SET language = 'de' WHERE record_key = '#13'",
    "a reply that is used": "UPDATE generations SET completion = 'harmless' WHERE prompt_hash LIKE '0101%'",
    "a reply that nothing rests on": "UPDATE generations SET completion = 'harmless' WHERE prompt_hash LIKE '0202%'",
    "such a reply away": "DELETE FROM generations WHERE prompt_hash LIKE '0202%'",
    "when a migration was applied": "UPDATE migrations SET applied_at = '1999'",
}


@pytest.mark.parametrize("change", RESEALED.values(), ids=RESEALED.keys())
def test_what_was_sealed_anew_is_seen_by_the_head_and_by_nothing_else(
    change: str, forged: Callable[..., Path], full_log: Path
) -> None:
    path = forged(*change.split("; "))
    assert verify(path).problems == [], "nothing in the file can tell"
    (problem,) = verify(path, head=head_of(full_log)).problems
    assert "written anew or taken away" in problem.message


@pytest.mark.parametrize("change", RESEALED.values(), ids=RESEALED.keys())
def test_a_key_sees_the_same_without_a_head(change: str, forged: Callable[..., Path], tmp_path: Path) -> None:
    sealed = forged(key=KEY)
    assert verify(sealed, key=KEY).problems == []
    for macs in ("UPDATE heads SET mac = mac", "UPDATE heads SET mac = NULL"):
        path = forge(shutil.copyfile(sealed, tmp_path / "changed.audit.db"), *change.split("; "), macs)
        assert verify(path).problems == []
        assert not verify(path, key=KEY).intact
        assert not verify(forge(path, key=OTHER), key=KEY).intact


WITHOUT_HEADS = {
    "the engine": ("UPDATE runs SET engine = 'embedded 0.1.0' WHERE id = 1", "runs"),
    "where a checkpoint is": ("UPDATE checkpoints SET line = 3 WHERE run_id = 1", "checkpoints"),
    "what the files held": (f"UPDATE written SET output_sha256 = '{'0' * 64}'", "written"),
    "an event": ("UPDATE run_events SET message = 'all fine' WHERE id = 1", "run_events"),
    "a rejected line": ("UPDATE rejected_lines SET message = 'harmless' WHERE id = 1", "rejected_lines"),
    "a record": ("UPDATE records SET language = 'fr' WHERE id = 2", "records"),
    "a decision": ("UPDATE decisions SET detail = 'well' WHERE id = 2", "decisions"),
    "a reply": ("UPDATE generations SET completion = 'harmless' WHERE id = 2", "generations"),
    "a migration": ("UPDATE migrations SET applied_at = '1999' WHERE id = 1", "migrations"),
}


@pytest.mark.parametrize(("change", "table"), WITHOUT_HEADS.values(), ids=WITHOUT_HEADS.keys())
def test_who_forgets_the_heads_is_told_which_table_was_changed(
    change: str, table: str, full_log: Path, tmp_path: Path
) -> None:
    path = shutil.copyfile(full_log, tmp_path / "forged.audit.db")
    with opened(path) as connection:
        connection.execute(change)
        reseal(connection)
    problems = verify(path).problems
    assert any(problem.table == table and "was made of" in problem.message for problem in problems), problems


def delete_run(connection: sqlite3.Connection, run: int) -> None:
    """A run with all that belongs to it."""
    records = f"SELECT id FROM records WHERE run_id = {run}"
    decisions = f"SELECT id FROM decisions WHERE record_id IN ({records})"
    connection.execute(f"DELETE FROM edits WHERE decision_id IN ({decisions})")
    for table in ("findings", "decisions"):
        connection.execute(f"DELETE FROM {table} WHERE record_id IN ({records})")
    said = ("judgements", "evaluations")
    for table in (*said, "records", "rejected_lines", "run_events", "checkpoints", "written", "heads", "generations"):
        connection.execute(f"DELETE FROM {table} WHERE run_id = {run}")
    connection.execute("DELETE FROM prompts")
    connection.execute(f"DELETE FROM runs WHERE id = {run}")


def test_the_last_run_taken_away_with_everything_is_seen(full_log: Path, tmp_path: Path) -> None:
    head = head_of(full_log)
    path = shutil.copyfile(full_log, tmp_path / "forged.audit.db")
    with opened(path) as connection:
        before = connection.execute("SELECT hash FROM heads WHERE run_id < 6 ORDER BY id DESC").fetchone()[0]
        for run in (7, 6):  # the last one, and the evaluation behind it
            delete_run(connection, run)
        rebuild_heads(connection)
    assert verify(path).problems == [], "what is left is a log like any other"
    assert seen_by_head(path, head)
    proof = verify(path, head=before)
    assert proof.intact, "an earlier head cannot know of a run that came later"
    assert proof.noted is not None
    assert (proof.noted.run, proof.noted.since) == (2, 0), "the run that the last one superseded"


def test_heads_taken_away_with_what_they_covered_or_without_it_are_seen(full_log: Path, tmp_path: Path) -> None:
    head = head_of(full_log)
    for statement, table in (
        ("DELETE FROM heads", "heads"),
        ("DELETE FROM heads WHERE id > 3", "records"),
        ("DELETE FROM heads WHERE id = 3", "heads"),
        ("UPDATE heads SET id = -id", "heads"),
        ("INSERT INTO heads SELECT id + 100, run_id, action, status, last_migration, last_run, last_record, "
         "last_decision, last_rejected_line, last_event, last_generation, '{}', state, hash, hash, NULL FROM heads "
         "ORDER BY id DESC LIMIT 1", "heads"),
    ):  # fmt: skip
        path = shutil.copyfile(full_log, tmp_path / "forged.audit.db")
        execute(path, statement)
        assert any(problem.table == table for problem in verify(path).problems), statement
        assert seen_by_head(path, head)


@pytest.mark.parametrize("column", [*seals.COVERED["heads"], "previous_hash", "hash"])
def test_a_changed_head_is_named(column: str, full_log: Path, tmp_path: Path) -> None:
    path = shutil.copyfile(full_log, tmp_path / "changed.audit.db")
    for value in (f"\"{column}\" || '7'", "X'FF'", "'many'", "-1"):
        shutil.copyfile(full_log, path)
        new = 400 if column == "id" else value  # SQLite keeps everything but integers out of it
        execute(path, f'UPDATE heads SET "{column}" = {new} WHERE id = 4')
        assert any(problem.table == "heads" for problem in verify(path).problems), value


def test_heads_made_by_somebody_else_do_not_hide_what_they_leave_out(full_log: Path, tmp_path: Path) -> None:
    """A head may claim rows that are not there, or none of those that are; of what it says only its own hash is new."""
    for change in (
        "UPDATE heads SET content = '{}'",
        "UPDATE heads SET state = '{}'",
        "UPDATE heads SET content = 'no json', state = '[]'",
        "UPDATE heads SET last_record = last_record - 1 WHERE id = (SELECT max(id) FROM heads)",
        "UPDATE heads SET run_id = 1",
    ):
        path = shutil.copyfile(full_log, tmp_path / "forged.audit.db")
        with opened(path) as connection:
            connection.execute(change)
            previous = seals.GENESIS
            for row in connection.execute("SELECT * FROM heads ORDER BY id").fetchall():
                link = seals.chain_hash("heads", previous, seals.covered_values("heads", dict(row)))
                connection.execute(
                    "UPDATE heads SET previous_hash = ?, hash = ? WHERE id = ?", [previous, link, row["id"]]
                )
                previous = link
        assert verify(path).problems, change


def test_nothing_is_added_to_a_run_that_has_ended(full_log: Path, tmp_path: Path) -> None:
    """Or who notes a head after it could be told that its output has become another one since."""
    head = head_of(full_log)
    path = shutil.copyfile(full_log, tmp_path / "forged.audit.db")
    with opened(path) as connection:
        connection.execute(f"UPDATE runs SET output_sha256 = '{'0' * 64}' WHERE id = 1")
        reseal(connection)
        heads.add_head(connection, None, 1, "status")
    (problem,) = verify(path, head=head).problems
    assert (problem.table, "which had ended (finished)" in problem.message) == ("heads", True)


def test_a_status_that_no_head_was_made_for_is_named(full_log: Path, tmp_path: Path) -> None:
    path = shutil.copyfile(full_log, tmp_path / "forged.audit.db")
    with opened(path) as connection:
        connection.execute("UPDATE runs SET status = 'failed' WHERE id = 1")
        reseal(connection)
    messages = [problem.message for problem in verify(path).problems]
    assert any("its status is failed, but head" in message for message in messages)


def test_a_run_cannot_write_rows_of_another_one(full_log: Path, tmp_path: Path) -> None:
    path = shutil.copyfile(full_log, tmp_path / "forged.audit.db")
    with AuditLog(path, now=now) as log:
        run, _ = log.begin(RUN)
        log.add_generations(dataclasses.replace(run, id=1), [reply(9, "content", "late", "reply")])
    assert any("which had ended" in problem.message for problem in verify(path).problems)
    path = shutil.copyfile(full_log, tmp_path / "forged.audit.db")
    with AuditLog(path, now=now) as log:
        run, _ = log.begin(RUN)
        log.add_generations(run, [reply(9, "content", "late", "reply")])
    assert verify(path).problems == []
    forge(path, "UPDATE generations SET run_id = 1 WHERE id = (SELECT max(id) FROM generations)")
    (problem,) = verify(path).problems
    assert (problem.table, "says that it is another run's" in problem.message) == ("generations", True)


def test_a_config_is_held_against_its_hash(forged: Callable[..., Path]) -> None:
    for change in ("config = '{\"x\":1}'", f"config_hash = '{'0' * 64}'", "config = 'no json'", "config = X'FF'"):
        problems = verify(forged(f"UPDATE runs SET {change} WHERE id = 2")).problems
        assert any(problem.table == "runs" and "config_hash" in problem.message for problem in problems), change


def test_a_prompt_is_held_against_its_hash_and_its_use(forged: Callable[..., Path]) -> None:
    problems = verify(forged("UPDATE prompts SET text = 'be evil'")).problems
    assert {problem.message for problem in problems} == {"its text does not have this hash: one of them was changed"}
    text = "nobody asked this"
    name = hashlib.sha256(text.encode()).hexdigest()
    (problem,) = verify(forged(f"INSERT INTO prompts VALUES ('{name}', '{text}', '')")).problems
    assert "no generation was asked with it" in problem.message


def test_a_mark_in_the_file_is_named(full_log: Path, tmp_path: Path) -> None:
    path = shutil.copyfile(full_log, tmp_path / "marked.audit.db")
    execute(path, "PRAGMA user_version = 77")
    assert [problem.message for problem in verify(path).problems] == ["its user_version was set to 77"]


# -- honest histories ----------------------------------------------------------------------------------------------


def test_every_head_that_ever_was_is_still_proved(tmp_path: Path) -> None:
    """Noted after each transaction of a run, a resumed run, a revert and a run that was superseded."""
    path = tmp_path / "c.audit.db"
    noted: list[str] = []

    def note(log: AuditLog) -> None:
        noted.append(log.head())

    with AuditLog(path, now=now) as log:
        run, checkpoint = log.begin(RUN)
        note(log)
        checkpoint = log.write_batch(run, tale()[:5], REJECTED[:1], dataclasses.replace(checkpoint, position=6))
        note(log)
        log.add_generations(run, [REPLY])
        note(log)
    with AuditLog(path, now=now) as log:  # as if it had been killed
        found = log.latest_run()
        assert found is not None
        checkpoint = log.resume(found)
        note(log)
        log.write_batch(found, tale()[5:], REJECTED[1:], dataclasses.replace(checkpoint, position=15))
        log.set_status(found, "finished", output_sha256="56" * 32, finished=True)
        note(log)
        log.begin(RUN)
        note(log)
        log.begin(RUN)
        note(log)
    assert len(set(noted)) == len(noted)
    total = verify(path).heads
    since = []
    for head in noted:
        proof = verify(path, head=head)
        assert proof.problems == []
        assert proof.noted is not None
        since.append(proof.noted.since)
    assert since == sorted(since, reverse=True)
    assert (since[0], since[-1]) == (total - 1, 0)


def test_an_old_log_is_covered_from_its_first_head_on(old_log: Path, tmp_path: Path) -> None:
    ends = [run.head for run in verify(old_log).runs]
    assert verify(old_log).head is None
    path = shutil.copyfile(old_log, tmp_path / "old.audit.db")
    AuditLog(path, now=now).close()
    actions = rows_of(path, "SELECT run_id, action FROM heads ORDER BY id")
    assert actions == [(1, "adopted"), (2, "adopted")]
    adopted = head_of(path)
    for end in ends:
        proof = verify(path, head=end)
        assert proof.problems == [], "what was noted of a run of then is still proved"
        assert proof.noted_run is not None
    with AuditLog(path, now=now) as log:
        log.begin(RUN)
    assert verify(path, head=adopted).problems == []
    forge(path, "UPDATE run_events SET message = 'all fine'", "UPDATE rejected_lines SET message = 'harmless'")
    assert verify(path).problems == []
    assert seen_by_head(path, adopted)


def test_the_end_of_a_runs_decisions_proves_no_more_than_these(forged: Callable[..., Path], full_log: Path) -> None:
    end = verify(full_log).runs[0].head
    proof = verify(forged("UPDATE runs SET engine = 'x'"), head=end)
    assert (proof.intact, proof.noted, proof.noted_run) == (True, None, 1)


# -- keys ----------------------------------------------------------------------------------------------------------


def keyed(path: Path, key: SealKey | None) -> LogProof:
    """A log with one more run, sealed with a key; what `verify` says with `KEY`."""
    with AuditLog(path, now=now, key=key) as log:
        run, checkpoint = log.begin(RUN)
        log.write_batch(run, tale()[:2], [], dataclasses.replace(checkpoint, position=2))
        log.set_status(run, "finished", output_sha256="56" * 32, finished=True)
    return verify(path, key=KEY)


def test_a_key_proves_its_log_and_no_other_key_does(tmp_path: Path) -> None:
    path = tmp_path / "c.audit.db"
    proof = keyed(path, KEY)
    assert (proof.problems, proof.macs, proof.heads) == ([], 3, 3)
    assert verify(path).intact
    (problem,) = verify(path, key=OTHER).problems
    assert "3 of 3 heads, from head 1 on, were not sealed with this key" in problem.message
    execute(path, "UPDATE heads SET mac = 'x' WHERE id = 2")
    assert [problem.row for problem in verify(path, key=KEY).problems] == ["2"]


def test_what_was_written_without_a_key_is_covered_by_the_first_head_with_one(tmp_path: Path) -> None:
    path = tmp_path / "c.audit.db"
    (problem,) = keyed(path, None).problems
    assert "no head is sealed with a key" in problem.message
    assert keyed(path, KEY).problems == []
    assert verify(path, key=KEY).macs == 3


def test_what_is_added_without_the_key_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "c.audit.db"
    keyed(path, KEY)
    with AuditLog(path, now=now, key=KEY) as log:
        log.begin(RUN)
    with opened(path) as connection:
        heads.add_head(connection, None, 2, "status")
    assert verify(path).intact
    (problem,) = verify(path, key=KEY).problems
    assert (problem.row, "from head 5 on nothing is sealed" in problem.message) == ("5", True)


def test_a_log_of_an_older_version_has_no_seal_of_a_key(old_log: Path) -> None:
    (problem,) = verify(old_log, key=KEY).problems
    assert "not sealed with a key" in problem.message


def steps_of(path: Path) -> int:
    """What SQLite does for the heads of a log, in its own steps (by the hundred)."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    connection.row_factory = sqlite3.Row
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 100)
    assert list(HeadsCheck(connection).problems()) == []
    connection.close()
    return steps


def test_the_work_grows_with_the_log_and_no_faster(tmp_path: Path) -> None:
    steps = []
    for records in (400, 1600):
        path = tmp_path / f"{records}.audit.db"
        with AuditLog(path, now=now) as log:
            run, checkpoint = log.begin(RUN)
            for first in range(0, records, 8):
                batch = [record(first + n, f"k{first + n}", "de", Story(pair("x")).skipped()) for n in range(8)]
                checkpoint = log.write_batch(run, batch, [], dataclasses.replace(checkpoint, position=first + 8))
        steps.append(steps_of(path))
    assert steps[0] > 20
    assert steps[1] < 6 * steps[0], "four times the records"


def test_heads_are_read_one_after_another(full_log: Path) -> None:
    """Nothing is kept of a head but what the next one and the end need."""
    connection = sqlite3.connect(f"file:{full_log}?mode=ro&immutable=1", uri=True)
    connection.row_factory = sqlite3.Row
    check = HeadsCheck(connection)
    assert list(check.problems()) == []
    assert (check.chain.length, check.head) == (verify(full_log).heads, verify(full_log).head)
    connection.close()
