"""Gives the shards out, hears of their ends, gives them out again where a machine was lost, and tells how far all are.

It holds nothing that is not in the shared folder: one that was killed is started again by the same command.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from midb.cluster.progress import ShardProgress, add_up, difference
from midb.cluster.publishing import newest
from midb.cluster.shard_runner import ShardResult, ShardTask
from midb.cluster.work_folder import ShardFiles, WorkFolder, WorkPlan
from midb.domain.errors import MidbError
from midb.domain.events import BatchDone, EditMade, Event, ModelUsed, ShardSeen, ShardsSeen, ShardState, Tally, Warned
from midb.domain.generations import Usage

#: Seconds between two looks at the progress of all shards.
TICK = 1.0

#: Attempts of a shard that are lost without having got any further, before it is given up.
LOST_TRIES = 4

#: Attempts of a shard that end with an error, before it is given up: the second one is made on another machine.
FAILED_TRIES = 2


@dataclass(frozen=True)
class Machine:
    """A machine of the cluster that has what a shard takes, ``places`` times."""

    id: str
    host: str
    places: int


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A task that is not running any more.

    :param result: what it said; None where it said nothing, and ``lost`` says why.
    :param node: the id of the machine; empty where nobody knows.
    """

    number: int
    result: ShardResult | None = None
    lost: str = ""
    node: str = ""


class Fleet(Protocol):
    """The machines. Whatever happens to one of them is an ``Ended``; MidbError says that the cluster itself is gone."""

    def nodes(self) -> Sequence[Machine]:
        """The machines that are there now and can run shards."""
        ...

    def start(self, task: ShardTask, avoid: frozenset[str]) -> None:
        """Run a shard on any machine but those."""
        ...

    def wait(self, seconds: float) -> list[Ended]:
        """The tasks that have ended, as soon as there is one; none after so many seconds."""
        ...


@dataclass
class _Shard:
    """What the driver knows of a shard."""

    files: ShardFiles
    state: ShardState = "waiting"
    attempts: int = 0
    tries: int = 0
    reached: int = 0
    avoid: set[str] = field(default_factory=set)
    progress: ShardProgress | None = None
    warned: int = 0
    failure: ShardResult | None = None

    @property
    def number(self) -> int:
        return self.files.number


@dataclass(frozen=True, kw_only=True)
class Driven:
    """How it ended: finished, with ``failed`` shards or none, or interrupted."""

    status: Literal["finished", "interrupted"]
    failed: tuple[ShardResult, ...] = ()


class Driver:
    """Runs all shards of a work folder on a fleet.

    :param stopped: asked once in each look.
    :param needs: what a shard takes of a machine, for people.
    """

    def __init__(
        self,
        folder: WorkFolder,
        plan: WorkPlan,
        settings: dict[str, Any],
        emit: Callable[[Event], None],
        stopped: Callable[[], bool],
        needs: str = "what a shard takes",
    ) -> None:
        self._folder = folder
        self._needs = needs
        self._plan = plan
        self._settings = settings
        self._emit = emit
        self._stopped = stopped
        self._shards = {files.number: _Shard(files) for files in plan.shards}
        self._unfit: dict[str, str] = {}
        self._told = Tally()
        self._seen: ShardsSeen | None = None
        self._model_told: ModelUsed | None = None
        self._no_room_told = False
        for shard in self._shards.values():
            if folder.done(shard.number).is_dir():
                shard.state = "done"
            shard.progress = ShardProgress.read(folder.progress(shard.number))
            shard.warned = len(shard.progress.warnings) if shard.progress else 0

    @property
    def begun(self) -> Tally:
        """What is done before anything is given out."""
        self._told = self._sum()
        return self._told

    @property
    def left(self) -> int:
        """Shards that are not done."""
        return sum(shard.state != "done" for shard in self._shards.values())

    def run(self, fleet: Fleet) -> Driven:
        """Run all shards that are not done. Raises MidbError where no machine can run any, or the cluster is gone."""
        self._folder.stop.unlink(missing_ok=True)
        waiting = deque(shard for shard in self._shards.values() if shard.state == "waiting")
        stopping = False
        while waiting or self._count("running"):
            # Somebody else may have made the file: that stops a run whose command is out of reach.
            if not stopping and (self._stopped() or self._folder.stop.exists()):
                stopping = True
                self._folder.stop.touch()
            if stopping:
                waiting.clear()
            nodes = fleet.nodes()
            self._give_out(fleet, waiting, nodes)
            self._look()
            if not self._count("running") and not waiting:
                break
            for ended in fleet.wait(TICK):
                self._take(ended, waiting, nodes, stopping=stopping)
        self._look()
        with contextlib.suppress(OSError):
            self._folder.stop.unlink(missing_ok=True)
        if stopping and self.left:
            return Driven(status="interrupted")
        failed = tuple(shard.failure for shard in self._shards.values() if shard.failure)
        return Driven(status="finished", failed=failed)

    def _count(self, state: ShardState) -> int:
        return sum(shard.state == state for shard in self._shards.values())

    def _give_out(self, fleet: Fleet, waiting: deque[_Shard], nodes: Sequence[Machine]) -> None:
        """As many as there is room for: what waits here can still be stopped, and goes where room will be."""
        if not waiting:
            return
        fit = [node for node in nodes if node.id not in self._unfit]
        if nodes and not fit:
            if not self._count("running"):
                raise self._nobody()
            return
        if not fit and not self._no_room_told:
            self._no_room_told = True
            self._warn(f"no machine of the cluster has {self._needs} (--resource, --device): waiting for one")
        for _ in range(min(len(waiting), sum(node.places for node in fit) - self._count("running"))):
            shard = waiting.popleft()
            # A shard that failed everywhere else is tried anywhere: what was wrong there may be over.
            avoid = frozenset(self._unfit) | (shard.avoid if any(node.id not in shard.avoid for node in fit) else set())
            shard.state = "running"
            shard.attempts += 1
            fleet.start(
                ShardTask(
                    number=shard.number,
                    work=str(self._folder.path.absolute()),
                    mark=self._plan.mark,
                    settings=self._settings,
                    attempt=shard.attempts,
                ),
                avoid,
            )

    def _nobody(self) -> MidbError:
        reasons = list(dict.fromkeys(self._unfit.values()))
        more = f" (and {len(reasons) - 1} other reasons)" if len(reasons) > 1 else ""
        return MidbError(
            f"no machine of the cluster can run the shards: {reasons[0]}{more}",
            hint="Mend that, then run the same command again: what is finished is kept.",
        )

    def _take(self, ended: Ended, waiting: deque[_Shard], nodes: Sequence[Machine], *, stopping: bool) -> None:
        """Decide what becomes of a shard whose task has ended."""
        shard = self._shards[ended.number]
        shard.progress = ShardProgress.read(self._folder.progress(shard.number)) or shard.progress
        result = ended.result
        if (result and result.state == "done") or self._folder.done(shard.number).is_dir():
            shard.state = "done"
            return
        shard.state = "waiting"
        if result and result.state == "stopped":
            if not stopping:
                waiting.append(shard)
            return
        if result and result.state == "unfit" and ended.node:
            host = next((node.host for node in nodes if node.id == ended.node), result.host)
            if ended.node not in self._unfit:
                self._unfit[ended.node] = f"{result.message.rstrip('.')}. {result.hint}".strip()
                self._warn(f"{host} is left out: {self._unfit[ended.node]}")
            waiting.appendleft(shard)
            return
        self._count_try(shard, ended, waiting)

    def _count_try(self, shard: _Shard, ended: Ended, waiting: deque[_Shard]) -> None:
        """Try again, unless it has failed too often without getting any further."""
        position = max(shard.progress.position if shard.progress else 0, newest(self._folder.snapshots(shard.number)))
        shard.tries = 1 if position > shard.reached else shard.tries + 1
        shard.reached = max(shard.reached, position)
        result = ended.result or ShardResult(number=shard.number, state="failed", message=f"{ended.lost.rstrip('.')}.")
        if ended.result and ended.node:
            shard.avoid.add(ended.node)
        if shard.tries >= (FAILED_TRIES if ended.result else LOST_TRIES):
            shard.state, shard.failure = "failed", result
            self._warn(f"shard {shard.number} is given up: {result.message}")
        else:
            waiting.appendleft(shard)
            self._warn(f"shard {shard.number} is begun again where it was: {result.message.rstrip('.')}")

    def _warn(self, message: str) -> None:
        self._emit(Warned(message=message, logged=False))

    def _look(self) -> None:
        """Tell what has changed since the last look."""
        edits: list[EditMade] = []
        for shard in self._shards.values():
            if shard.state != "running":
                continue
            shard.progress = ShardProgress.read(self._folder.progress(shard.number)) or shard.progress
            if shard.progress:
                edits += shard.progress.edits[-1:]
                for message in shard.progress.warnings[shard.warned :]:
                    self._emit(Warned(message=f"shard {shard.number}: {message}"))  # its log has it
                shard.warned = len(shard.progress.warnings)
        now = self._sum()
        batch = difference(now, self._told, tuple(edits))
        if batch != BatchDone(records=0, rejected=0, pairs=0, outcomes={}, decisions={}, repaired={}, open={},
                              edits=batch.edits):  # fmt: skip
            self._emit(batch)
        self._told = now
        if (used := self._used()) and used != self._model_told:
            self._model_told = used
            self._emit(used)
        seen = ShardsSeen(shards=tuple(self._show(shard) for shard in self._shards.values()))
        if seen != self._seen:
            self._seen = seen
            self._emit(seen)

    def _show(self, shard: _Shard) -> ShardSeen:
        progress = shard.progress if shard.state in ("running", "done") else None
        return ShardSeen(
            number=shard.number,
            state=shard.state,
            host=progress.host if progress else "",
            attempts=shard.attempts,
            done=shard.files.records if shard.state == "done" else progress.position if progress else 0,
            total=shard.files.records,
        )

    def _sum(self) -> Tally:
        """Of all shards: the done ones, and what the others have reached."""
        return add_up([shard.progress.tally for shard in self._shards.values() if shard.progress])

    def _used(self) -> ModelUsed | None:
        """What the model did, in all shards that are running or have run under this driver."""
        used = [s.progress.used for s in self._shards.values() if s.attempts and s.progress and s.progress.used]
        if not used:
            return None
        running = [s.progress.used for s in self._shards.values()
                   if s.state == "running" and s.progress and s.progress.used]  # fmt: skip
        passes = {pass_ for one in used for pass_ in one.by_pass}
        return ModelUsed(
            usage=sum((one.usage for one in used), Usage()),
            by_pass={pass_: sum((one.by_pass.get(pass_, Usage()) for one in used), Usage()) for pass_ in passes},
            in_flight=sum(one.in_flight for one in running),
            calls_in_flight=sum(one.calls_in_flight for one in running),
            tokens_in_flight=sum(one.tokens_in_flight for one in running),
            seconds=max(one.seconds for one in used),
        )
