"""Machines that run shards in this process, and are lost, or fail, as a test says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from small_runs import broken_records, write_lines

from midb.cluster.driver import Ended, Machine
from midb.cluster.shard_runner import ShardResult, ShardTask, run_shard
from midb.cluster.work_folder import WorkFolder, WorkPlan, plan_work
from midb.corpus.formats.containers import open_container
from midb.domain.events import BatchDone, Event
from midb.runs.config import RunConfig, load_config

#: Records of a corpus: enough that each of three shards has more than two batches.
RECORDS = 300


class KilledHere(BaseException):
    """What stands for SIGKILL: nothing of ours may catch it."""


def killed_after(batches: int) -> Callable[[Event], None]:
    """A listener in whose call the process "dies", once so many batches are in the log."""
    seen = 0

    def listen(event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, BatchDone)
        if seen == batches:
            raise KilledHere

    return listen


#: What becomes of an attempt: a result, or what is done before the machine is lost.
Act = Callable[[ShardTask], ShardResult]


def lost_after(batches: int, *, with_disk: Path | None = None) -> Act:
    """A machine that is lost after so many batches; with its disk, where its ``scratch`` folder is given."""

    def act(task: ShardTask) -> ShardResult:
        with pytest.raises(KilledHere):
            run_shard(task, killed_after(batches))
        if with_disk:
            shutil.rmtree(with_disk)
        raise KilledHere

    return act


def lost_at_once(task: ShardTask) -> ShardResult:
    """A machine that is lost before anything is done."""
    raise KilledHere


def failing(message: str = "no.") -> Act:
    """A machine on which a shard fails."""
    return lambda task: ShardResult(number=task.number, state="failed", message=message, host="h")


def unfit(task: ShardTask) -> ShardResult:
    """A machine that can run nothing."""
    return ShardResult(number=task.number, state="unfit", message="no such server.", hint="Start it.", host="h")


class ScriptedFleet:
    """A fleet: ``script`` says what becomes of an attempt (by shard and attempt); any other is really run, here.

    A shard goes to the first of ``machines`` that it need not avoid. ``unfit`` ones can run nothing.
    """

    def __init__(
        self,
        script: Mapping[tuple[int, int], Act] | None = None,
        machines: Sequence[str] = ("a", "b"),
        unfit: Sequence[str] = (),
        places: int = 1,
    ) -> None:
        self._script = script or {}
        self._unfit = unfit
        self.machines = [Machine(name, f"host-{name}", places) for name in machines]
        self.started: list[tuple[int, int, str]] = []
        self._waiting: list[tuple[ShardTask, str]] = []
        self.most = 0

    def nodes(self) -> Sequence[Machine]:
        return self.machines

    def start(self, task: ShardTask, avoid: frozenset[str]) -> None:
        where = next(node.id for node in self.machines if node.id not in avoid)
        self.started.append((task.number, task.attempt, where))
        self._waiting.append((task, where))
        self.most = max(self.most, len(self._waiting))

    def wait(self, seconds: float) -> list[Ended]:
        task, where = self._waiting.pop(0)
        if where in self._unfit:
            return [Ended(number=task.number, result=unfit(task), node=where)]
        act = self._script.get((task.number, task.attempt), run_shard)
        try:
            result = act(ShardTask(**as_sent(task)))
        except KilledHere:
            return [Ended(number=task.number, lost="its process was killed")]
        return [Ended(number=task.number, result=ShardResult.parse(as_sent(result)), node=where)]


def as_sent(value: Any) -> dict[str, Any]:
    """What another machine gets."""
    return asdict(value)


def make_corpus(folder: Path, records: int = RECORDS) -> Path:
    """A German corpus of which every second record has something to repair, with a line that cannot be read."""
    return write_lines(folder / "corpus.jsonl", *list(broken_records(records))[:-1], b"{broken")


def config_of(corpus: Path, **settings: object) -> RunConfig:
    """The settings of a run of three shards; what is written on the way stays in the folder of the corpus."""
    given: dict[str, object] = {
        "corpus": corpus, "on": "ray", "work": corpus.parent / "work", "scratch": corpus.parent / "scratch",
        "workers": 0, "shards": 3, "output": corpus.parent / "out.jsonl",
    }  # fmt: skip
    return load_config(None, given | settings)


def planned(config: RunConfig) -> tuple[WorkFolder, WorkPlan]:
    """The work folder, with the corpus cut into shards."""
    assert config.work
    folder = WorkFolder(config.work)
    return folder, plan_work(folder, config, open_container(config.corpus), lambda: config.shards or 3)
