"""`midb-agent run --on ray` and `midb-agent run --shard I/N`."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable

import typer

from midb.agent.run.places import find_places
from midb.agent.run.resuming import EMBEDDED
from midb.agent.run.reviewed import read_reviews
from midb.agent.run.session import describe_layout, open_configured
from midb.audit.behind import count_behind
from midb.audit.file.key import read_key
from midb.audit.log import AuditLog
from midb.audit.questions.summary import SWITCHED_OFF
from midb.audit.reader import AuditReader
from midb.cluster.driver import Driven, Driver
from midb.cluster.progress import ShardProgress, add_up, difference
from midb.cluster.shard_runner import ShardResult, ShardTask, run_shard, settings_of
from midb.cluster.sizes import choose_shards, describe_resources, resources_of
from midb.cluster.work_folder import WorkFolder, WorkPlan, plan_work, reviews_of
from midb.corpus.opened import OpenedCorpus
from midb.corpus.places import OutputPlaces, text_of
from midb.dashboard import Listener
from midb.dashboard.text import pluralize
from midb.domain.decisions import Pass
from midb.domain.errors import MidbError, UsageError
from midb.domain.events import Behind, RunEnded, RunPlanned, Tally, Waiting, Warned
from midb.runs.cluster_settings import parse_shard
from midb.runs.config import RunConfig
from midb.runs.ending import count_end
from midb.shards.logs import open_shards
from midb.shards.merge import merge
from midb.shards.split import open_to_cut
from midb.text.terminal import quote_word, quote_words, visible

#: Failed shards that are told one by one.
_TOLD = 5


def run_on_cluster(config: RunConfig, show: Listener, stopped: Callable[[], bool], exit_code: Callable[[], int]) -> int:
    """Cut, run everywhere, merge; returns the exit code.

    Raises MidbError where shards failed: the others are kept, and the same command goes on.
    """
    from midb.cluster.ray_fleet import RayFleet, connect

    assert config.work is not None
    assert config.on is not None
    started = time.monotonic()
    container = open_to_cut(config.corpus)
    places = find_places(config, container)
    key = read_key(config.seal_key)
    folder = WorkFolder(config.work)
    folder.make()

    def tell(message: str) -> None:
        show.handle(Warned(message=message, logged=False))

    with contextlib.ExitStack() as stack:
        _lock(folder, stack, tell)
        if folder.read_plan() is None:  # nothing is done that could have been merged already
            _refuse_taken(places)
        show.handle(Waiting(what=f"reading {text_of(config.corpus)}"))
        opened = open_configured(config, container)
        resources = resources_of(config)
        fleet: RayFleet | None = None

        def join() -> RayFleet:
            """The cluster, joined once and only where something is to be run or cut for it."""
            nonlocal fleet
            if fleet is None:
                show.handle(Waiting(what="joining the cluster", slow=True))
                fleet = stack.enter_context(connect(config.on or "", resources, folder.path / "ray.log", tell))
            return fleet

        def shards() -> int:
            room = sum(machine.places for machine in join().nodes())
            show.handle(Waiting(what=f"cutting {text_of(config.corpus)}"))
            return choose_shards(config, opened.found.records, room)

        plan = plan_work(folder, config, container, shards, sha256=opened.found.sha256)
        if plan.unpinned:
            tell(f"each shard is read by what it looks like: {plan.unpinned}; --language and --map settle it")
        driver = Driver(folder, plan, settings_of(config), show.handle, stopped, describe_resources(resources))
        show.handle(_plan_run(config, opened, places, folder, plan, driver, resources))
        for warning in opened.found.warnings:
            tell(warning)
        if driver.left:
            _refuse_taken(places)
            driven = driver.run(join())
            if driven.status == "interrupted":
                show.handle(_interrupted(folder, plan, places, time.monotonic() - started))
                return exit_code()
            _refuse_failed(driven, plan, folder)
        show.handle(Waiting(what=f"merging {pluralize(len(plan.shards), 'shard')}", slow=True))
        logs = [folder.log(shard) for shard in plan.shards]
        with open_shards(logs) as read:
            merged = merge(
                container,
                read,
                places,
                source=config.source,
                key=key,
                report=lambda what: show.handle(Waiting(what=what)),
            )
    if merged.warning:
        tell(merged.warning)
    ended = _ended(places, config, time.monotonic() - started)
    show.handle(ended)
    if not config.quiet and not config.json_events:
        typer.echo(f"shards     {visible(str(folder.path))}: they are merged, and the folder can be removed", err=True)
    return 0 if ended.balanced else 1


def run_one_shard(config: RunConfig, show: Listener, stopped: Callable[[], bool], exit_code: Callable[[], int]) -> int:
    """Run one shard here, for a batch system that runs the others elsewhere; returns the exit code."""
    assert config.work is not None
    assert config.shard is not None
    number, count = parse_shard(config.shard)
    folder = WorkFolder(config.work)
    container = open_to_cut(config.corpus)
    plan = plan_work(
        folder,
        config,
        container,
        lambda: count,
        wait=lambda: show.handle(Waiting(what="waiting for another machine to cut the corpus", slow=True)),
    )
    output = visible(str(folder.done(number)))
    if number not in {shard.number for shard in plan.shards}:
        return _say(config, f"no record falls to shard {number} of {count}: there is nothing to do.")
    if folder.done(number).is_dir():
        return _say(config, f"{output} is finished already; nothing to do.")
    task = ShardTask(number=number, work=str(folder.path.absolute()), mark=plan.mark, settings=settings_of(config))
    result = run_shard(task, show.handle, stopped)
    if result.state == "stopped":
        if folder.stop.exists():
            _say(
                config, f"{visible(str(folder.stop))} asks all runs of the folder to stop: remove it, then they go on."
            )
        return exit_code()
    if result.state != "done":
        raise MidbError(result.message, hint=result.hint)
    left = sum(not folder.done(shard.number).is_dir() for shard in plan.shards)
    if left:
        return _say(config, f"shard {number} of {count} is in {output}; {pluralize(left, 'shard')} to go.")
    merging = quote_words(["midb-agent", "merge", str(config.corpus)])
    done = quote_word(str(folder.path / "done"))
    also = [word for name, path in (("--source", config.source), ("--seal-key", config.seal_key)) if path
            for word in (name, str(path))]  # fmt: skip
    words = " ".join(["-o OUT", *([quote_words(also)] if also else [])])
    return _say(config, f"all shards are done; put them together:\n  {merging} {done}/*/*.audit.db {words}")


def _say(config: RunConfig, said: str) -> int:
    if not config.quiet:
        typer.echo(said, err=True)
    return 0


def _lock(folder: WorkFolder, stack: contextlib.ExitStack, tell: Callable[[str], None]) -> None:
    """Keep a second command from the folder, where its file system can."""
    try:
        if not stack.enter_context(folder.locked("driver")):
            tell(f"{folder.path} has no file locks: see to it that no other command runs on it")
    except BlockingIOError as error:
        raise UsageError(
            f"another run is at work in {folder.path} ({error}).", hint="Wait for it, or name another --work."
        ) from error


def _refuse_taken(places: OutputPlaces) -> None:
    """Before anything is run: a merge, which comes last, replaces nothing."""
    for path in (places.output, places.db, places.rejected):
        if path.exists():
            raise UsageError(f"{path} exists.", hint="Choose another -o or --db: a merge never replaces a file.")


def _plan_run(
    config: RunConfig,
    opened: OpenedCorpus,
    places: OutputPlaces,
    folder: WorkFolder,
    plan: WorkPlan,
    driver: Driver,
    resources: dict[str, float],
) -> RunPlanned:
    """The first screen."""
    begun = driver.begun
    counts = difference(begun, Tally())
    done = begun.records + begun.rejected
    where = "Ray" if config.on == "ray" else config.on
    engine = config.model or "embedded default, no model"
    return RunPlanned(
        corpus=text_of(config.corpus),
        total=plan.records,
        format=opened.container.name,
        layout=describe_layout(config, opened),
        language=opened.found.languages.described,
        passes=tuple(pass_.value for pass_ in Pass if pass_ in config.selected_passes),
        engine=engine,
        output=text_of(places.output),
        database=text_of(places.db),
        rejected=text_of(places.rejected),
        workers=0,
        resumed_at=done,
        model=config.model is not None,
        behind=Behind(counts=counts) if done else None,
        switched_off=_list_switched_off(config.model_copy(update={"reviewed": reviews_of(config, folder, plan)})),
        cluster=f"{pluralize(len(plan.shards), 'shard')} on {where}, {describe_resources(resources)} each; "
        f"in {text_of(config.work or '')}",
    )


def _list_switched_off(config: RunConfig) -> tuple[str, ...]:
    """What people said is wrong too often. What is off depends on the model, and only where it runs is known which one
    it is: then the last screen says it."""
    review = None if config.model else read_reviews(config)
    return review.explain(EMBEDDED) if review else ()


def _interrupted(folder: WorkFolder, plan: WorkPlan, places: OutputPlaces, seconds: float) -> RunEnded:
    """What is said of a run that was stopped: all of it is in the shards' folder."""
    found = [ShardProgress.read(folder.progress(shard.number)) for shard in plan.shards]
    tally = add_up([one.tally for one in found if one])
    return RunEnded(
        status="interrupted",
        read=tally.records + tally.rejected,
        rejected=tally.rejected,
        outcomes=tally.outcomes,
        repaired=tally.repaired,
        open=tally.open,
        balanced=tally.records == sum(tally.outcomes.values()),
        output=str(folder.path),
        database="",
        rejected_path="",
        seconds=seconds,
        resume_command=quote_words(["midb-agent", *sys.argv[1:]]),
    )


def _refuse_failed(driven: Driven, plan: WorkPlan, folder: WorkFolder) -> None:
    """Say which shards could not be run. The others are kept."""
    if not driven.failed:
        return
    count = len(driven.failed)
    said = "; ".join(_describe_failure(result) for result in driven.failed[:_TOLD])
    more = f"; and {count - _TOLD} more" if count > _TOLD else ""
    others = len(plan.shards) - count
    kept = (
        f"The other {f'{others} are' if others > 1 else 'one is'} finished and kept in {folder.path}. "
        if others
        else ""
    )
    raise MidbError(
        f"{count} of {pluralize(len(plan.shards), 'shard')} failed: {said}{more}",
        hint=f"{kept}Mend what is wrong, then run the same command.",
    )


def _describe_failure(result: ShardResult) -> str:
    where = f" on {result.host}" if result.host else ""
    return f"shard {result.number}{where}: {result.message.rstrip('.')}. {result.hint}".rstrip()


def _ended(places: OutputPlaces, config: RunConfig, seconds: float) -> RunEnded:
    """The last screen, counted from the merged log as that of any run is."""
    with AuditReader(places.db) as reader:
        switched_off = tuple(str(row[0]) for row in reader.query(SWITCHED_OFF, [reader.run().id]))
    with AuditLog(places.db, key=read_key(config.seal_key)) as log:
        run = log.latest_run()
        assert run is not None
        checkpoint = log.checkpoint(run)
        return count_end(
            log,
            run,
            checkpoint,
            status="finished",
            output=str(places.output),
            database=str(places.db),
            rejected_path=str(places.rejected) if checkpoint.rejected_lines else "",
            seconds=seconds,
            usage=count_behind(log, run, checkpoint).usage,
            switched_off=switched_off,
        )
