"""`midb-agent run`. This module joins agent, dashboard and the terminal.

The first frame stands before the rest of the program is loaded: what a run is made of is imported behind it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from midb.cli import options
from midb.cli.clustering import options as clustering
from midb.corpus.layouts.described import DESCRIPTION, describe_columns, described_files
from midb.dashboard import Listener, choose_listener
from midb.dashboard.text import pluralize
from midb.domain.errors import MidbError
from midb.domain.events import Event, Waiting, Warned
from midb.hub.corpora import HubAddress, fetch
from midb.runs.config import RunConfig, load_config
from midb.text.terminal import quote_word, visible

if TYPE_CHECKING:
    from midb.agent.forking import Nursery
    from midb.agent.run.session import Session
    from midb.corpus.formats.base import Container

#: Exit code of a run whose ledger does not balance.
FAILED = 1


class EndedAtOnce(MidbError):
    """A second signal ended a run in the middle of something; ``exit_code`` is what a shell calls that signal's end."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("interrupted.", hint="The same command goes on where the run was.")
        self.exit_code = exit_code


class Interruption:
    """Ctrl-C, or SIGTERM: the first asks the run to drain, a second ends the process at once (nothing is lost)."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self.asked = 0
        self._announced = False
        self._emit = emit

    def __call__(self) -> bool:
        if self.asked and not self._announced:  # said here, and not within the signal handler
            self._announced = True
            said = "stopping: what is in flight is finished first; Ctrl-C again ends at once"
            self._emit(Warned(message=said, logged=False))
        return bool(self.asked)

    @property
    def exit_code(self) -> int:
        """What a shell calls the end by the signal: 130, or 143 for SIGTERM."""
        return 128 + (self.asked or signal.SIGINT)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = number

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals within the block, which raises EndedAtOnce where a second one comes."""
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        except KeyboardInterrupt:
            raise EndedAtOnce(self.exit_code) from None
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run(
    corpus: Annotated[Path | None, typer.Argument(metavar="CORPUS", help=options.help_of("corpus"))] = None,
    output: options.Output = None,
    db: options.Db = None,
    language: options.Language = None,
    trust_language: options.TrustLanguage = None,
    source: options.Source = None,
    survey: Annotated[Path | None, typer.Option("--survey", metavar="FILE", help=options.help_of("survey"))] = None,
    map: options.Map = None,
    passes: options.Passes = None,
    kinds: options.Kinds = None,
    only: options.Only = None,
    typography: options.Typography = None,
    reviewed: options.Reviewed = None,
    min_precision: options.MinPrecision = None,
    min_verdicts: options.MinVerdicts = None,
    model: options.Model = None,
    route: Annotated[str | None, typer.Option("--route", metavar="ROUTE", help=options.help_of("route"))] = None,
    judge_orders: Annotated[
        int | None, typer.Option("--judge-orders", metavar="1|2", help=options.help_of("judge_orders"))
    ] = None,
    prompts: options.Prompts = None,
    budget: Annotated[str | None, typer.Option("--budget", metavar="2h|1e6tok", help=options.help_of("budget"))] = None,
    dry_run: Annotated[int | None, typer.Option("--dry-run", metavar="N", help=options.help_of("dry_run"))] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", metavar="N", help=options.help_of("concurrency"))
    ] = None,
    device: Annotated[str | None, typer.Option("--device", metavar="DEVICE", help=options.help_of("device"))] = None,
    devices: Annotated[
        str | None, typer.Option("--devices", metavar="all|0,1", help=options.help_of("devices"))
    ] = None,
    dtype: Annotated[str | None, typer.Option("--dtype", metavar="DTYPE", help=options.help_of("dtype"))] = None,
    adapter: options.Adapter = None,
    timeout: Annotated[float | None, typer.Option("--timeout", metavar="S", help=options.help_of("timeout"))] = None,
    key_variable: Annotated[
        str | None, typer.Option("--key-variable", metavar="NAME", help=options.help_of("key_variable"))
    ] = None,
    seal_key: options.SealKey = None,
    limit: options.Limit = None,
    workers: options.Workers = None,
    record_seconds: options.RecordSeconds = None,
    on: clustering.On = None,
    shards: clustering.Shards = None,
    shard: clustering.Shard = None,
    work: clustering.Work = None,
    scratch: clustering.Scratch = None,
    snapshot_seconds: clustering.SnapshotSeconds = None,
    resource: clustering.Resource = None,
    strict: Annotated[bool | None, typer.Option("--strict", help=options.help_of("strict"))] = None,
    fresh: Annotated[bool | None, typer.Option("--fresh", help=options.help_of("fresh"))] = None,
    quiet: Annotated[bool | None, typer.Option("--quiet", help=options.help_of("quiet"))] = None,
    json: Annotated[bool | None, typer.Option("--json", help=options.help_of("json_events"))] = None,
    config: options.Config = None,
) -> int:
    """Boost a corpus: repair what can be proved, flag the rest, log every decision.

    The same command resumes an unfinished run. Examples:

    midb-agent run corpus.jsonl

    midb-agent run corpus.jsonl.gz --language tr --source english.jsonl -o better.jsonl.gz
    """
    given = (
        options.given(
            corpus=corpus, output=output, db=db, language=language, source=source, survey=survey, map=map,
            passes=passes, kinds=kinds, only=only, typography=typography, model=model, route=route, prompts=prompts,
            budget=budget, concurrency=concurrency, device=device, devices=devices, dtype=dtype, adapter=adapter,
            timeout=timeout, limit=limit, workers=workers, strict=strict, fresh=fresh, quiet=quiet, json=json,
            reviewed=reviewed, on=on, shards=shards, shard=shard, work=work, scratch=scratch, resource=resource,
        )
        | options.given(
            **{
                "dry-run": dry_run, "key-variable": key_variable, "record-seconds": record_seconds,
                "seal-key": seal_key, "judge-orders": judge_orders, "trust-language": trust_language,
                "min-precision": min_precision, "min-verdicts": min_verdicts, "snapshot-seconds": snapshot_seconds,
            }
        )
    )  # fmt: skip
    warn = Relay()
    # Only a file may say besides that nothing is to be shown.
    early = load_config(config, given) if config else None
    with listener_of(early or RunConfig.model_construct(**given)) as show:
        show.handle(Waiting(what="loading"))
        settings = settle_corpus(early or load_config(None, given), show.handle)
        if settings.on or settings.shard:
            return run_elsewhere(settings, show)
        from midb.agent.run.worker_pool import expect_workers

        with expect_workers(settings) as nursery:  # they load while the rest does, and the corpus is surveyed
            from midb.agent.run.session import open_session
            from midb.composition import open_engine

            with open_engine(settings, warn) as engine, corpus_of(settings) as container:
                session = open_session(settings, container, sys.argv[1:], engine, emit=show.handle)
                try:
                    if settings.dry_run:
                        said = dry_run_session(session, settings, show)
                    elif session.attached.finished:
                        said = describe_finished(session)
                    else:
                        return run_session(session, show, warn, nursery)
                finally:
                    session.log.close()
    if settings.dry_run or not settings.quiet:
        typer.echo(said, err=not settings.dry_run)
    return 0


def run_elsewhere(settings: RunConfig, show: Listener) -> int:
    """A run on many machines, or the part of one that is this machine's; returns the exit code."""
    from midb.cli.clustering.running import run_on_cluster, run_one_shard

    if str(settings.corpus) == "-":
        raise MidbError("a corpus for many machines cannot come from standard input.", hint="Name a file.")
    if settings.on and "workers" not in settings.model_fields_set:
        settings = settings.model_copy(update={"workers": 0})  # a process for each shard: as many as there is room for
    interruption = Interruption(show.handle)
    with interruption.listening():
        run_it = run_on_cluster if settings.on else run_one_shard
        return run_it(settings, show, interruption, lambda: interruption.exit_code)


def listener_of(config: RunConfig) -> Listener:
    """Who tells of a run. A dry run has one result, which goes to stdout: where that is JSON, nothing else is told."""
    dry = config.dry_run is not None
    return choose_listener(
        quiet=config.quiet or (dry and config.json_events),
        json=config.json_events and not dry,
        stderr=sys.stderr,
        stdout=sys.stdout,
    )


class Relay:
    """Passes an engine's warnings on to the run, which begins after the engine is made; until then it keeps them."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._tell: Callable[[str], None] = self._kept.append

    def __call__(self, message: str) -> None:
        self._tell(message)

    def connect(self, tell: Callable[[str], None]) -> None:
        """Pass on what was kept, and from now on everything."""
        self._tell = tell
        for message in self._kept:
            tell(message)


def dry_run_session(session: Session, config: RunConfig, show: Listener) -> str:
    """Forecast what a run would take."""
    from midb.agent.run.forecast import forecast
    from midb.cli.forecasting import as_json, describe

    assert config.dry_run is not None
    show.handle(session.plan)
    show.handle(Waiting(what=f"trying {config.dry_run:,} records"))
    found = forecast(session, config.dry_run, show.handle)
    return as_json(found) if config.json_events else describe(found, session)


def describe_finished(session: Session) -> str:
    """What is said where there is nothing to do."""
    database = quote_word(str(session.places.db))
    return (
        f"{visible(str(session.places.output))} is finished already "
        f"({pluralize(session.attached.checkpoint.position, 'record')}); nothing to do.\n"
        f"  look     midb-agent audit summary --db {database}\n  anew     add --fresh"
    )


def settle_corpus(config: RunConfig, tell: Callable[[Event], None]) -> RunConfig:
    """The settings with a corpus of this machine, where it was an address of the hub, and with the columns that are
    described beside it, where the user names none."""
    if address := HubAddress.parse(config.corpus):
        config = config.model_copy(update={"corpus": fetch(address, tell)})
    if config.map is None and (described := describe_columns(config.corpus)):
        tell(Warned(message=f"columns as {DESCRIPTION} beside the corpus says: --map {described}", logged=False))
        config = config.model_copy(update={"map": described})
    elif config.map is None and (named := described_files(config.corpus)):
        listed = f"{', '.join(named[:3])} and {len(named) - 3} more" if len(named) > 3 else ", ".join(named)
        advice = "in a run over many files they are not taken: run on such a file alone"
        tell(Warned(message=f"{DESCRIPTION} names columns for {listed}; {advice}", logged=False))
    return config


@contextmanager
def corpus_of(config: RunConfig) -> Iterator[Container]:
    """The corpus of a run; standard input is kept in a file beside the output while the run lasts."""
    from midb.agent.run.places import stdin_copy
    from midb.corpus.formats.containers import open_container

    if str(config.corpus) != "-":
        yield open_container(config.corpus)
        return
    if sys.stdin.isatty():
        raise MidbError("standard input is a terminal.", hint="Pipe a corpus in: cat corpus.jsonl | midb-agent run -")
    with stdin_copy(sys.stdin.buffer, (config.output or Path("stdin")).absolute().parent) as copy:
        yield open_container(copy)


def run_session(session: Session, show: Listener, warn: Relay, nursery: Nursery | None) -> int:
    """Run an opened session with its dashboard; returns the exit code. The engine's warnings go into the log."""
    from midb.agent.run.runner import Runner

    interruption = Interruption(show.handle)
    with interruption.listening():
        show.handle(session.plan)
        runner = Runner(session, show.handle, interruption, nursery=nursery)
        warn.connect(runner.warn)
        ended = runner.run()
        show.handle(ended)
    if ended.status == "interrupted":
        return interruption.exit_code
    return 0 if ended.balanced else FAILED
