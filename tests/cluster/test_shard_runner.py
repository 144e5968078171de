"""One shard on one machine: to its end, from a snapshot, and not at all where the machine is the wrong one."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_fleet import KilledHere, config_of, killed_after, make_corpus, planned
from small_runs import write_lines

from midb.agent.engines.protocol import EngineDown
from midb.audit.proof.verify import verify
from midb.cluster import shard_runner
from midb.cluster.progress import ShardProgress
from midb.cluster.publishing import newest, position_of
from midb.cluster.scratch import held
from midb.cluster.shard_runner import ShardTask, run_shard, run_shard_quietly, settings_of
from midb.cluster.work_folder import WorkFolder
from midb.domain.errors import AuditError, MidbError
from midb.domain.events import BatchDone, Event, RunEnded, RunPlanned, Waiting


@pytest.fixture
def work(tmp_path: Path) -> WorkFolder:
    return planned(config_of(make_corpus(tmp_path)))[0]


@pytest.fixture
def task(work: WorkFolder) -> ShardTask:
    plan = work.read_plan()
    assert plan
    settings = settings_of(config_of(work.path.parent / "corpus.jsonl"))
    return ShardTask(number=2, work=str(work.path), mark=plan.mark, settings=settings)


def test_a_finished_shard_lies_whole_in_the_shared_folder_and_nothing_is_left_on_the_machine(
    work: WorkFolder, task: ShardTask, tmp_path: Path
) -> None:
    result = run_shard(task)
    plan = work.read_plan()
    assert plan
    shard = plan.shards[1]
    assert (result.state, result.position) == ("done", shard.records)
    assert verify(work.log(shard)).intact
    assert len(work.places(shard, work.done(2)).output.read_bytes().splitlines()) >= shard.records - 1
    assert not list(work.done(2).glob("*-wal"))
    assert not (tmp_path / "scratch" / f"midb-agent-{plan.mark}").exists()
    assert not work.snapshots(2).exists()
    told = ShardProgress.read(work.progress(2))
    assert told
    assert told.position == shard.records


def test_what_is_done_is_not_run_again(task: ShardTask) -> None:
    run_shard(task)
    events: list[Event] = []
    assert run_shard(task, events.append).state == "done"
    assert not events


def test_a_killed_one_goes_on_from_its_own_disk(task: ShardTask, work: WorkFolder) -> None:
    with pytest.raises(KilledHere):
        run_shard(task, killed_after(2))
    events: list[Event] = []
    assert run_shard(task, events.append).state == "done"
    (ended,) = [event for event in events if isinstance(event, RunEnded)]
    batches = [event for event in events if isinstance(event, BatchDone)]
    assert ended.read == sum(event.records + event.rejected for event in batches) + 64


def test_a_machine_that_has_nothing_goes_on_from_the_newest_snapshot(
    task: ShardTask, work: WorkFolder, tmp_path: Path
) -> None:
    often = replace(task, settings=task.settings | {"snapshot-seconds": 0})
    with pytest.raises(KilledHere):
        run_shard(often, killed_after(3))
    assert newest(work.snapshots(2)) == 64  # that of the third batch was not reached
    elsewhere = replace(task, settings=task.settings | {"scratch": str(tmp_path / "another machine")})
    events: list[Event] = []
    assert run_shard(elsewhere, events.append).state == "done"
    assert sum(event.records for event in events if isinstance(event, BatchDone)) < 64


def test_one_that_is_stopped_leaves_a_snapshot(task: ShardTask, work: WorkFolder) -> None:
    batches: list[Event] = []
    listen = lambda event: batches.append(event) if isinstance(event, BatchDone) else None  # noqa: E731
    result = run_shard(task, listen, stopped=lambda: len(batches) >= 2)
    assert result.state == "stopped"
    assert newest(work.snapshots(2)) == result.position >= 64


def test_the_file_stop_stops_it(task: ShardTask, work: WorkFolder) -> None:
    work.stop.touch()
    ticks = iter(range(0, 10_000, 5))
    assert run_shard(task, clock=lambda: float(next(ticks))).state == "stopped"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": "0.0.1"}, "and this run is one of 0.0.1"),
        ({"mark": "another"}, "is not the folder of this run"),
        ({"work": "/nowhere"}, "is not the folder of this run"),
    ],
)
def test_a_machine_with_another_program_or_folder_is_unfit(task: ShardTask, changed: dict[str, str], said: str) -> None:
    result = run_shard(replace(task, **changed))  # type: ignore[arg-type]
    assert result.state == "unfit"
    assert said in result.message
    assert result.hint


def test_a_task_of_a_version_with_other_fields_is_answered_as_well(task: ShardTask) -> None:
    told = run_shard_quietly(task.as_json() | {"version": "9.0", "unheard_of": 1})
    assert (told["state"], told["number"]) == ("unfit", 2)
    assert json.loads(json.dumps(told)) == told


def test_a_folder_that_cannot_be_written_makes_the_machine_unfit(
    task: ShardTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, data: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    result = run_shard(task)
    assert (result.state, "cannot be written" in result.message) == ("unfit", True)


def test_a_model_that_this_machine_does_not_reach_makes_it_unfit(
    task: ShardTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise EngineDown("the server does not answer.", hint="Start it.")

    monkeypatch.setattr(shard_runner, "open_session", down)
    assert run_shard(task).state == "unfit"


def test_a_full_disk_fails_the_shard_and_loses_nothing(
    task: ShardTask, work: WorkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MidbError("the disk is full.", hint="Free some space.")

    monkeypatch.setattr(shard_runner, "publish_finished", full)
    result = run_shard(task)
    assert (result.state, result.message, result.hint) == ("failed", "the disk is full.", "Free some space.")
    monkeypatch.undo()
    events: list[Event] = []
    assert run_shard(task, events.append).state == "done"
    assert not [event for event in events if isinstance(event, BatchDone)], "all of it was on the machine's disk"


def test_a_snapshot_that_cannot_be_written_does_not_end_the_run(
    task: ShardTask, work: WorkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise MidbError("the disk is full.")

    monkeypatch.setattr(shard_runner, "publish_snapshot", full)
    assert run_shard(replace(task, settings=task.settings | {"snapshot-seconds": 0})).state == "done"
    told = ShardProgress.read(work.progress(2))
    assert told
    assert told.warnings[0] == "no snapshot of shard 2: the disk is full."


def test_a_fault_of_ours_is_kept_for_whoever_mends_it(
    task: ShardTask, work: WorkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(shard_runner, "open_session", broken)
    result = run_shard(task)
    assert (result.state, result.message) == ("failed", "ZeroDivisionError('oops')")
    assert "in broken" in work.failure(2).read_text()


def test_what_shards_that_are_done_elsewhere_left_on_a_machine_goes(task: ShardTask, tmp_path: Path) -> None:
    with pytest.raises(KilledHere):
        run_shard(task, killed_after(1))
    (left,) = (tmp_path / "scratch").glob("*/2")
    run_shard(replace(task, settings=task.settings | {"scratch": str(tmp_path / "another machine")}))
    run_shard(replace(task, number=1))
    assert not left.exists()


def test_nobody_else_can_read_what_lies_on_a_machine(task: ShardTask, tmp_path: Path) -> None:
    with pytest.raises(KilledHere):
        run_shard(task, killed_after(1))
    (ours,) = (tmp_path / "scratch").iterdir()
    assert ours.stat().st_mode & 0o077 == 0
    (log,) = ours.glob("2/*.audit.db")
    assert position_of(log) == 32


def test_paths_are_whole_for_other_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_corpus(tmp_path)
    config = config_of(Path("corpus.jsonl"), source=Path("en.jsonl"), model="m", adapter={"": "l"}, prompts="short")
    told = settings_of(config)
    assert (told["corpus"], told["source"]) == (str(tmp_path / "corpus.jsonl"), str(tmp_path / "en.jsonl"))
    assert (told["model"], told["adapter"], told["prompts"]) == ("m", {"": "l"}, "short")
    (tmp_path / "m").mkdir()
    assert settings_of(config)["model"] == str(tmp_path / "m")


def leave_killed(task: ShardTask, batches: int) -> Path:
    """Run a shard until its process is killed, and return the folder that it leaves on its machine."""
    with pytest.raises(KilledHere):
        run_shard(task, killed_after(batches))
    (scratch,) = Path(task.settings["scratch"]).glob(f"*/{task.number}")
    return scratch


def test_one_whose_shard_another_process_of_the_machine_still_runs_waits_and_goes_on_from_there(
    task: ShardTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_runner, "_LOOK", 0.0)
    scratch = leave_killed(task, 2)
    events: list[Event] = []
    with ExitStack() as other:
        assert other.enter_context(held(scratch))

        def listen(event: Event) -> None:
            events.append(event)
            if len(events) == 3:
                other.close()

        assert run_shard(task, listen).state == "done"
    waited = [event for event in events if isinstance(event, Waiting) and "another process" in event.what]
    assert waited == events[:3]
    plan = next(event for event in events if isinstance(event, RunPlanned))
    assert plan.resumed_at == 64


def test_one_that_waits_finds_what_the_other_process_has_finished_or_is_stopped(
    task: ShardTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_runner, "_LOOK", 0.0)
    scratch = leave_killed(task, 1)
    elsewhere = replace(task, settings=task.settings | {"scratch": str(tmp_path / "another machine")})
    with held(scratch):
        assert run_shard(task, stopped=lambda: True).state == "stopped"

        def finish_it(_: Event) -> None:
            run_shard(elsewhere)

        assert run_shard(task, finish_it).state == "done"


@pytest.mark.parametrize("error", [EngineDown("the server is gone."), MidbError("the disk is full.")])
def test_what_was_done_before_an_error_is_there_for_another_machine(
    task: ShardTask, work: WorkFolder, error: MidbError, tmp_path: Path
) -> None:
    done = 0

    def listen(event: Event) -> None:
        nonlocal done
        if isinstance(event, BatchDone):
            done += event.records + event.rejected
            if done == 64:
                raise error

    assert run_shard(task, listen).message == error.message
    assert newest(work.snapshots(2)) == 64
    elsewhere = replace(task, settings=task.settings | {"scratch": str(tmp_path / "another machine")})
    events: list[Event] = []
    assert run_shard(elsewhere, events.append).state == "done"
    plan = next(event for event in events if isinstance(event, RunPlanned))
    assert plan.resumed_at == 64


def test_a_log_that_is_in_question_replaces_no_snapshot(task: ShardTask, work: WorkFolder) -> None:
    def listen(event: Event) -> None:
        if isinstance(event, BatchDone):
            raise AuditError("the log was changed.")

    assert run_shard(task, listen).state == "failed"
    assert newest(work.snapshots(2)) == -1


def test_the_last_event_names_what_lies_in_the_shared_folder(task: ShardTask) -> None:
    events: list[Event] = []
    run_shard(task, events.append)
    (ended,) = [event for event in events if isinstance(event, RunEnded)]
    for path in (ended.output, ended.database, *([ended.rejected_path] if ended.rejected_path else [])):
        assert Path(path).is_file(), path
    assert Path(ended.output).parent.parent.name == "done"


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such access")
def test_nobody_gets_more_access_to_what_lies_in_the_shared_folder_than_to_the_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(tmp_path)
    source = write_lines(tmp_path / "en.jsonl", *({"id": f"de-{n}", "instruction": "Name it."} for n in range(300)))
    for path in (corpus, source):
        path.chmod(0o600)
    config = config_of(corpus, source=source, **{"snapshot-seconds": 0})
    work, plan = planned(config)
    tasks = [
        ShardTask(number=number, work=str(work.path), mark=plan.mark, settings=settings_of(config)) for number in (1, 2)
    ]
    run_shard(tasks[0])
    with pytest.raises(KilledHere):
        run_shard(tasks[1], killed_after(3))
    monkeypatch.setattr(shard_runner, "open_session", lambda *_, **__: 1 / 0)
    run_shard(tasks[1])
    holds_texts = [
        path
        for folder in ("shards", "snapshots", "done", "progress", "failures")
        for path in (work.path / folder).rglob("*")
        if path.is_file() and path.name not in ("work.json", "corpus.survey.json")
    ]
    assert len(holds_texts) >= 12
    assert not [path for path in holds_texts if path.stat().st_mode & 0o077]
