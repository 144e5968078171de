"""Merging: what one run would have left, or nothing and a sentence that says why not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import orjson
import pytest
from cli_fixtures import rows
from forging import forge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from review_fixtures import candidates_of
from same_runs import check_same
from shard_halves import Halves, make_halves
from small_runs import fails_at, names_in, run_over, write_lines

import midb.runs.writer
from midb.audit.log import AuditLog
from midb.audit.proof.verify import verify
from midb.audit.reader import AuditReader
from midb.corpus.formats.containers import open_container
from midb.corpus.output import GrowingFile
from midb.corpus.places import OutputPlaces
from midb.domain.decisions import Outcome
from midb.domain.errors import MidbError, UsageError
from midb.review.desk import Desk, Said
from midb.shards import merge as merging
from midb.shards.logs import MergeError, open_shards
from midb.shards.merge import Merged, merge, remove_database
from midb.shards.split import shard_of_key, split


def merge_halves(halves: Halves, places: OutputPlaces | None = None, source: Path | None = None) -> Merged:
    with open_shards(halves.logs) as shards:
        return merge(open_container(halves.corpus), shards, places or halves.places, source=source)


def test_a_merge_leaves_what_one_run_leaves(halves: Halves) -> None:
    done = merge_halves(halves)
    check_same(halves.single, halves.places.output)
    assert (done.read, done.rejected, done.warning, done.already) == (10, 1, "", False)
    assert done.outcomes == {Outcome.UNCHANGED: 4, Outcome.IMPROVED: 5}


def test_batches_are_put_together(halves: Halves, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "BATCH", 2)
    merge_halves(halves)
    check_same(halves.single, halves.places.output)


def test_what_takes_long_is_told(halves: Halves) -> None:
    told: list[str] = []
    with open_shards(halves.logs) as shards:
        merge(open_container(halves.corpus), shards, halves.places, report=told.append)
    assert told == [*(f"checking {log}" for log in halves.logs), f"reading {halves.corpus}"]


def test_a_finished_merge_is_not_made_again(halves: Halves) -> None:
    first = merge_halves(halves)
    stamp = halves.places.output.stat().st_mtime_ns
    again = merge_halves(halves)
    assert again == dataclasses.replace(first, already=True)
    assert halves.places.output.stat().st_mtime_ns == stamp


@pytest.mark.parametrize("place", ["output", "db", "rejected", "partial", "temporary"])
def test_nothing_that_exists_is_replaced(place: str, halves: Halves) -> None:
    path: Path = getattr(halves.places, place)
    path.write_bytes(b"mine")
    with pytest.raises(UsageError, match=f"{path.name} exists"):
        merge_halves(halves)
    assert path.read_bytes() == b"mine"


def test_what_is_merged_is_not_written(halves: Halves) -> None:
    for output in (halves.corpus, halves.log(1), halves.output(2)):
        with pytest.raises(UsageError, match="would overwrite what is to be merged"):
            merge_halves(halves, OutputPlaces(output, halves.folder / "x.db"))
    source = write_lines(halves.folder / "en.jsonl", {"instruction": "x"})
    with pytest.raises(UsageError, match="would overwrite what is to be merged"):
        merge_halves(halves, OutputPlaces(source, halves.folder / "x.db"), source=source)


def test_what_does_not_fit_leaves_nothing(halves: Halves) -> None:
    halves.corpus.write_bytes(halves.corpus.read_bytes().replace(b"Gru", b"Gra", 1))
    before = names_in(halves.folder)
    with pytest.raises(MergeError, match="is not what shard"):
        merge_halves(halves)
    assert names_in(halves.folder) == before


STEPS: dict[str, tuple[object, str]] = {
    "sync": (GrowingFile, "sync"),
    "log a batch": (AuditLog, "write_batch"),
    "hash the output": (midb.runs.writer, "file_sha256"),
    "log the status": (AuditLog, "set_status"),
    "move": (merging, "move_into_place"),
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("step", "call"), [(step, 1) for step in STEPS] + [("move", 2), ("move", 3)])
def test_whatever_fails_leaves_nothing_or_all(
    step: str, call: int, after: bool, halves: Halves, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = names_in(halves.folder)
    owner, name = STEPS[step]
    with monkeypatch.context() as patch:
        disk_full = MidbError("the disk is full.")
        patch.setattr(owner, name, fails_at(call, disk_full, getattr(owner, name), after=after))
        with pytest.raises(MidbError, match="the disk is full"):
            merge_halves(halves)
    all_there = (step, call, after) == ("move", 3, True)
    if not all_there:
        assert names_in(halves.folder) == before
    assert merge_halves(halves).already == all_there
    check_same(halves.single, halves.places.output)


def test_the_settings_are_those_of_a_run_with_the_whole_source(halves: Halves) -> None:
    """Their hash too: the same command over the whole corpus finds that it is finished."""
    source = write_lines(halves.folder / "en.jsonl", *({"instruction": f"Greeting {n}"} for n in range(10)))
    for cut in split(halves.corpus, 2, folder=halves.folder, source=source).cuts:
        assert cut.path is not None
        run_over(cut.path, source=cut.source, fresh=True)
    run_over(halves.corpus, source=source, output=halves.single, fresh=True)
    merge_halves(halves, source=source)
    sql = "SELECT config, config_hash FROM runs ORDER BY id DESC LIMIT 1"
    assert rows(halves.places.db, sql) == rows(halves.folder / "single.jsonl.audit.db", sql)


def test_the_run_began_with_the_first_and_names_every_version(halves: Halves) -> None:
    forge(halves.log(1), "UPDATE runs SET started_at = '2026-02-02', versions = json_set(versions, '$.ftfy', '7.0')")
    forge(halves.log(2), "UPDATE runs SET started_at = '2026-01-01', versions = json_set(versions, '$.ftfy', '6.9')")
    merge_halves(halves)
    ((started, versions),) = rows(halves.places.db, "SELECT started_at, versions FROM runs")
    assert started == "2026-01-01"
    assert orjson.loads(versions)["ftfy"] == "6.9, 7.0"


def test_what_runs_said_is_kept_with_its_time(halves: Halves) -> None:
    for number, at in ((1, "2026-01-02"), (2, "2026-01-01")):
        forge(halves.log(number), f"INSERT INTO run_events VALUES (1, 1, '{at}', 'warning', 'slow {number}', '')")
    merge_halves(halves)
    said = rows(halves.places.db, "SELECT at, message FROM run_events WHERE level = 'warning' ORDER BY id")
    assert said == [("2026-01-01", "shard 2 of 2: slow 2"), ("2026-01-02", "shard 1 of 2: slow 1")]
    with open_shards(halves.logs) as shards:
        notes = [shard.note() for shard in shards]
    assert rows(halves.places.db, "SELECT message FROM run_events WHERE level = 'merged'") == [(n,) for n in notes]
    assert verify(halves.places.db).intact


def test_a_database_goes_with_what_lies_beside_it(tmp_path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        (tmp_path / f"x.db{ending}").touch()
    (tmp_path / "x.db.lock").touch()
    remove_database(tmp_path / "x.db")
    assert names_in(tmp_path) == ["x.db.lock"]
    remove_database(tmp_path / "x.db")


# -- any lines ---------------------------------------------------------------------------------------------------------

SENTENCE = "Für alle, die diesen Satz hier lesen wollen."
ANCHORS = [next(key for key in map(str, range(100)) if shard_of_key(key, 2) == shard) for shard in (1, 2)]
TEXT = st.text(max_size=20)
MARKS = st.sampled_from(
    ["1. a\n2. b\n2. c\n4. d", "cafÃ© Ã  la", "17 + 25 = 43", "a" * 120, "3.5 m", "12%", "<noinput>"]
)
RECORD = st.fixed_dictionaries(
    {"instruction": TEXT | MARKS, "output": TEXT | MARKS | st.none()}, optional={"id": TEXT | st.integers(0, 5)}
)
LINE = RECORD.map(orjson.dumps) | st.binary(max_size=20).filter(lambda line: line[:1] not in b"[{P")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE, max_size=10))
def test_any_lines_in_two_shards_are_what_one_run_gives(
    lines: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    # Every shard has a record that can be read, and shows how the corpus escapes.
    anchors = [orjson.dumps({"id": key, "instruction": "Für wen?", "output": SENTENCE}) for key in ANCHORS]
    corpus = folder / "c.jsonl"
    corpus.write_bytes(b"\n".join([*anchors, *lines]))
    run_over(corpus, output=folder / "single.jsonl")
    logs = []
    for cut in split(corpus, 2).cuts:
        assert cut.path is not None
        run_over(cut.path, output=cut.path.with_suffix(".out"))
        logs.append(cut.path.with_suffix(".out.audit.db"))
    with open_shards(logs) as shards:
        merge(open_container(corpus), shards, OutputPlaces(folder / "merged.jsonl", folder / "merged.jsonl.audit.db"))
    check_same(folder / "single.jsonl", folder / "merged.jsonl")


def test_shards_that_reviews_switched_something_off_in_are_merged(tmp_path: Path, log: Path) -> None:
    """As one run with the same reviews; but not where people said more in between, and it was decided otherwise."""
    with AuditReader(log) as reader:
        desk = Desk(log, reader.run(1))
    desk.say("Ana", candidates_of(log)["one mojibake"], Said("reject"))
    given: dict[str, Any] = {"reviewed": (log,), "min-verdicts": 1}
    halves = make_halves(tmp_path / "halves", **given)
    merge_halves(halves)
    check_same(halves.single, halves.places.output)
    single = halves.single.with_name(halves.single.name + ".audit.db")
    notes = rows(single, "SELECT message FROM run_events WHERE level = 'review' ORDER BY id")
    assert notes
    assert rows(halves.places.db, "SELECT message FROM run_events WHERE level = 'review' ORDER BY id") == notes
    assert b"Sch\xc3\x83\xc2\xb6n" in halves.places.output.read_bytes(), "it was not repaired"
    desk.say("Ana", candidates_of(log)["one mojibake"], Said("accept"))
    run_over(halves.log(2).with_name("c.shard-2-of-2.jsonl"), fresh=True, **given)
    with pytest.raises(MergeError, match=r"had other settings: reviewed \(off\)"):
        merge_halves(halves, OutputPlaces(halves.folder / "other.jsonl", halves.folder / "other.db"))
