"""What lies in the shared folder is whole, and is never replaced by something worse."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from small_runs import broken_records, session_over, write_lines

from midb.agent.run.runner import Runner
from midb.audit.proof.verify import verify
from midb.cluster.publishing import newest, position_of, publish_finished, publish_snapshot, restore
from midb.corpus.places import OutputPlaces
from midb.domain.errors import MidbError


class Half:
    """A run that is stopped after some batches."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.corpus = write_lines(folder / "c.jsonl", *broken_records(200))
        self.places = OutputPlaces(folder / "o.jsonl", folder / "o.jsonl.audit.db")

    def go_on(self, batches: int = 99) -> str:
        seen = 0

        def stopped() -> bool:
            nonlocal seen
            seen += 1
            return seen > batches

        with session_over(self.corpus, output=self.places.output) as session:
            return Runner(session, lambda event: None, stopped).run().status


@pytest.fixture
def half(tmp_path: Path) -> Half:
    made = Half(tmp_path / "here")
    assert made.go_on(3) == "interrupted"
    return made


def test_a_snapshot_is_one_folder_with_a_log_that_is_proved_and_needs_no_file_beside_it(
    half: Half, tmp_path: Path
) -> None:
    position = publish_snapshot(half.places, tmp_path / "snapshots")
    (made,) = (tmp_path / "snapshots").iterdir()
    assert newest(tmp_path / "snapshots") == position == position_of(half.places.db) > 0
    assert sorted(path.name for path in made.iterdir()) == [
        "o.jsonl.audit.db",
        "o.jsonl.partial",
        "o.jsonl.rejected.jsonl",
    ]
    with sqlite3.connect(f"file:{made / 'o.jsonl.audit.db'}?mode=ro", uri=True) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert verify(made / "o.jsonl.audit.db").intact


def test_only_the_newest_snapshot_is_kept(half: Half, tmp_path: Path) -> None:
    snapshots = tmp_path / "snapshots"
    first = publish_snapshot(half.places, snapshots)
    assert publish_snapshot(half.places, snapshots) == first
    half.go_on(2)
    assert publish_snapshot(half.places, snapshots) > first
    assert len(list(snapshots.iterdir())) == 1


def test_a_snapshot_of_less_replaces_none_of_more(half: Half, tmp_path: Path) -> None:
    snapshots = tmp_path / "snapshots"
    other = Half(tmp_path / "there")
    other.go_on(1)
    most = publish_snapshot(half.places, snapshots)
    assert publish_snapshot(other.places, snapshots) < most
    assert newest(snapshots) == most


@pytest.mark.parametrize("left", ["nothing", "less", "more", "rubbish"])
def test_a_run_goes_on_from_what_is_furthest(half: Half, tmp_path: Path, left: str) -> None:
    snapshots = tmp_path / "snapshots"
    position = publish_snapshot(half.places, snapshots)
    other = Half(tmp_path / "there")
    if left in ("less", "more"):
        other.go_on(1 if left == "less" else 5)
    elif left == "rubbish":
        other.places.db.write_bytes(b"no log at all")
        other.places.partial.write_bytes(b"no output")
    here = position_of(other.places.db) if left == "more" else 0
    restore(other.places, snapshots)
    assert position_of(other.places.db) == max(position, here)
    assert other.go_on() == "finished"
    half.go_on()
    assert other.places.output.read_bytes() == half.places.output.read_bytes()
    assert verify(other.places.db).intact


def test_without_a_snapshot_a_run_begins_anew(tmp_path: Path) -> None:
    half = Half(tmp_path / "here")
    half.places.db.write_bytes(b"no log at all")
    restore(half.places, tmp_path / "snapshots")
    assert not half.places.db.exists()


def test_what_is_finished_gets_there_whole_and_the_first_one_stays(half: Half, tmp_path: Path) -> None:
    half.go_on()
    target = tmp_path / "done" / "2"
    publish_finished(half.places, target)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    assert sorted(before) == ["o.jsonl", "o.jsonl.audit.db"]
    half.places.output.write_bytes(b"of a run that was thought lost")
    publish_finished(half.places, target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_cannot_be_written_is_a_sentence(half: Half, tmp_path: Path) -> None:
    (tmp_path / "done").write_bytes(b"a file")
    with pytest.raises(MidbError, match="cannot be written"):
        publish_finished(half.places, tmp_path / "done" / "2")
