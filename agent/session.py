"""Opening a run: what is in the corpus, where everything goes, and whether there is something to resume.

Every way in which a run could harm finished work is refused here, before a byte is written.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.metadata
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson

from midb import __version__
from midb.agent.engines.protocol import TextEngine
from midb.agent.examine import ExaminerSettings
from midb.agent.model import Budget, Model, ModelSettings, Route
from midb.audit.log import AuditLog, Checkpoint, Run, utc_now
from midb.config import RunConfig, config_hash, differences
from midb.corpus.containers import Container
from midb.corpus.layouts import parse_mapping
from midb.corpus.output import writing
from midb.corpus.sources import Sources, open_sources
from midb.corpus.survey import Survey, file_sha256, survey
from midb.decisions import Pass
from midb.errors import AuditError, UsageError
from midb.events import RunPlanned
from midb.generations import Generation, GenerationKey
from midb.languages import LanguageIdentifier
from midb.prompts import load_prompts

#: Fingerprint of the embedded default: rules of this version rewrite, nothing else does.
EMBEDDED = f"embedded {__version__}"

#: With fewer records than this, starting worker processes takes longer than the work.
INLINE_RECORDS = 400


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a run reads and writes. ``name`` is the corpus as the user called it."""

    name: str
    corpus: Path
    output: Path
    db: Path

    @property
    def partial(self) -> Path:
        """The output while it grows."""
        return self.output.with_name(self.output.name + ".partial")

    @property
    def temporary(self) -> Path:
        """Where a compressed output is made."""
        return self.output.with_name(self.output.name + ".temporary")

    @property
    def rejected(self) -> Path:
        """Where lines go that cannot be read."""
        return self.output.with_name(self.output.name + ".rejected.jsonl")

    def logged(self, path: Path) -> str:
        """A path as the log names it: relative to the log, so that the folder can be moved as a whole."""
        return os.path.relpath(path.absolute(), self.db.absolute().parent)


@dataclass(frozen=True, kw_only=True)
class Session:
    """An opened run: everything the runner needs."""

    places: Places
    container: Container
    sources: Sources | None
    log: AuditLog
    run: Run
    checkpoint: Checkpoint
    settings: ExaminerSettings
    workers: int
    limit: int | None
    strict: bool
    resume_command: str
    plan: RunPlanned
    new_warnings: tuple[str, ...]
    finished: bool = False
    model: Model | None = None
    loop: asyncio.Runner | None = None


def stdin_spool(stream: IO[bytes], folder: Path) -> Path:
    """Standard input as a file: it has to be looked through before it is read. Deleted by the caller."""
    with writing(folder / "standard input"):
        descriptor, name = tempfile.mkstemp(prefix=".midb-stdin-", dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
    return Path(name)


def default_output(name: Path, container: Container) -> Path:
    """``<corpus>.boosted.<ext>`` beside the corpus."""
    stem = name.name.removesuffix(container.suffix) if container.suffix else name.name
    return name.with_name(f"{stem}.boosted{container.suffix}")


def find_places(config: RunConfig, container: Container) -> Places:
    """Where everything goes; raises UsageError where that would hurt the corpus or cannot be written."""
    from_stdin = str(config.corpus) == "-"
    name = Path("stdin") if from_stdin else config.corpus
    output = config.output or default_output(name, container)
    if str(output) == "-":
        raise UsageError("the output cannot be standard output: it appears only when it is complete.", hint="-o FILE")
    db = config.db or output.with_name(output.name + ".audit.db")
    places = Places(name=str(config.corpus), corpus=container.path, output=output, db=db)
    if output.is_dir():
        raise UsageError(f"the output {output} is a folder.", hint="Name a file with -o.")
    for path in (output, db):
        if not path.absolute().parent.is_dir():
            raise UsageError(f"there is no folder {path.absolute().parent}.", hint="Make it first, or name another -o.")
    taken = {path.resolve() for path in (container.path, *([config.source] if config.source else []))}
    for path in (output, db, places.partial, places.rejected, places.temporary):
        if path.resolve() in taken:
            raise UsageError(f"{path} would overwrite the corpus or its source.", hint="Choose another -o or --db.")
    if output.resolve() == db.resolve():
        raise UsageError("output and audit log are the same file.", hint="Choose another --db.")
    return places


def open_session(
    config: RunConfig,
    container: Container,
    arguments: Sequence[str],
    engine: TextEngine | None = None,
    loop: asyncio.Runner | None = None,
) -> Session:
    """Survey the corpus and open or resume its run. The caller closes ``session.log``.

    ``engine`` is that of ``config.model``; it is started here, on ``loop``, once nothing else can be wrong: a server
    tells only then which model it serves. A dry run begins a run of its own kind.
    """
    budget = Budget.parse(config.budget) if config.budget else Budget()
    prompts = load_prompts(config.prompts) if config.model else None
    places = find_places(config, container)
    identifier = LanguageIdentifier()
    mapping = parse_mapping(config.map) if config.map else None
    found = survey(
        container, language=config.language_code(), mapping=mapping, identifier=identifier, limit=config.limit
    )
    sources = open_sources(config.source, container, found.records) if config.source else None
    shaping = config.shaping(
        file_sha256(config.source) if config.source else None, prompts.fingerprint() if prompts else None
    )
    if not places.db.exists():
        refuse_foreign_output(places, None)
    log = AuditLog(places.db)
    try:
        if engine and loop and not is_finished(log, config, shaping):
            loop.run(engine.start())
        wanted = new_run(places, found, shaping, engine.fingerprint() if engine else EMBEDDED)
        if config.dry_run:
            run, checkpoint = log.begin(dataclasses.replace(wanted, kind="dry-run"))
            finished = False
        else:
            run, checkpoint, finished = attach(log, places, wanted, shaping, fresh=config.fresh)
        model = None
        if engine and prompts and not finished:
            settings = ModelSettings(prompts=prompts, route=Route(config.route), budget=budget, salt=found.sha256[:12])
            model = Model(engine, LoggedGenerations(log, run), settings)
    except BaseException:
        log.close()
        raise
    inline = found.records - checkpoint.position < INLINE_RECORDS
    workers = 0 if inline else config.workers
    if engine:
        workers = config.concurrency or engine.concurrency
    session = Session(
        places=places,
        container=container,
        sources=sources,
        log=log,
        run=run,
        checkpoint=checkpoint,
        settings=ExaminerSettings(
            languages=found.languages,
            usual=found.usual,
            selection=config.selection,
            mapping=mapping,
            passes=config.stations,
            ascii_only=found.ascii_only,
        ),
        workers=workers,
        limit=config.limit,
        strict=config.strict,
        resume_command=resume_command(arguments),
        plan=plan(config, places, container, found, sources, checkpoint, workers, engine),
        new_warnings=found.warnings if checkpoint.position == 0 else (),
        finished=finished,
        model=model,
        loop=loop,
    )
    return session


@dataclass(frozen=True)
class LoggedGenerations:
    """The audit log as the store of one run's generations."""

    log: AuditLog
    run: Run

    def find(self, key: GenerationKey) -> Generation | None:
        """A reply the log has, of whatever run."""
        return self.log.find_generation(key)

    def add(self, generations: Sequence[Generation]) -> list[Generation]:
        """Log replies of this run."""
        return self.log.add_generations(self.run, generations)


def refuse_foreign_output(places: Places, log: AuditLog | None) -> None:
    """Raise UsageError for an output that exists and is not what a run of this log wrote."""
    if places.output.exists() and not (log and log.wrote(places.logged(places.output), file_sha256(places.output))):
        raise UsageError(
            f"{places.output} exists and is not what midb-agent wrote there.",
            hint="Choose another -o, or move the file away.",
        )


def new_run(places: Places, found: Survey, shaping: dict[str, object], engine: str) -> Run:
    """The row of a run that starts now; its id comes from the log. ``engine`` is the fingerprint of what rewrites."""
    libraries = ("langgraph", "pydantic", "ftfy", "lingua-language-detector", "regex", "babel", "pint", "rapidfuzz")
    versions = {"midb-agent": __version__, "python": sys.version.split()[0]} | {
        name: importlib.metadata.version(name) for name in libraries
    }
    return Run(
        id=0,
        kind="run",
        parent_run=None,
        started_at=utc_now(),
        finished_at=None,
        status="running",
        corpus=places.name,
        corpus_sha256=found.sha256,
        corpus_bytes=found.bytes,
        output=places.logged(places.output),
        output_sha256=None,
        rejected=places.logged(places.rejected),
        config=orjson.dumps(shaping, option=orjson.OPT_SORT_KEYS).decode(),
        config_hash=config_hash(shaping),
        engine=engine,
        versions=orjson.dumps(versions).decode(),
    )


def attach(
    log: AuditLog, places: Places, wanted: Run, shaping: dict[str, object], *, fresh: bool
) -> tuple[Run, Checkpoint, bool]:
    """Resume the log's last run, or begin a new one: (run, checkpoint, whether it is finished already).

    Raises where the log belongs to another corpus, or the corpus or the settings have changed since.
    """
    last = log.latest_run()
    if last and not fresh and not never_got_going(log, last, wanted):
        refuse_other(log.path, last, wanted, shaping)
        in_place = places.output.exists() and file_sha256(places.output) == last.output_sha256
        if last.status == "finished":
            if not in_place:
                state = "was changed since" if places.output.exists() else "is gone"
                raise AuditError(
                    f"this run is finished, but its output {places.output} {state}.",
                    hint="--fresh makes it anew" + (" (move the changed file away first)." if state[0] == "w" else "."),
                )
            return last, log.checkpoint(last), True
        if last.status == "finishing" and in_place:
            clean_up(places)
            return log.set_status(last, "finished", finished=True), log.checkpoint(last), True
        if last.status in ("running", "interrupted", "finishing"):
            refuse_foreign_output(places, log)
            return last, log.resume(last), False
    refuse_foreign_output(places, log)
    run, checkpoint = log.begin(wanted)
    return run, checkpoint, False


def is_finished(log: AuditLog, config: RunConfig, shaping: dict[str, object]) -> bool:
    """Whether the run that is asked for is finished already: a model need not be loaded to say so."""
    last = None if config.fresh or config.dry_run else log.latest_run()
    return last is not None and last.status == "finished" and last.config_hash == config_hash(shaping)


def never_got_going(log: AuditLog, last: Run, wanted: Run) -> bool:
    """Whether the last run ended before its first record, with other settings: a mistyped model, say. Nothing is lost
    when it is superseded."""
    same = (last.config_hash, last.engine) == (wanted.config_hash, wanted.engine)
    return not same and last.status in ("running", "interrupted") and log.checkpoint(last).position == 0


def refuse_other(db: Path, last: Run, wanted: Run, shaping: dict[str, object]) -> None:
    """Raise where the last run is not the one that is asked for, and say what differs."""
    if last.corpus_sha256 != wanted.corpus_sha256:
        if last.corpus != wanted.corpus:
            raise UsageError(
                f"{db} belongs to another corpus ({last.corpus}).",
                hint="Choose another --db, or --fresh to start over.",
            )
        raise UsageError(
            f"{last.corpus} has changed since this run began ({last.corpus_bytes:,} bytes then, "
            f"{wanted.corpus_bytes:,} now).",
            hint="--fresh starts over with the corpus as it is now; or choose another -o to keep both.",
        )
    if last.config_hash != wanted.config_hash:
        paid = " (replies in the log are not paid for again)" if wanted.engine != EMBEDDED else ""
        raise UsageError(
            f"the settings differ from those this run began with: {differences(last.config, shaping)}.",
            hint=f"Use the same settings to resume, --fresh to start over{paid}, or another -o to keep both.",
        )
    if last.engine != wanted.engine and last.status != "finished":
        raise UsageError(
            f"this run began with another model: {last.engine}; now it is {wanted.engine}.",
            hint="Use the same model to resume, --fresh to start over (replies of this model in the log are used).",
        )
    if last.output != wanted.output:
        raise UsageError(
            f"{db} belongs to a run that writes {last.output}.",
            hint="Name that output with -o, or choose another --db.",
        )


def clean_up(places: Places) -> None:
    """Remove what a kill during the very last step may have left."""
    for path in (places.partial, places.temporary):
        with suppress(FileNotFoundError):
            path.unlink()
    if places.rejected.exists() and not places.rejected.stat().st_size:
        places.rejected.unlink()


def resume_command(arguments: Sequence[str]) -> str:
    """What to type to go on: the same command without ``--fresh``."""
    import shlex

    return shlex.join(["midb-agent", *(argument for argument in arguments if argument != "--fresh")])


def plan(
    config: RunConfig,
    places: Places,
    container: Container,
    found: Survey,
    sources: Sources | None,
    checkpoint: Checkpoint,
    workers: int,
    engine: TextEngine | None = None,
) -> RunPlanned:
    """The first screen."""
    layout = " + ".join(found.layouts)
    if sources:
        layout += f", source in {config.source} ({sources.described})"
    elif found.sources:
        layout += ", English source in `source`"
    return RunPlanned(
        corpus=places.name,
        total=min(found.records, config.limit or found.records),
        format=container.name,
        layout=layout,
        language=found.languages.described,
        passes=tuple(station.value for station in Pass if station in config.stations),
        engine=engine.described if engine else "embedded default, no model",
        output=str(places.output),
        database=str(places.db),
        rejected=str(places.rejected),
        workers=workers,
        resumed_at=checkpoint.position,
        model=engine is not None,
        budget=config.budget or "",
    )
