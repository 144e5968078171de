"""Opening a run: survey the corpus, start the model, begin or resume the run in the log, plan the first screen."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from midb.agent.engines.adapters import Adapter
from midb.agent.engines.protocol import TextEngine
from midb.agent.model.calls import Model
from midb.agent.model.pass_adapters import choose_prompts, describe_adapters, describe_run, name_prompts
from midb.agent.model.settings import Budget, ModelSettings, Route
from midb.agent.run.earlier import EarlierResults
from midb.agent.run.examine import ExaminerSettings
from midb.agent.run.misreading import refuse_misread
from midb.agent.run.places import find_places, refuse_foreign_output
from midb.agent.run.resuming import EMBEDDED, Attached, attach, is_finished
from midb.agent.run.reviewed import read_reviews, switch_off
from midb.audit.behind import count_behind
from midb.audit.file.connection import explain_write_errors
from midb.audit.file.key import read_key
from midb.audit.generation_rows import last_prompt
from midb.audit.log import AuditLog
from midb.audit.run_rows import REVIEW_LEVEL, Run, utc_now
from midb.corpus.formats.base import Container
from midb.corpus.formats.containers import corpus_sha256
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import OpenedCorpus, PinnedSurvey, open_corpus
from midb.corpus.output import DEFAULT_MODE, make_private
from midb.corpus.places import OutputPlaces, access_of, text_of
from midb.domain.decisions import Pass
from midb.domain.events import Behind, Event, RunPlanned, Waiting
from midb.domain.generations import Generation, GenerationKey
from midb.prompts import parse_prompts
from midb.runs.config import RunConfig, config_hash
from midb.runs.pinning import read_pinned
from midb.runs.versions import versions_of_run
from midb.runs.writer import LoggedEvent
from midb.text.terminal import quote_words

#: With fewer records than this, starting worker processes takes longer than the work.
INLINE_RECORDS = 400


@dataclass(frozen=True)
class RunEngine:
    """The engine of a run with a model, the loop it lives on, whom it tells what the user should know, and the adapters
    that answer some of the passes."""

    text: TextEngine
    loop: asyncio.Runner
    warn: Callable[[str], None] = lambda _: None
    adapters: Mapping[Pass, Adapter] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Session:
    """An opened run: everything the runner needs.

    ``workers`` is the number of processes or, with a model, of records under way at once. ``model`` and ``loop`` are
    None in the embedded default; ``earlier`` gives what another run has examined already.
    """

    config: RunConfig
    corpus: OpenedCorpus
    places: OutputPlaces
    log: AuditLog
    attached: Attached
    settings: ExaminerSettings
    workers: int
    resume_command: str
    plan: RunPlanned
    model: Model | None = None
    loop: asyncio.Runner | None = None
    earlier: EarlierResults | None = None

    @property
    def mode(self) -> int:
        """The access that others get to what is written: none that they do not have to the corpus."""
        return mode_of(self.config, self.corpus.container)

    @property
    def new_warnings(self) -> tuple[str, ...]:
        """What the survey warns of, where the log does not have it yet."""
        return () if self.attached.checkpoint.position else self.corpus.found.warnings

    @property
    def new_notes(self) -> list[LoggedEvent]:
        """What else the log is told at the beginning: what reviews switched off, and what was seen of the corpus."""
        if self.attached.checkpoint.position:
            return []
        said = [(REVIEW_LEVEL, note) for note in self.plan.switched_off]
        return said + [("info", note) for note in self.corpus.container.notes()]


def open_configured(config: RunConfig, container: Container) -> OpenedCorpus:
    """Open a corpus as the settings of a run or a check say."""
    pinned = PinnedSurvey.parse(read_pinned(config.survey)) if config.survey else None
    opened = open_corpus(
        container,
        language=config.language_code(),
        mapping=parse_mapping(config.map) if config.map else None,
        source=config.source,
        limit=config.limit,
        trusted=config.trust_language,
        pinned=pinned,
    )
    if not pinned:
        refuse_misread(opened, config.selection)
    return opened


def open_session(
    config: RunConfig,
    container: Container,
    arguments: Sequence[str],
    engine: RunEngine | None = None,
    *,
    emit: Callable[[Event], None] = lambda _: None,
) -> Session:
    """Survey the corpus and open or resume its run. The caller closes ``session.log``.

    ``engine`` is that of ``config.model``; it is started here once nothing else can be wrong: a server tells
    only then which model it serves. A dry run begins a run of its own kind. ``emit`` is told what takes time.
    """
    budget = Budget.parse(config.budget) if config.budget else Budget()
    key = read_key(config.seal_key)
    prompts = parse_prompts(str(config.prompts) if config.prompts else None)[1] if config.model else None
    adapters = choose_prompts(engine.adapters, prompts, engine.warn) if engine and prompts else {}
    places = find_places(config, container)
    emit(Waiting(what=f"reading {text_of(config.corpus)}"))
    corpus = open_configured(config, container)
    source_sha256 = corpus_sha256(config.source) if config.source else None
    review = read_reviews(config, places.db, emit)
    shaping = config.shaping(
        source_sha256,
        prompts.fingerprint() | name_prompts(adapters) if prompts else None,
        review.describe() if review else None,
    )
    if not places.db.exists():
        refuse_foreign_output(places, None)
        places.refuse_others(ours=False)
        make_private(places.db, mode_of(config, container))
    log = AuditLog(places.db, key=key)
    try:
        if engine and not is_finished(log, config, shaping):
            emit(Waiting(what=f"starting {engine.text.described}", slow=True))
            engine.loop.run(engine.text.start())
        rewrites = describe_run(engine.text, adapters) if engine else EMBEDDED
        wanted = new_run(config, places, corpus, shaping, rewrites)
        if config.dry_run:
            attached = Attached(*log.begin(dataclasses.replace(wanted, kind="dry-run")))
        else:
            attached = attach(log, places, wanted, shaping, fresh=config.fresh)
        model = None
        if engine and prompts and not attached.finished:
            settings = ModelSettings(
                prompts=prompts,
                adapters=adapters,
                route=Route(config.route),
                budget=budget,
                salt=salt_of(corpus),
                judge_orders=config.judge_orders,
            )
            store = LoggedGenerations(log, attached.run)
            model = Model(engine.text, store, settings, warn=engine.warn, find_answered=store.last_prompt)
    except BaseException:
        log.close()
        raise
    earlier = earlier_results(log, attached, corpus)
    done = max(attached.checkpoint.position, earlier.end if earlier else 0)
    resumed = attached.checkpoint.position and not attached.finished
    notes = review.explain(rewrites) if review else ()
    behind = count_behind(log, attached.run, attached.checkpoint) if resumed else None
    workers = worker_count(config, corpus.found.records - done, engine)
    return Session(
        config=config,
        corpus=corpus,
        places=places,
        log=log,
        attached=attached,
        settings=ExaminerSettings(
            rules=corpus.rules,
            selection=switch_off(config.selection, review, rewrites),
            passes=config.selected_passes,
            record_seconds=config.record_seconds,
        ),
        workers=workers,
        resume_command=resume_command(arguments),
        plan=dataclasses.replace(
            plan(config, places, corpus, attached, workers, engine.text if engine else None, behind, earlier),
            adapters=describe_adapters(adapters),
            switched_off=notes,
        ),
        model=model,
        loop=engine.loop if engine else None,
        earlier=earlier,
    )


def earlier_results(log: AuditLog, attached: Attached, corpus: OpenedCorpus) -> EarlierResults | None:
    """What an unfinished run takes over from others; ``None`` where there is nothing."""
    if attached.finished or not attached.earlier:
        return None
    end = min(log.positions(attached.earlier), corpus.records)
    return EarlierResults(log, attached.earlier, corpus.reader(), end) if end else None


def salt_of(corpus: OpenedCorpus) -> str:
    """What decides, with each pair, the order of the sides that a verdict sees: the same for the same corpus, and for
    all its shards."""
    return (corpus.whole_sha256 or corpus.found.sha256)[:12]


def mode_of(config: RunConfig, container: Container) -> int:
    """The access to new files; what comes through standard input has none of its own."""
    return DEFAULT_MODE if str(config.corpus) == "-" else access_of(container.path)


def worker_count(config: RunConfig, left: int, engine: RunEngine | None = None) -> int:
    """Worker processes for the records that are ``left``, 0 for none; with a model, records under way at once."""
    if engine:
        return min(config.concurrency or engine.text.concurrency, engine.text.concurrency)
    return 0 if left < INLINE_RECORDS else config.workers


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

    def last_prompt(self, engine: str) -> tuple[tuple[str, str], ...]:
        """The last prompt that an engine answered, in whatever run, as (role, content); empty without one."""
        with explain_write_errors(self.log.path):
            return last_prompt(self.log.db, engine)


def new_run(
    config: RunConfig, places: OutputPlaces, corpus: OpenedCorpus, shaping: dict[str, object], engine: str
) -> Run:
    """The row of a run that starts now; its id comes from the log. ``engine`` is the fingerprint of what rewrites."""
    return Run(
        id=0,
        kind="run",
        parent_run=None,
        started_at=utc_now(),
        finished_at=None,
        status="running",
        corpus=text_of(config.corpus),
        corpus_sha256=corpus.found.sha256,
        corpus_bytes=corpus.found.bytes,
        output=places.logged(places.output),
        output_sha256=None,
        rejected=places.logged(places.rejected),
        config=orjson.dumps(shaping).decode(),  # in this order, so that whoever reads it can hash it again
        config_hash=config_hash(shaping),
        engine=engine,
        versions=orjson.dumps(versions_of_run(config.model)).decode(),
    )


def resume_command(arguments: Sequence[str]) -> str:
    """What to type to go on: the same command without ``--fresh``."""
    return quote_words(["midb-agent", *(argument for argument in arguments if argument != "--fresh")])


def describe_layout(config: RunConfig, corpus: OpenedCorpus) -> str:
    """Where the texts of a corpus stand, and what they are held against, for people."""
    layout = " + ".join(corpus.found.layouts)
    if corpus.sources:
        return f"{layout}, source in {config.source} ({corpus.sources.described})"
    return f"{layout}, English source in `source`" if corpus.found.sources else layout


def plan(
    config: RunConfig,
    places: OutputPlaces,
    corpus: OpenedCorpus,
    attached: Attached,
    workers: int,
    engine: TextEngine | None = None,
    behind: Behind | None = None,
    earlier: EarlierResults | None = None,
) -> RunPlanned:
    """The first screen."""
    found = corpus.found
    return RunPlanned(
        corpus=text_of(config.corpus),
        total=corpus.records,
        format=corpus.container.name,
        layout=describe_layout(config, corpus),
        language=found.languages.described,
        passes=tuple(pass_.value for pass_ in Pass if pass_ in config.selected_passes),
        engine=engine.described if engine else "embedded default, no model",
        output=text_of(places.output),
        database=text_of(places.db),
        rejected=text_of(places.rejected),
        workers=workers,
        resumed_at=attached.checkpoint.position,
        examined_before=earlier.end if earlier else 0,
        model=engine is not None,
        budget=config.budget or "",
        behind=behind,
    )
