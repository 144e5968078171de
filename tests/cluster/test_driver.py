"""Shards are given out, and given out again; machines that cannot run any are left out; nothing is run twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted_fleet import (
    RECORDS,
    Act,
    ScriptedFleet,
    config_of,
    failing,
    lost_after,
    lost_at_once,
    make_corpus,
    planned,
)

from midb.cluster.driver import LOST_TRIES, Driven, Driver
from midb.cluster.progress import ShardProgress
from midb.cluster.shard_runner import ShardResult, ShardTask, settings_of
from midb.cluster.work_folder import WorkFolder
from midb.domain.errors import MidbError
from midb.domain.events import BatchDone, Event, ShardsSeen, Tally, Warned


class Drive:
    """A corpus in three shards, and how it is driven."""

    def __init__(self, folder: Path, records: int = RECORDS) -> None:
        self.config = config_of(make_corpus(folder, records))
        self.folder, self.plan = planned(self.config)
        self.events: list[Event] = []
        self.stopped = False

    def __call__(self, fleet: ScriptedFleet, *, settings: dict[str, object] | None = None) -> Driven:
        told = settings_of(self.config) | (settings or {})
        driver = Driver(self.folder, self.plan, told, self.events.append, lambda: self.stopped)
        self.begun = driver.begun
        return driver.run(fleet)

    @property
    def warnings(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Warned)]

    @property
    def tally(self) -> Tally:
        """The sum of everything that was told."""
        told = Tally()
        for event in self.events:
            if isinstance(event, BatchDone):
                told.add(event)
        return told

    @property
    def states(self) -> list[tuple[str, ...]]:
        return [tuple(shard.state for shard in event.shards) for event in self.events if isinstance(event, ShardsSeen)]


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return Drive(tmp_path)


def done(folder: WorkFolder) -> list[int]:
    return sorted(int(path.name) for path in (folder.path / "done").glob("*"))


def test_all_shards_are_run_once_and_no_more_at_a_time_than_there_is_room_for(drive: Drive) -> None:
    fleet = ScriptedFleet(machines=["a"])
    assert drive(fleet) == Driven(status="finished")
    assert sorted(fleet.started) == [(1, 1, "a"), (2, 1, "a"), (3, 1, "a")]
    assert (fleet.most, done(drive.folder)) == (1, [1, 2, 3])
    assert drive.states[-1] == ("done", "done", "done")
    assert ("done", "running", "waiting") in drive.states
    assert (drive.tally.records, drive.tally.rejected) == (299, 1)
    assert drive.tally.repaired["mojibake"] == 149
    assert drive.warnings == []


def test_what_is_finished_is_not_given_out_again_by_a_new_driver(drive: Drive) -> None:
    drive(ScriptedFleet({(2, 1): failing(), (2, 2): failing()}))
    drive.events.clear()
    again = ScriptedFleet()
    assert drive(again) == Driven(status="finished")
    assert [number for number, _, _ in again.started] == [2]
    # What was there before is known, and only what is new is told.
    assert drive.begun.records + drive.tally.records == 299
    assert drive.begun.records > 150


@pytest.mark.parametrize("disk", [False, True], ids=["process", "machine"])
def test_a_lost_shard_goes_on_where_it_was_or_from_its_snapshot(drive: Drive, disk: bool, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch" if disk else None
    fleet = ScriptedFleet({(1, 1): lost_after(2, with_disk=scratch)})
    assert drive(fleet, settings={"snapshot-seconds": 0}) == Driven(status="finished")
    assert [(number, attempt) for number, attempt, _ in fleet.started if number == 1] == [(1, 1), (1, 2)]
    assert drive.warnings == ["shard 1 is begun again where it was: its process was killed"]
    assert (drive.tally.records, drive.tally.rejected) == (299, 1)
    assert max(shard.attempts for event in drive.events if isinstance(event, ShardsSeen) for shard in event.shards) == 2


def test_what_a_lost_machine_had_not_brought_away_is_taken_back_from_the_counts(drive: Drive, tmp_path: Path) -> None:
    lose = lost_after(2, with_disk=tmp_path / "scratch")

    def lost(task: ShardTask) -> ShardResult:
        # The screen has seen how far it was; a snapshot there was none.
        seen = ShardProgress()
        seen.tally.records = 50
        seen.write(drive.folder.progress(1))
        return lose(task)

    drive(ScriptedFleet({(1, 1): lost}))
    told = [event.records for event in drive.events if isinstance(event, BatchDone)]
    assert 50 in told
    assert min(told) < 0 or 50 + sum(told) > 299
    assert (drive.tally.records, drive.tally.rejected) == (299, 1)


def test_a_shard_that_is_lost_again_and_again_is_not_given_up_while_it_gets_further(tmp_path: Path) -> None:
    drive = Drive(tmp_path, 3 * 32 * 2 * (LOST_TRIES + 1))
    lose: dict[tuple[int, int], Act] = {(2, attempt): lost_after(2) for attempt in range(1, LOST_TRIES + 1)}
    assert drive(ScriptedFleet(lose), settings={"snapshot-seconds": 0}) == Driven(status="finished")


def test_a_shard_that_is_lost_again_and_again_without_getting_further_is_given_up(drive: Drive) -> None:
    driven = drive(ScriptedFleet({(2, attempt): lost_at_once for attempt in range(1, 9)}))
    assert [(result.number, result.message) for result in driven.failed] == [(2, "its process was killed.")]
    assert done(drive.folder) == [1, 3]
    assert drive.states[-1] == ("done", "failed", "done")


def test_a_shard_that_fails_is_tried_on_another_machine_and_then_given_up_while_the_others_finish(drive: Drive) -> None:
    fleet = ScriptedFleet({(1, 1): failing("first."), (1, 2): failing("second.")})
    driven = drive(fleet)
    assert [result.message for result in driven.failed] == ["second."]
    assert [where for number, _, where in fleet.started if number == 1] == ["a", "b"]
    assert done(drive.folder) == [2, 3]
    assert drive.warnings == ["shard 1 is begun again where it was: first", "shard 1 is given up: second."]


def test_a_machine_that_can_run_nothing_is_left_out_and_that_costs_no_shard_a_try(drive: Drive) -> None:
    fleet = ScriptedFleet(machines=["a", "b"], unfit=["a"])
    assert drive(fleet) == Driven(status="finished")
    assert [where for _, _, where in fleet.started].count("a") <= 2
    assert drive.warnings == ["host-a is left out: no such server. Start it."]


def test_where_no_machine_can_run_any_the_reasons_are_said(drive: Drive) -> None:
    with pytest.raises(MidbError, match="no machine of the cluster can run the shards: no such server") as e:
        drive(ScriptedFleet(unfit=["a", "b"]))
    assert "same command" in e.value.hint


def test_a_cluster_without_room_is_waited_for_and_that_is_said(drive: Drive) -> None:
    class Growing(ScriptedFleet):
        def wait(self, seconds: float) -> list[object]:  # type: ignore[override]
            if not self.machines:
                self.machines = ScriptedFleet().machines
                return []
            return list(super().wait(seconds))

    assert drive(Growing(machines=[])) == Driven(status="finished")
    assert drive.warnings == [
        "no machine of the cluster has what a shard takes (--resource, --device): waiting for one",
    ]


def test_a_stop_lets_running_shards_end_where_they_are_and_the_same_command_goes_on(drive: Drive) -> None:
    class Stopping(ScriptedFleet):
        def wait(self, seconds: float) -> list[object]:  # type: ignore[override]
            drive.stopped = True
            return list(super().wait(seconds))

    assert drive(Stopping(machines=["a"])).status == "interrupted"
    assert not drive.folder.stop.exists()
    assert len(done(drive.folder)) < 3
    drive.stopped = False
    assert drive(ScriptedFleet()) == Driven(status="finished")
    assert done(drive.folder) == [1, 2, 3]


def test_whoever_reaches_the_folder_can_stop_a_run(drive: Drive) -> None:
    class Touched(ScriptedFleet):
        def wait(self, seconds: float) -> list[object]:  # type: ignore[override]
            drive.folder.stop.touch()
            return list(super().wait(seconds))

    assert drive(Touched(machines=["a"])).status == "interrupted"
