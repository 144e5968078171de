"""Opening a run: survey the corpus, start the model, begin or resume the run in the log, plan the first screen."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.metadata
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from midb import __version__
from midb.agent.engines.protocol import TextEngine
from midb.agent.model.calls import Budget, Model, ModelSettings, Route
from midb.agent.run.examine import ExaminerSettings
from midb.agent.run.places import Places, find_places, refuse_foreign_output
from midb.agent.run.resuming import EMBEDDED, attach, is_finished
from midb.audit.log import AuditLog, Checkpoint, Run, utc_now
from midb.corpus.formats.containers import Container
from midb.corpus.layouts import parse_mapping
from midb.corpus.sources import Sources, open_sources
from midb.corpus.survey import Survey, survey
from midb.domain.decisions import Pass
from midb.domain.events import RunPlanned
from midb.domain.generations import Generation, GenerationKey
from midb.domain.hashing import file_sha256
from midb.prompts import load_prompts
from midb.runs.config import RunConfig, config_hash
from midb.text.languages import LanguageIdentifier

#: With fewer records than this, starting worker processes takes longer than the work.
INLINE_RECORDS = 400


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


def open_session(
    config: RunConfig,
    container: Container,
    arguments: Sequence[str],
    engine: TextEngine | None = None,
    loop: asyncio.Runner | None = None,
    warn: Callable[[str], None] = lambda _: None,
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
            model = Model(engine, LoggedGenerations(log, run), settings, warn=warn)
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
            passes=config.selected_passes,
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
        passes=tuple(pass_.value for pass_ in Pass if pass_ in config.selected_passes),
        engine=engine.described if engine else "embedded default, no model",
        output=str(places.output),
        database=str(places.db),
        rejected=str(places.rejected),
        workers=workers,
        resumed_at=checkpoint.position,
        model=engine is not None,
        budget=config.budget or "",
    )
