"""Run one shard on this machine: an ordinary run on its own disk, from the last snapshot to the shared folder.

What calls it, be it a task of a cluster or a job of a batch system, need only call it again where it did not end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from midb import __version__
from midb.agent.engines.protocol import EngineDown
from midb.agent.run.runner import Runner
from midb.agent.run.session import open_session
from midb.cluster.progress import ShardProgress
from midb.cluster.publishing import publish_finished, publish_snapshot, restore
from midb.cluster.scratch import held, make_scratch, remove_scratch
from midb.cluster.work_folder import ShardFiles, WorkFolder, WorkPlan, reviews_of
from midb.composition import open_engine
from midb.corpus.formats.containers import open_container
from midb.corpus.output import make_private, remove
from midb.corpus.places import OutputPlaces, access_of, text_of
from midb.domain.errors import AuditError, MidbError
from midb.domain.events import BatchDone, Event, ModelUsed, RunEnded, Waiting, Warned
from midb.runs.config import RunConfig

#: Seconds between two writings of the progress, and between two looks at whether the run is to stop.
EVERY = 2.0

#: Seconds between two looks at whether another process of this machine has let go of the shard.
_LOOK = 1.0

#: done; stopped: asked to, goes on later; failed: this shard cannot be run; unfit: this machine cannot run any.
State = Literal["done", "stopped", "failed", "unfit"]


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """What a machine has to know to run a shard. All of it can be written as JSON.

    :param work: the shared folder; ``mark`` tells whether what a machine sees there is that.
    :param settings: of the run of the whole corpus, by the names of a file of settings.
    :param version: of the program that gives out the task.
    """

    number: int
    work: str
    mark: str
    settings: dict[str, Any]
    version: str = __version__
    attempt: int = 1

    def as_json(self) -> dict[str, Any]:
        """For another process."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ShardResult:
    """What became of a task. ``position`` counts the records that are done, wherever they are kept."""

    number: int
    state: State
    message: str = ""
    hint: str = ""
    host: str = ""
    position: int = 0

    @classmethod
    def parse(cls, told: dict[str, Any]) -> Self:
        """Read what ``dataclasses.asdict`` made."""
        return cls(**told)


class _UnfitError(MidbError):
    """This machine cannot run the shards of this folder."""


def settings_of(config: RunConfig) -> dict[str, Any]:
    """Settings for other machines: every path whole, for they run in folders of their own."""
    settings = config.model_dump(mode="json", by_alias=True)
    for name in ("work", "scratch", "seal-key", "corpus", "source"):
        if settings[name]:
            settings[name] = str(Path(settings[name]).absolute())
    settings["reviewed"] = [str(Path(log).absolute()) for log in settings["reviewed"]]
    settings["adapter"] = {name: _whole(given) for name, given in settings["adapter"].items()}
    for name in ("model", "prompts"):
        settings[name] = _whole(settings[name])
    return settings


def _whole(given: str | None) -> str | None:
    """A name that may be that of a file or folder here, or of something elsewhere."""
    return str(Path(given).absolute()) if given and Path(given).exists() else given


def run_shard(
    task: ShardTask,
    emit: Callable[[Event], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> ShardResult:
    """Run a shard to its end, or until it is ``stopped``, and bring what there is to the shared folder.

    Raises nothing but what ends a process: whatever goes wrong is in the result.
    """
    host = socket.gethostname()
    run = None
    try:
        run = _ShardRun(task, emit, stopped, clock)
        state: State = "done" if run.run() else "stopped"
        return ShardResult(number=task.number, state=state, host=host, position=run.progress.position)
    except (_UnfitError, EngineDown) as error:
        return ShardResult(number=task.number, state="unfit", message=error.message, hint=error.hint, host=host)
    except MidbError as error:
        position = run.progress.position if run else 0
        return ShardResult(
            number=task.number, state="failed", message=error.message, hint=error.hint, host=host, position=position
        )
    except Exception as error:
        path = WorkFolder(Path(task.work)).failure(task.number)
        said = traceback.format_exc()  # pieces of texts may be in it
        with contextlib.suppress(OSError, MidbError):
            path.parent.mkdir(exist_ok=True)
            path.unlink(missing_ok=True)
            make_private(path, run.access if run else 0o600)
            path.write_text(said, encoding="utf-8")
        hint = f"This is a fault of midb-agent; {path} says where."
        return ShardResult(number=task.number, state="failed", message=repr(error), hint=hint, host=host)


class _ShardRun:
    """One attempt at one shard."""

    def __init__(
        self, task: ShardTask, emit: Callable[[Event], None], stopped: Callable[[], bool], clock: Callable[[], float]
    ) -> None:
        self._task = task
        self._emit = emit
        self._stopped = stopped
        self._clock = clock
        self._folder = WorkFolder(Path(task.work))
        self.progress = ShardProgress(host=socket.gethostname(), attempt=task.attempt)
        self._plan = self._check()
        self._config = RunConfig.model_validate(task.settings)
        self._shard = next(shard for shard in self._plan.shards if shard.number == task.number)
        self._written = self._looked = clock()
        self._stop = False
        self._snapshot_at = clock() + self._config.snapshot_seconds
        self._places: OutputPlaces | None = None

    @property
    def access(self) -> int:
        """What others may do with what is made of the corpus."""
        return access_of(self._folder.shards / self._shard.corpus)

    def run(self) -> bool:
        """Run it; returns whether it is finished."""
        scratch = make_scratch(self._config.scratch, self._folder, self._plan.mark, self._shard.number)
        while not self._is_done():
            with held(scratch) as free:
                if free:
                    return self._run_in(scratch)
            if self._asked_to_stop():
                return False
            self._handle(Waiting(what="waiting for another process of this machine that runs the shard", slow=True))
            time.sleep(_LOOK)
        self.progress.tally.records = self._shard.records
        return True

    def _is_done(self) -> bool:
        return self._folder.done(self._shard.number).is_dir()

    def _run_in(self, scratch: Path) -> bool:
        """Run it in a folder that nobody else is using."""
        if self._is_done():  # while this one waited for the folder
            remove_scratch(scratch)
            self.progress.tally.records = self._shard.records
            return True
        snapshots = self._folder.snapshots(self._shard.number)
        self._places = places = self._folder.places(self._shard, scratch)
        restore(places, snapshots)
        ended = self._run(_config_of(self._config, self._folder, self._plan, self._shard, places))
        finished = ended is None or ended.status == "finished"
        if finished:
            publish_finished(places, self._folder.done(self._shard.number))
            remove(snapshots)
            remove_scratch(scratch)
        if ended:
            self._handle(self._as_published(ended) if finished else ended)
        if not finished and self.progress.position:
            publish_snapshot(places, snapshots)
        self._write_progress()
        return finished

    def _as_published(self, event: RunEnded) -> RunEnded:
        """The last event with the places where everything lies now."""
        places = self._folder.places(self._shard, self._folder.done(self._shard.number))
        rejected = text_of(places.rejected) if event.rejected_path else ""
        return dataclasses.replace(
            event, output=text_of(places.output), database=text_of(places.db), rejected_path=rejected
        )

    def _run(self, config: RunConfig) -> RunEnded | None:
        """Run it on this machine's disk; returns how it ended, None where it was at its end already."""
        relay: list[Callable[[str], None]] = []

        def warn(message: str) -> None:
            if relay:
                relay[0](message)
            else:
                self._handle(Warned(message=message))

        with open_engine(config, warn) as engine:
            container = open_container(config.corpus)
            session = open_session(config, container, sys.argv[1:], engine, emit=self._handle)
            try:
                self._handle(session.plan)
                if session.attached.finished:
                    return None
                runner = Runner(session, self._handle, self._asked_to_stop)
                relay.append(runner.warn)
                with self._leaving_snapshot():
                    ended = runner.run()
                if ended.status == "finished" and not ended.balanced:
                    self._handle(ended)
                    raise MidbError(
                        f"the ledger of shard {self._shard.number} does not balance: {ended.read:,} read.",
                        hint=f"See: midb-agent audit summary --db {ended.database}",
                    )
                return ended
            finally:
                session.log.close()

    @contextlib.contextmanager
    def _leaving_snapshot(self) -> Iterator[None]:
        """What was done before an error is not lost: the next attempt may be made on another machine.

        Not where the log itself is in question: an older snapshot is better than a wrong one.
        """
        try:
            yield
        except AuditError:
            raise
        except MidbError:
            if self._places and self.progress.position:
                self._take_snapshot(self._places)
            raise

    def _handle(self, event: Event) -> None:
        self.progress.take(event)
        self._emit(event)
        now = self._clock()
        if isinstance(event, BatchDone | ModelUsed | RunEnded) and now - self._written >= EVERY:
            self._write_progress()
            self._written = now
        if isinstance(event, BatchDone) and now >= self._snapshot_at and self._places:
            self._take_snapshot(self._places)
            self._snapshot_at = self._clock() + self._config.snapshot_seconds

    def _take_snapshot(self, places: OutputPlaces) -> None:
        """A snapshot that cannot be written costs nothing that is done: the run goes on, and says so."""
        try:
            publish_snapshot(places, self._folder.snapshots(self._shard.number))
        except MidbError as error:
            said = Warned(message=f"no snapshot of shard {self._shard.number}: {error.message}", logged=False)
            self.progress.take(said)
            self._emit(said)

    def _write_progress(self) -> None:
        with contextlib.suppress(OSError, MidbError):
            self.progress.write(self._folder.progress(self._task.number), self.access)

    def _asked_to_stop(self) -> bool:
        now = self._clock()
        if now - self._looked >= EVERY:
            self._looked = now
            self._stop = self._stop or self._folder.stop.exists()
        return self._stop or self._stopped()

    def _check(self) -> WorkPlan:
        """That this machine has the program and the folder of whoever gave out the task."""
        task, host = self._task, self.progress.host
        if task.version != __version__:
            raise _UnfitError(
                f"{host} has midb-agent {__version__}, and this run is one of {task.version}.",
                hint="Install the same version on all machines.",
            )
        plan = self._folder.read_plan() if self._folder.path.is_dir() else None
        if plan is None or plan.mark != task.mark:
            raise _UnfitError(
                f"{self._folder.path} on {host} is not the folder of this run.",
                hint="--work is a folder that all machines see at the same path.",
            )
        try:
            probe = self._folder.path / f"{host}.{os.getpid()}.probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            said = str(error.strerror or error).lower()
            raise _UnfitError(
                f"{self._folder.path} cannot be written on {host}: {said}.",
                hint="All machines write into the folder of --work.",
            ) from error
        return plan


def _config_of(
    config: RunConfig, folder: WorkFolder, plan: WorkPlan, shard: ShardFiles, places: OutputPlaces
) -> RunConfig:
    """The settings of a shard's run."""
    changed: dict[str, Any] = {
        "corpus": folder.shards / shard.corpus,
        "output": places.output,
        "db": places.db,
        "source": folder.shards / shard.source if shard.source else None,
        "survey": folder.shards / plan.survey if plan.survey else None,
        "reviewed": reviews_of(config, folder, plan),
        **{"on": None, "shard": None, "shards": None, "work": None, "scratch": None, "resource": {}},
    }
    return config.model_copy(update=changed)


def run_shard_quietly(told: dict[str, Any]) -> dict[str, Any]:
    """Run a shard for a cluster, which knows nothing of our classes: a task as JSON in, a result as JSON out."""
    try:
        task = ShardTask(**told)
    except TypeError:  # of a version that has other fields
        said = f"{socket.gethostname()} has midb-agent {__version__}, and this run is one of {told.get('version')}."
        result = ShardResult(number=int(told["number"]), state="unfit", message=said, hint="Install the same version.")
        return asdict(result)
    return asdict(run_shard(task))
