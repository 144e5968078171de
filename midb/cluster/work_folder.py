"""The folder that all machines of a run share: what lies where in it, and what the shards were cut from.

::

    shards/      the corpus, cut; its survey; work.json, which says all this     made whole, by one rename
    snapshots/   by shard: log and partial output of an unfinished run            each made whole, by one rename
    done/        by shard: log, output and rejected lines of a finished run       each made whole, by one rename
    progress/    by shard: how far its run is, for the screen
    failures/    by shard: the traceback of an error that nobody foresaw
    stop         is there while the runs are asked to stop

Nothing relies on locks of a network file system, which may have none: who comes second finds the work done.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import orjson

from midb.agent.run.places import default_output
from midb.agent.run.reviewed import read_reviews
from midb.corpus.formats.base import Container
from midb.corpus.formats.containers import corpus_sha256, open_container
from midb.corpus.output import make_private, remove, writing
from midb.corpus.places import OutputPlaces, access_of, default_database
from midb.domain.errors import MidbError, UsageError
from midb.domain.hashing import file_sha256
from midb.domain.portability import lock_file, sync_folder
from midb.runs.config import RunConfig, differences
from midb.shards.split import split
from midb.text.terminal import quote_word

#: What the file says it is, and in which form.
_FORM = "midb-agent work 1"

#: The file with what reviews switched off.
_REVIEWS = "reviews.json"

#: Seconds between two looks at whether another machine has cut the corpus.
_LOOK = 1.0


@dataclass(frozen=True)
class ShardFiles:
    """One shard of the corpus. Names are those of files in ``shards/``; ``source`` is empty where there is none."""

    number: int
    records: int
    corpus: str
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkPlan:
    """What the shards were cut from and how they are to be run; shards without a record are left out.

    :param mark: drawn at random: tells this folder from every other one, also where they lie at the same path.
    :param corpus: its name; ``sha256``, ``size`` (bytes) and ``modified`` (ns) tell whether it is the same.
    :param settings: those that shape the output, without the source's content.
    :param count: of shards, the empty ones among them.
    :param survey: name of the file with what was found out about the corpus; else ``unpinned`` says why there is none.
    :param source_sha256: of the source of the whole corpus; empty without one.
    :param reviews: name of the file with what reviews switched off when the corpus was cut; empty without any.
    """

    mark: str
    corpus: str
    sha256: str
    size: int
    modified: int
    settings: dict[str, Any]
    count: int
    shards: tuple[ShardFiles, ...]
    survey: str = ""
    unpinned: str = ""
    source_sha256: str = ""
    reviews: str = ""

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read what ``as_json`` writes; raises KeyError, TypeError or ValueError for anything else."""
        told = json.loads(content)
        if told.pop("form") != _FORM:
            raise ValueError("another form")
        return cls(**told | {"shards": tuple(ShardFiles(**shard) for shard in told["shards"])})

    def as_json(self) -> bytes:
        """The file's content."""
        return orjson.dumps({"form": _FORM} | dataclasses.asdict(self), option=orjson.OPT_INDENT_2) + b"\n"

    @property
    def records(self) -> int:
        """Of all shards."""
        return sum(shard.records for shard in self.shards)


@dataclass(frozen=True)
class WorkFolder:
    """The folder at ``path``; it need not be there yet."""

    path: Path

    @property
    def shards(self) -> Path:
        """Where the shards are."""
        return self.path / "shards"

    @property
    def stop(self) -> Path:
        """The file that is there while the runs are asked to stop."""
        return self.path / "stop"

    def done(self, number: int) -> Path:
        """The folder of a shard whose run is finished; it is there only then."""
        return self.path / "done" / str(number)

    def snapshots(self, number: int) -> Path:
        """The folder of a shard's snapshots."""
        return self.path / "snapshots" / str(number)

    def progress(self, number: int) -> Path:
        """The file that says how far a shard's run is."""
        return self.path / "progress" / f"{number}.json"

    def failure(self, number: int) -> Path:
        """The file that holds the traceback of an error that nobody foresaw."""
        return self.path / "failures" / f"{number}.txt"

    def places(self, shard: ShardFiles, folder: Path) -> OutputPlaces:
        """Where a shard's run writes in ``folder``, or wrote what was moved there."""
        container = open_container(self.shards / shard.corpus)
        output = folder / default_output(Path(shard.corpus), container).name
        return OutputPlaces(output, default_database(output))

    def log(self, shard: ShardFiles) -> Path:
        """The log of a shard's finished run."""
        return self.places(shard, self.done(shard.number)).db

    def read_plan(self) -> WorkPlan | None:
        """What the shards were cut from; ``None`` where nothing was cut. MidbError where the file says nothing."""
        path = self.shards / "work.json"
        try:
            return WorkPlan.parse(path.read_bytes())
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, ValueError) as error:
            raise MidbError(f"{path} is not whole.", hint="Remove the work folder, or name another one.") from error
        except OSError as error:
            raise MidbError(f"{path} cannot be read: {error.strerror}.") from error

    def make(self) -> None:
        """Make the folder and what is always in it; UsageError where there cannot be a folder."""
        above = self.path.absolute().parent
        if not above.is_dir() or (self.path.exists() and not self.path.is_dir()):
            what = f"{self.path} is no folder" if above.is_dir() else f"there is no folder {above}"
            raise UsageError(
                f"{what}.", hint="--work is a folder that all machines share; the last part of it is made."
            )
        for path in (self.path, self.path / "progress"):
            with writing(path):
                path.mkdir(exist_ok=True)

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[bool]:
        """Hold a lock of the folder in the block; False where its file system has none.

        Raises BlockingIOError where another process holds it, with a note of which one.
        """
        path = self.path / f"{name}.lock"
        with writing(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        with os.fdopen(descriptor, "r+") as file:
            try:
                lock_file(file.fileno())
            except BlockingIOError as error:
                raise BlockingIOError(file.read().strip()) from error
            except OSError:
                yield False
                return
            _sign(file)
            yield True


def _sign(file: IO[str]) -> None:
    """Write down who holds a lock."""
    file.truncate()
    file.write(f"{socket.gethostname()}, process {os.getpid()}")
    file.flush()


def plan_work(
    folder: WorkFolder,
    config: RunConfig,
    container: Container,
    shards: Callable[[], int],
    *,
    sha256: str = "",
    wait: Callable[[], None] | None = None,
) -> WorkPlan:
    """Read how the corpus was cut; where it was not, cut it into so many ``shards``.

    :param sha256: of the corpus, where it is known; else it is read only if its size or time has changed.
    :param wait: called once a second while another machine cuts it; without it UsageError is raised instead.
    :raises UsageError: where the folder belongs to another corpus or to other settings.
    """
    folder.make()
    while (plan := folder.read_plan()) is None:
        try:
            with folder.locked("cutting"):
                plan = folder.read_plan() or _cut(folder, config, container, shards(), sha256)
                break
        except BlockingIOError as error:
            if wait is None:
                raise UsageError(
                    f"{folder.path} is being filled by another run ({error}).", hint="Wait for it, or name another one."
                ) from error
        wait()
        time.sleep(_LOOK)
    _check(folder, plan, config, container, sha256)
    return plan


def _settings(config: RunConfig) -> dict[str, Any]:
    """The settings that shape the output; of the source, and of logs with reviews, their names."""
    shaping = config.shaping(None) | {"source": config.source.name if config.source else None}
    if config.reviewed:
        names = sorted(log.name for log in config.reviewed)
        shaping["reviewed"] = [*names, config.precision_bound, config.verdicts_bound]
    settings: dict[str, Any] = orjson.loads(orjson.dumps(shaping))
    return settings


def reviews_of(config: RunConfig, folder: WorkFolder, plan: WorkPlan) -> tuple[Path, ...]:
    """What stands for ``--reviewed`` in every shard: what it was decided by may say more meanwhile."""
    return (folder.shards / plan.reviews,) if plan.reviews else config.reviewed


def _hash_source(config: RunConfig) -> str:
    """The source's content. All shards read that of one moment, and a merge holds the source against it."""
    return corpus_sha256(config.source) if config.source else ""


def _check(folder: WorkFolder, plan: WorkPlan, config: RunConfig, container: Container, sha256: str) -> None:
    state = container.path.stat()
    same = (plan.size, plan.modified) == (state.st_size, state.st_mtime_ns) and not sha256
    if not same and (sha256 or file_sha256(container.path)) != plan.sha256:
        what = "has changed since it was cut" if plan.corpus == container.path.name else f"is not {plan.corpus}"
        raise UsageError(
            f"{container.path} {what}, whose shards are in {folder.path}.",
            hint="Name another work folder; what is finished in this one stays.",
        )
    settings = _settings(config)
    if settings != plan.settings:
        raise UsageError(
            f"the settings differ from those that {folder.path} began with: "
            f"{differences(orjson.dumps(plan.settings).decode(), settings)}.",
            hint="Use the same settings, or name another work folder.",
        )
    if plan.source_sha256 and _hash_source(config) != plan.source_sha256:
        raise UsageError(
            f"{config.source} has changed since the corpus was cut along with it in {folder.path}.",
            hint="Put back what it was, or name another work folder; what is finished in this one stays.",
        )
    count = parse_count(config)
    if count and count != plan.count:
        raise UsageError(
            f"the corpus is cut into {plan.count} shards in {folder.path}, not into {count}.",
            hint=f"Say so many, or name another work folder: --work {quote_word(str(folder.path))}-{count}",
        )


def parse_count(config: RunConfig) -> int | None:
    """How many shards the user wants; ``None`` where nothing is said of it."""
    return int(config.shard.partition("/")[2]) if config.shard else config.shards


def _cut(folder: WorkFolder, config: RunConfig, container: Container, shards: int, sha256: str) -> WorkPlan:
    """Cut the corpus beside its place, then move everything there at once."""
    state = container.path.stat()
    mark = secrets.token_hex(8)
    beside = folder.path / f"shards.{mark}.partial"
    for stale in folder.path.glob("shards.*.partial"):  # of a run that was killed: the lock says that none is at it
        remove(stale)
    source_sha256 = _hash_source(config)
    try:
        done = split(container.path, shards, folder=beside, source=config.source)
        whole = ""
        if done.source_whole and config.source:
            whole = config.source.name
            with writing(beside / whole):
                if config.source.is_dir():
                    shutil.copytree(config.source, beside / whole)
                else:
                    make_private(beside / whole, access_of(config.source))
                    shutil.copyfile(config.source, beside / whole)
        review = read_reviews(config)
        if review:
            with writing(beside / _REVIEWS):
                (beside / _REVIEWS).write_bytes(review.as_json())
        plan = WorkPlan(
            mark=mark,
            corpus=container.path.name,
            sha256=sha256 or file_sha256(container.path),
            size=state.st_size,
            modified=state.st_mtime_ns,
            settings=_settings(config),
            count=shards,
            shards=tuple(
                ShardFiles(cut.number, cut.records, cut.path.name, cut.source.name if cut.source else whole)
                for cut in done.cuts
                if cut.path
            ),
            survey=done.survey.name if done.survey else "",
            unpinned=done.unpinned,
            source_sha256=source_sha256,
            reviews=_REVIEWS if review else "",
        )
        with writing(beside / "work.json"):
            (beside / "work.json").write_bytes(plan.as_json())
            sync_folder(beside)
            try:
                beside.rename(folder.shards)
            except OSError:
                if other := folder.read_plan():  # where there are no locks, another machine was faster
                    return other
                raise
            sync_folder(folder.path)
    finally:
        remove(beside)
    return plan
