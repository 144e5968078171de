"""Whether a run goes on, begins anew, or must not begin: told from the log, the output and the settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from log_fixtures import Story, now, pair, record
from small_runs import names_in

from midb.agent.run.resuming import EMBEDDED, Attached, attach, is_finished, never_got_going
from midb.audit.log import AuditLog
from midb.audit.run_rows import Run
from midb.corpus.places import OutputPlaces
from midb.domain.errors import AuditError, UsageError
from midb.domain.hashing import file_sha256
from midb.runs.config import RunConfig, config_hash, load_config

CONFIG = load_config(None, {"corpus": Path("c.jsonl"), "language": "de"})
OTHER = load_config(None, {"corpus": Path("c.jsonl"), "language": "de", "typography": True})


def limited(limit: int) -> RunConfig:
    return load_config(None, {"corpus": Path("c.jsonl"), "language": "de", "limit": limit})


def run_of(config: RunConfig = CONFIG, **changes: Any) -> Run:
    """The row of a run with some settings, as it would begin now."""
    shaping = config.shaping(None)
    run = Run(
        id=0, kind="run", parent_run=None, started_at=now(), finished_at=None, status="running", corpus="c.jsonl",
        corpus_sha256="ab" * 32, corpus_bytes=100, output="out.jsonl", output_sha256=None, rejected="out.rejected",
        config=orjson.dumps(shaping).decode(), config_hash=config_hash(shaping), engine=EMBEDDED, versions="{}",
    )  # fmt: skip
    return dataclasses.replace(run, **changes)


@pytest.fixture
def places(tmp_path: Path) -> OutputPlaces:
    return OutputPlaces(tmp_path / "out.jsonl", tmp_path / "out.db")


@pytest.fixture
def log(places: OutputPlaces) -> Iterator[AuditLog]:
    with AuditLog(places.db, now=now) as opened:
        yield opened


def left(
    log: AuditLog,
    places: OutputPlaces,
    status: str,
    *,
    output: bytes | None = None,
    records: int = 1,
    config: RunConfig = CONFIG,
) -> Run:
    """A run that is in the log with a status, after so many records; ``output`` is what it put into its place."""
    run, checkpoint = log.begin(run_of(config))
    results = [record(n, f"r{n}", "de", Story(pair("x")).skipped()) for n in range(records)]
    log.write_batch(run, results, [], dataclasses.replace(checkpoint, position=records, output_bytes=5))
    sha256 = None
    if output is not None:
        places.output.write_bytes(output)
        sha256 = file_sha256(places.output)
    return log.set_status(run, status, output_sha256=sha256)


def attached(
    log: AuditLog, places: OutputPlaces, config: RunConfig = CONFIG, *, fresh: bool = False, **changes: Any
) -> Attached:
    return attach(log, places, run_of(config, **changes), config.shaping(None), fresh=fresh)


def test_an_empty_log_begins_a_run(log: AuditLog, places: OutputPlaces) -> None:
    found = attached(log, places)
    assert (found.run.id, found.run.status, found.finished) == (1, "running", False)
    assert (found.checkpoint.position, found.checkpoint.line) == (0, 1)


@pytest.mark.parametrize("status", ["running", "interrupted"])
def test_an_unfinished_run_goes_on(log: AuditLog, places: OutputPlaces, status: str) -> None:
    run = left(log, places, status)
    found = attached(log, places)
    assert (found.run.id, found.checkpoint.position, found.checkpoint.output_bytes) == (run.id, 1, 5)
    assert not found.finished
    (row,) = log.db.execute("SELECT status FROM runs")
    assert row["status"] == "running"


def test_a_run_that_was_finishing_goes_on_from_its_last_batch(log: AuditLog, places: OutputPlaces) -> None:
    """It was killed before the output had its place."""
    run = left(log, places, "finishing", output=b"whole")
    places.output.rename(places.partial)
    found = attached(log, places)
    assert (found.run.id, found.finished, found.checkpoint.position) == (run.id, False, 1)
    assert places.partial.exists()


def test_a_run_whose_output_has_its_place_is_finished(log: AuditLog, places: OutputPlaces) -> None:
    """It was killed between that and the word for it; what it left beside the output goes."""
    left(log, places, "finishing", output=b"whole")
    places.temporary.touch()
    found = attached(log, places)
    assert (found.finished, found.run.status, found.run.finished_at) == (True, "finished", now())
    assert names_in(places.output.parent) == ["out.db", "out.db-shm", "out.db-wal", "out.db.lock", "out.jsonl"]


def test_a_finished_run_is_finished(log: AuditLog, places: OutputPlaces) -> None:
    run = left(log, places, "finished", output=b"whole")
    found = attached(log, places)
    assert (found.finished, found.run, found.checkpoint.position) == (True, run, 1)
    places.output.write_bytes(b"changed")
    with pytest.raises(AuditError, match=r"its output .*out\.jsonl was changed since") as changed:
        attached(log, places)
    assert "move the changed file away first" in changed.value.hint
    places.output.unlink()
    with pytest.raises(AuditError, match=r"its output .*out\.jsonl is gone") as gone:
        attached(log, places)
    assert "move" not in gone.value.hint


@pytest.mark.parametrize("status", ["failed", "superseded"])
def test_what_cannot_go_on_begins_anew(log: AuditLog, places: OutputPlaces, status: str) -> None:
    left(log, places, status)
    assert attached(log, places).run.id == 2


def test_fresh_begins_anew_and_closes_what_was_begun(log: AuditLog, places: OutputPlaces) -> None:
    left(log, places, "interrupted")
    found = attached(log, places, OTHER, fresh=True)
    assert (found.run.id, found.checkpoint.position) == (2, 0)
    assert [row["status"] for row in log.db.execute("SELECT status FROM runs ORDER BY id")] == ["superseded", "running"]


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_a_foreign_output_is_not_replaced(log: AuditLog, places: OutputPlaces, status: str) -> None:
    left(log, places, status)
    places.output.write_bytes(b"precious")
    with pytest.raises(UsageError, match="is not what midb-agent wrote there"):
        attached(log, places)
    with pytest.raises(UsageError, match="is not what midb-agent wrote there"):
        attached(log, places, fresh=True)


def test_what_lies_where_the_output_will_grow_is_ours_only_where_the_log_knows_it(
    log: AuditLog, places: OutputPlaces
) -> None:
    places.partial.write_bytes(b"precious")
    with pytest.raises(UsageError, match="is not what midb-agent wrote there"):
        attached(log, places)
    left(log, places, "failed")
    assert attached(log, places).run.id == 2


@pytest.mark.parametrize(
    ("config", "changes", "told", "hint"),
    [
        (OTHER, {}, "settings differ from those this run began with: kinds (", "--fresh"),
        (OTHER, {"engine": "m"}, "settings differ", "replies in the log are not paid for again"),
        (CONFIG, {"corpus_sha256": "cd", "corpus_bytes": 1234}, "c.jsonl has changed since this run began (100 bytes "
         "then, 1,234 now)", "--fresh"),
        (CONFIG, {"corpus_sha256": "cd", "corpus": "d.jsonl"}, "belongs to another corpus (c.jsonl)", "--db"),
        (CONFIG, {"engine": "tiny 2"}, f"began with another model: {EMBEDDED}; now it is tiny 2", "the same model"),
        (CONFIG, {"output": "other.jsonl"}, "belongs to a run that writes out.jsonl", "-o"),
    ],
)  # fmt: skip
def test_a_run_is_not_continued_as_another_one(
    log: AuditLog, places: OutputPlaces, config: RunConfig, changes: dict[str, Any], told: str, hint: str
) -> None:
    left(log, places, "interrupted")
    with pytest.raises(UsageError) as caught:
        attached(log, places, config, **changes)
    assert told in caught.value.message
    assert hint in caught.value.hint


def test_another_model_is_no_matter_once_it_is_finished(log: AuditLog, places: OutputPlaces) -> None:
    left(log, places, "finished", output=b"whole")
    assert attached(log, places, engine="tiny 2").finished


def test_a_run_that_never_got_going_is_superseded_without_a_word(log: AuditLog, places: OutputPlaces) -> None:
    """A mistyped model, say."""
    last = left(log, places, "interrupted", records=0)
    assert never_got_going(log, last, run_of(OTHER))
    assert never_got_going(log, last, run_of(engine="tiny 2"))
    assert not never_got_going(log, last, run_of())
    found = attached(log, places, engine="tiny 2")
    assert (found.run.id, found.run.engine) == (2, "tiny 2")


def test_one_that_has_a_record_got_going(log: AuditLog, places: OutputPlaces) -> None:
    last = left(log, places, "interrupted")
    assert not never_got_going(log, last, run_of(OTHER))


def test_whether_a_model_need_be_loaded(log: AuditLog, places: OutputPlaces) -> None:
    shaping = CONFIG.shaping(None)
    assert not is_finished(log, CONFIG, shaping)
    run = left(log, places, "interrupted")
    assert not is_finished(log, CONFIG, shaping)
    log.set_status(run, "finished")
    assert is_finished(log, CONFIG, shaping)
    assert not is_finished(log, OTHER, OTHER.shaping(None))
    assert not is_finished(log, CONFIG.model_copy(update={"fresh": True}), shaping)
    assert not is_finished(log, CONFIG.model_copy(update={"dry_run": 3}), shaping)


@pytest.mark.parametrize("status", ["interrupted", "finished"])
@pytest.mark.parametrize("config", [limited(3), limited(2), CONFIG])
def test_another_limit_goes_on_behind_what_is_done(
    log: AuditLog, places: OutputPlaces, status: str, config: RunConfig
) -> None:
    before = left(log, places, status, output=b"two", records=2, config=limited(4))
    found = attached(log, places, config)
    assert (found.run.id, found.run.parent_run, found.earlier) == (2, before.id, (1,))
    assert (found.finished, found.checkpoint.position) == (False, 0)
    assert places.output.read_bytes() == b"two"
    again = attached(log, places, config)
    assert (again.run.id, again.earlier) == (2, (1,)), "it is resumed with what it takes over"
    higher = attached(log, places, limited(5))
    assert (higher.run.id, higher.earlier) == (3, (2, 1))


def test_a_lower_limit_than_what_is_done_is_refused(log: AuditLog, places: OutputPlaces) -> None:
    left(log, places, "finished", output=b"two", records=2, config=limited(2))
    assert attached(log, places, limited(3)).run.id == 2  # it has read nothing yet: what run 1 has read counts
    with pytest.raises(UsageError, match="--limit 1 is less than what is done already: 2 of the records") as caught:
        attached(log, places, limited(1))
    assert "--fresh starts over with 1" in caught.value.hint
    assert attached(log, places, limited(1), fresh=True).earlier == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"engine": "tiny 2"}, "began with another model"),
        ({"corpus_sha256": "cd"}, "has changed since"),
        ({"output": "other.jsonl"}, "settings differ"),
    ],
)
def test_another_limit_of_something_else_goes_on_with_nothing(
    log: AuditLog, places: OutputPlaces, changes: dict[str, Any], told: str
) -> None:
    left(log, places, "finished", output=b"two", records=2, config=limited(2))
    with pytest.raises(UsageError, match=told):
        attached(log, places, limited(3), **changes)
