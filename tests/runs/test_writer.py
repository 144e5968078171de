"""The one writer of a corpus: bytes before the transaction, a status for what failed, and a run that goes on."""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_fixtures import rows
from log_fixtures import RUN, Story, now, pair, record
from small_runs import broken_records, fails_at, names_in, run_over, session_over, write_lines

import midb.corpus.writer
import midb.runs.writer
from midb.agent.run import batches
from midb.agent.run.runner import Runner
from midb.audit.log import AuditLog
from midb.audit.proof.verify import verify
from midb.corpus.formats.text import JsonLines
from midb.corpus.output import GrowingFile
from midb.corpus.places import OutputPlaces
from midb.corpus.raw import RawRecord, Tail
from midb.corpus.writer import OutputFiles
from midb.domain.errors import AuditError, MidbError
from midb.domain.hashing import file_sha256
from midb.domain.results import RecordResult, RejectedLine
from midb.runs.writer import CorpusWriter

LINES = [b'{"n": 0}', b'{"n": 1}', b"oops", b'{"n": 3}']


@pytest.fixture
def places(tmp_path: Path) -> OutputPlaces:
    return OutputPlaces(tmp_path / "out.jsonl", tmp_path / "out.db")


@pytest.fixture
def corpus(tmp_path: Path) -> list[RawRecord]:
    container = JsonLines(write_lines(tmp_path / "c.jsonl", *LINES))
    return [item for item in container.read() if isinstance(item, RawRecord)]


Prepare = Callable[[Sequence[RecordResult]], Sequence[RecordResult]]


@contextmanager
def writing(
    places: OutputPlaces, *, failed: str = "interrupted", prepare: Prepare = lambda results: results
) -> Iterator[CorpusWriter]:
    """A writer in a new log."""
    container = JsonLines(places.output.with_name("c.jsonl"))
    with AuditLog(places.db, now=now) as log:
        run, checkpoint = log.begin(dataclasses.replace(RUN, corpus_sha256=file_sha256(container.path)))
        with (
            OutputFiles(container, places, places.rejected) as files,
            CorpusWriter(files, log, run, checkpoint, failed=failed, prepare=prepare) as writer,
        ):
            yield writer


def result(raw: RawRecord, body: bytes | None = None) -> RecordResult:
    return dataclasses.replace(record(raw.position, f"#{raw.position}", "de", Story(pair("x")).skipped()), body=body)


def rejection(raw: RawRecord) -> RejectedLine:
    return RejectedLine(raw.position, raw.line, raw.offset, raw.length, raw.sha256(), "odd", "it is odd")


def logged(db: Path) -> list[int]:
    """Positions of the records and lines in the log, as another process sees them."""
    sql = "SELECT position FROM records UNION ALL SELECT position FROM rejected_lines ORDER BY 1"
    return [position for (position,) in rows(db, sql)]


def checkpoint(db: Path) -> dict[str, Any]:
    connection = sqlite3.connect(db)
    connection.row_factory = sqlite3.Row
    (row,) = connection.execute("SELECT * FROM checkpoints").fetchall()
    connection.close()
    return dict(row)


def status(db: Path) -> tuple[str, str | None]:
    ((found, sha256),) = rows(db, "SELECT status, output_sha256 FROM runs")
    return found, sha256


def test_nothing_counts_before_it_is_committed(places: OutputPlaces, corpus: list[RawRecord]) -> None:
    with writing(places) as writer:
        writer.keep(corpus[0], result(corpus[0]))
        writer.keep(corpus[1], result(corpus[1], b'{"n": "new"}'))
        writer.drop(corpus[2], rejection(corpus[2]))
        assert (writer.waiting, logged(places.db)) == (3, [])
        moved = writer.commit([("warning", "slow")])
        assert (writer.waiting, logged(places.db)) == (0, [0, 1, 2])
        assert places.partial.read_bytes() == b'{"n": 0}\n{"n": "new"}\n'
        row = checkpoint(places.db)
    for name, value in dataclasses.asdict(moved).items():
        assert row[name] == value
    assert (row["records"], row["rejected_lines"], row["events"], row["position"], row["line"]) == (2, 1, 1, 3, 4)
    assert row["input_offset"] == corpus[2].end
    assert row["output_bytes"] == places.partial.stat().st_size
    assert row["rejected_bytes"] == places.rejected.stat().st_size


def test_bytes_are_on_the_disk_before_the_log_speaks_of_them(
    places: OutputPlaces, corpus: list[RawRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def watched(owner: type, name: str, step: str) -> None:
        function = getattr(owner, name)

        def watch(self: Any, *args: Any, **named: Any) -> Any:
            steps.append(f"{step} {getattr(self, 'path', Path()).name}")
            if owner is AuditLog:
                partial, rejected = places.partial.stat().st_size, places.rejected.stat().st_size
                assert (partial, rejected) == (args[3].output_bytes, args[3].rejected_bytes), "all of it is there"
            return function(self, *args, **named)

        monkeypatch.setattr(owner, name, watch)

    watched(GrowingFile, "sync", "sync")
    watched(AuditLog, "write_batch", "log")
    with writing(places) as writer:
        writer.keep(corpus[0], result(corpus[0]))
        writer.commit()
        writer.drop(corpus[2], rejection(corpus[2]))
        writer.keep(corpus[3], result(corpus[3]))
        writer.commit()
    synced = ["sync out.jsonl.partial", "sync out.jsonl.rejected.jsonl"]
    assert steps == [*synced, "log out.db", *synced, "log out.db"]


def test_events_alone_do_not_move_the_checkpoint(places: OutputPlaces, corpus: list[RawRecord]) -> None:
    with writing(places) as writer:
        writer.keep(corpus[0], result(corpus[0]))
        before = writer.commit()
        after = writer.commit([("warning", "at the end")])
    assert dataclasses.replace(after, events=0) == before
    assert rows(places.db, "SELECT level, message FROM run_events") == [("warning", "at the end")]


def test_results_can_be_replaced_before_they_are_logged(places: OutputPlaces, corpus: list[RawRecord]) -> None:
    seen: list[int] = []

    def rename(results: Sequence[RecordResult]) -> Sequence[RecordResult]:
        seen.append(len(results))
        return [dataclasses.replace(one, key="renamed") for one in results]

    with writing(places, prepare=rename) as writer:
        for raw in corpus[:2]:
            writer.keep(raw, result(raw))
        writer.commit()
    assert seen == [2]
    assert rows(places.db, "SELECT DISTINCT record_key FROM records") == [("renamed",)]


def test_the_log_has_the_hash_before_the_output_has_its_place(places: OutputPlaces, corpus: list[RawRecord]) -> None:
    with writing(places) as writer:
        writer.keep(corpus[0], result(corpus[0]))
        made = writer.seal(Tail(b"\n"))
        assert logged(places.db) == [0], "what waited was committed"
        assert status(places.db) == ("finishing", file_sha256(made))
        assert not places.output.exists()
        writer.publish(made)
        assert writer.run.finished_at == now()
    assert status(places.db) == ("finished", file_sha256(places.output))
    assert places.output.read_bytes() == b'{"n": 0}\n\n'
    assert names_in(places.output.parent) == ["c.jsonl", "out.db", "out.jsonl"]


def test_a_corpus_that_was_changed_while_it_was_read_is_no_output(
    places: OutputPlaces, corpus: list[RawRecord]
) -> None:
    with pytest.raises(MidbError, match=r"c\.jsonl was changed while it was read"), writing(places) as writer:
        writer.keep(corpus[0], result(corpus[0]))
        with places.output.with_name("c.jsonl").open("ab") as file:
            file.write(b"more\n")
        writer.seal(Tail(b""))
    assert status(places.db) == ("interrupted", None)
    assert logged(places.db) == [0]
    assert not places.output.exists()


@pytest.mark.parametrize("failed", ["failed", "interrupted"])
def test_an_error_is_a_status_in_the_log(failed: str, places: OutputPlaces, corpus: list[RawRecord]) -> None:
    with pytest.raises(KeyboardInterrupt), writing(places, failed=failed) as writer:
        writer.keep(corpus[0], result(corpus[0]))
        raise KeyboardInterrupt
    assert status(places.db) == (failed, None)
    assert logged(places.db) == []


def test_once_it_is_finishing_an_error_leaves_that_to_be_seen(places: OutputPlaces, corpus: list[RawRecord]) -> None:
    with pytest.raises(KeyboardInterrupt), writing(places, failed="failed") as writer:
        writer.keep(corpus[0], result(corpus[0]))
        made = writer.seal(Tail(b""))
        sha256 = file_sha256(made)
        raise KeyboardInterrupt
    assert status(places.db) == ("finishing", sha256)


def test_without_an_error_the_status_is_the_caller_s(places: OutputPlaces, corpus: list[RawRecord]) -> None:
    with writing(places, failed="failed"):
        pass
    assert status(places.db) == ("running", None)


def test_a_log_that_fails_does_not_hide_what_went_wrong(
    places: OutputPlaces, corpus: list[RawRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **named: Any) -> None:
        raise AuditError("the disk is full.")

    with pytest.raises(RuntimeError, match="first"), writing(places) as writer:
        monkeypatch.setattr(AuditLog, "set_status", full)
        writer.keep(corpus[0], result(corpus[0]))
        raise RuntimeError("first")


def test_a_finished_run_stays_finished_whatever_comes_then(places: OutputPlaces, corpus: list[RawRecord]) -> None:
    def interrupted_at_the_end() -> None:
        with writing(places) as writer:
            writer.keep(corpus[0], result(corpus[0]))
            writer.publish(writer.seal(Tail(b"")))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_at_the_end()
    assert status(places.db)[0] == "finished"


#: What a run does to its files and its log: where it is done, and how many times at least.
STEPS: dict[str, tuple[object, str, int]] = {
    "write": (GrowingFile, "write", 2),
    "sync": (GrowingFile, "sync", 2),
    "log a batch": (AuditLog, "write_batch", 2),
    "end the output": (OutputFiles, "end", 1),
    "make the file": (OutputFiles, "make", 1),
    "hash it": (midb.runs.writer, "file_sha256", 1),
    "log the status": (AuditLog, "set_status", 2),
    "move it": (midb.corpus.writer, "move_into_place", 1),
}
CALLS = [(step, call) for step, (_, _, calls) in STEPS.items() for call in range(1, calls + 1)]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("calm")
    run_over(write_lines(folder / "c.jsonl", *broken_records(5), b"oops", *broken_records(1)))
    return folder


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("step", "call"), CALLS)
def test_whatever_fails_the_same_command_goes_on(
    step: str, call: int, after: bool, calm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or an end by force, before or after any step: nothing is lost, and nothing is done twice."""
    monkeypatch.setattr(batches, "BATCH", 2)
    corpus = Path(shutil.copy(calm / "c.jsonl", tmp_path))
    output, db = tmp_path / "c.boosted.jsonl", tmp_path / "c.boosted.jsonl.audit.db"
    owner, name, _ = STEPS[step]
    with monkeypatch.context() as patch:
        disk_full = MidbError("the disk is full.")
        patch.setattr(owner, name, fails_at(call, disk_full, getattr(owner, name), after=after))
        with pytest.raises(MidbError, match="the disk is full"):
            run_over(corpus)
    last = step == "log the status" and call == 2
    expected = ("finished" if after else "finishing") if last else "finishing" if step == "move it" else "interrupted"
    assert status(db)[0] == expected
    assert output.exists() == (last or (step == "move it" and after))
    with session_over(corpus) as session:
        assert session.attached.finished == output.exists()
        if not session.attached.finished:
            ended = Runner(session, lambda _: None, bool).run()
            assert (ended.balanced, ended.read, ended.rejected) == (True, 7, 1)
    assert output.read_bytes() == (calm / output.name).read_bytes()
    assert names_in(tmp_path) == names_in(calm)
    verdict = verify(db)
    assert verdict.intact, verdict.problems
    assert [run.status for run in verdict.runs] == ["finished"]
    assert rows(db, "SELECT count(*) FROM records") == [(6,)]


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The corpus of a run that was interrupted behind its second batch, a rejected line among what was written."""
    monkeypatch.setattr(batches, "BATCH", 2)
    corpus = write_lines(tmp_path / "c.jsonl", *broken_records(2), b"oops", *broken_records(5))
    with monkeypatch.context() as patch:
        patch.setattr(AuditLog, "write_batch", fails_at(3, MidbError("killed"), AuditLog.write_batch))
        with pytest.raises(MidbError, match="killed"):
            run_over(corpus)
    assert status(tmp_path / "c.boosted.jsonl.audit.db")[0] == "interrupted"
    return corpus


@pytest.mark.parametrize("name", ["c.boosted.jsonl.partial", "c.boosted.jsonl.rejected.jsonl"])
def test_a_file_that_was_changed_while_its_run_was_interrupted_is_noticed(name: str, interrupted: Path) -> None:
    path = interrupted.with_name(name)
    written = path.read_bytes()
    for changed in (written.replace(b"o", b"0", 1), written.replace(b"\n", b" \n", 1), b"\n" + written):
        path.write_bytes(changed)
        with pytest.raises(MidbError, match=rf"{name} was changed since its run was interrupted") as caught:
            run_over(interrupted)
        assert "--fresh" in caught.value.hint
        assert path.read_bytes() == changed, "it is left as it is, for whoever looks for what was changed"
    path.write_bytes(written + b"what was written behind the checkpoint")
    ended = run_over(interrupted)
    assert (ended.status, ended.balanced, ended.read) == ("finished", True, 8)
    verdict = verify(interrupted.with_name("c.boosted.jsonl.audit.db"))
    assert verdict.intact, verdict.problems


def test_fresh_starts_over_where_the_partial_output_was_changed(interrupted: Path) -> None:
    interrupted.with_name("c.boosted.jsonl.partial").write_bytes(b"x" * 1000)
    assert run_over(interrupted, fresh=True).status == "finished"


def test_an_interrupted_run_of_an_older_log_goes_on(interrupted: Path) -> None:
    """It does not say what its files held; from the next batch on it does."""
    db = interrupted.with_name("c.boosted.jsonl.audit.db")
    connection = sqlite3.connect(db)
    views = ("edits_with_context", "findings_with_context", "standing_verdicts", "judgements_by_language")
    tables = ("verdicts", "written", "heads", "judgements", "evaluations")
    dropped = [*(f"DROP VIEW {name}" for name in views), *(f"DROP TABLE {name}" for name in tables)]
    for statement in (*dropped, "DELETE FROM migrations WHERE id > 3"):
        connection.execute(statement)
    connection.commit()
    connection.close()
    assert verify(db).intact
    assert run_over(interrupted).status == "finished"
    verdict = verify(db)
    assert verdict.intact, verdict.problems
    assert rows(db, "SELECT action FROM heads WHERE id = 1") == [("adopted",)]
    assert rows(db, "SELECT count(*) FROM written") == [(1,)]


def test_what_was_changed_in_the_log_about_the_files_is_not_believed(interrupted: Path) -> None:
    db = interrupted.with_name("c.boosted.jsonl.audit.db")
    connection = sqlite3.connect(db)
    connection.execute("UPDATE written SET output_sha256 = rejected_sha256")
    connection.commit()
    connection.close()
    with pytest.raises(AuditError, match="was changed by hand") as caught:
        run_over(interrupted)
    assert "audit verify" in caught.value.hint
