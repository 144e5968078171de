"""Whether a run goes on with the log's last one, begins anew, or must not: the corpus or the settings have changed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import orjson

from midb import __version__
from midb.agent.run.places import clean_up, refuse_foreign_output
from midb.audit.log import AuditLog
from midb.audit.run_rows import Checkpoint, Run
from midb.corpus.places import OutputPlaces
from midb.domain.errors import AuditError, UsageError
from midb.domain.hashing import file_sha256
from midb.runs.config import RunConfig, config_hash, differences

#: Fingerprint of the embedded default: rules of this version rewrite, nothing else does.
EMBEDDED = f"embedded {__version__}"


@dataclass(frozen=True)
class Attached:
    """A run in the log: how far it has come, and whether it is finished already. ``earlier`` are the runs whose results
    it takes over, the latest first."""

    run: Run
    checkpoint: Checkpoint
    finished: bool = False
    earlier: tuple[int, ...] = ()


def attach(log: AuditLog, places: OutputPlaces, wanted: Run, shaping: dict[str, object], *, fresh: bool) -> Attached:
    """Resume the log's last run, or begin a new one.

    One that differs from the last in nothing but its limit begins anew and takes over what was examined. Raises where
    the log belongs to another corpus, or the corpus or the settings have changed since, or the limit is lower than what
    is done already.
    """
    last = log.latest_run()
    if last and not fresh and goes_on(last, wanted, shaping):
        refuse_fewer(log.positions([last.id, *log.earlier_runs(last)]), shaping["limit"])
        refuse_foreign_output(places, log)
        run, checkpoint = log.begin(dataclasses.replace(wanted, parent_run=last.id))
        return Attached(run, checkpoint, earlier=log.earlier_runs(run))
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
            return Attached(last, log.checkpoint(last), finished=True)
        if last.status == "finishing" and in_place:
            clean_up(places)
            return Attached(log.set_status(last, "finished", finished=True), log.checkpoint(last), finished=True)
        if last.status in ("running", "interrupted", "finishing"):
            refuse_foreign_output(places, log)
            return Attached(last, log.resume(last), earlier=log.earlier_runs(last))
    refuse_foreign_output(places, log)
    places.refuse_others(ours=log.knows(places.logged(places.output)))
    return Attached(*log.begin(wanted))


def is_finished(log: AuditLog, config: RunConfig, shaping: dict[str, object]) -> bool:
    """Whether the run that is asked for is finished already: a model need not be loaded to say so."""
    last = None if config.fresh or config.dry_run else log.latest_run()
    return last is not None and last.status == "finished" and last.config_hash == config_hash(shaping)


def goes_on(last: Run, wanted: Run, shaping: dict[str, object]) -> bool:
    """Whether a run is the last one but for its limit."""
    same = (last.corpus_sha256, last.engine, last.output) == (wanted.corpus_sha256, wanted.engine, wanted.output)
    return same and _differs_in_limit(last, shaping)


def _differs_in_limit(last: Run, shaping: dict[str, object]) -> bool:
    """Whether the settings are those of the last run but for the limit, and that is another one."""
    before: dict[str, object] = orjson.loads(last.config)
    return before != shaping and before | {"limit": None} == shaping | {"limit": None}


def refuse_fewer(done: int, limit: object) -> None:
    """Raise where a limit is lower than the number of records that are ``done``: their output would be replaced."""
    if isinstance(limit, int) and limit < done:
        raise UsageError(
            f"--limit {limit:,} is less than what is done already: {done:,} of the records.",
            hint=f"A higher limit, or none, goes on behind them; --fresh starts over with {limit:,}; another -o keeps "
            "both.",
        )


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
    goes_on_otherwise = last.engine != wanted.engine and _differs_in_limit(last, shaping)
    if last.config_hash != wanted.config_hash and not goes_on_otherwise:
        paid = " (replies in the log are not paid for again)" if wanted.engine != EMBEDDED else ""
        raise UsageError(
            f"the settings differ from those this run began with: {differences(last.config, shaping)}.",
            hint=f"Use the same settings to resume, --fresh to start over{paid}, or another -o to keep both.",
        )
    if last.engine != wanted.engine and (last.status != "finished" or goes_on_otherwise):
        raise UsageError(
            f"this run began with another model: {last.engine}; now it is {wanted.engine}.",
            hint="Use the same model to resume, --fresh to start over (replies of this model in the log are used).",
        )
    if last.output != wanted.output:
        raise UsageError(
            f"{db} belongs to a run that writes {last.output}.",
            hint="Name that output with -o, or choose another --db.",
        )
