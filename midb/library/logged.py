"""Boosting with an audit log: the records become a corpus beside the log, and a run like any other boosts it.

So everything that is said of runs holds here too: it resumes, `midb-agent audit` and `midb-agent revert` work on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from midb.agent.run.runner import Runner
from midb.agent.run.session import Session, open_session
from midb.audit.file.lock import WriterLock
from midb.audit.reader import AuditReader
from midb.audit.results import logged_pairs
from midb.audit.rows import LoggedRecord
from midb.audit.run_rows import Run
from midb.audit.texts import parse_texts
from midb.composition import open_engine
from midb.corpus.formats.base import Container
from midb.corpus.formats.containers import open_container
from midb.corpus.output import move_into_place, writing
from midb.corpus.places import beside
from midb.corpus.raw import RawRecord
from midb.domain.decisions import Outcome, Reason
from midb.domain.errors import MidbError, UsageError
from midb.domain.events import Event, Warned
from midb.domain.hashing import file_sha256
from midb.domain.results import RecordResult
from midb.library.loops import is_given_up
from midb.library.results import RejectedInfo
from midb.runs.config import RunConfig


@dataclass(frozen=True)
class LoggedBoost:
    """What the log says of a finished run."""

    database: Path
    results: list[RecordResult]
    rejected: list[RejectedInfo]
    warnings: tuple[str, ...]
    unexamined: list[RejectedInfo]
    switched_off: tuple[str, ...]


def boost_with_log(records: Container, source: Container | None, settings: RunConfig, database: Path) -> LoggedBoost:
    """Run the records through a logged run, or go on with one that was interrupted.

    Raises UsageError where a file that would be written holds something else.
    """
    stem = database.with_name(database.name.removesuffix(".db").removesuffix(".audit"))
    corpus = beside(stem, ".corpus.jsonl")
    paths: dict[str, Path] = {"corpus": corpus, "output": beside(stem, ".boosted.jsonl"), "db": database}
    lock = WriterLock(database)  # two calls at once would write their records into each other's
    try:
        _write(records, corpus)
        if source is not None:
            paths["source"] = beside(stem, ".source.jsonl")
            _write(source, paths["source"])
    finally:
        lock.release()
    config = settings.model_copy(update=paths)
    warnings: list[str] = []
    with open_engine(config, warnings.append) as engine:
        session = open_session(config, open_container(corpus), ["run", str(corpus)], engine)
        try:
            run = session.attached.run
            if not session.attached.finished:
                _finish(session, warnings)
        finally:
            session.log.close()
    with AuditReader(database) as reader:
        return LoggedBoost(
            database,
            list(_results(reader, run)),
            list(_told(reader, "SELECT position, reason, message FROM rejected_lines WHERE run_id = ?", [run.id])),
            tuple(warnings),
            list(_told(reader, _UNEXAMINED, [run.id, Reason.UNEXAMINED.value])),
            session.plan.switched_off,
        )


def _write(records: Container, path: Path) -> None:
    """Write records as JSON Lines, unless they stand there already."""
    if path.exists() and file_sha256(path) == records.identity()[1]:
        return
    if path.exists():
        raise UsageError(
            f"{path} exists and holds other records.", hint="Name another log with audit=, or move the file away."
        )
    partial = beside(path, ".partial")
    with writing(partial), partial.open("wb") as file:
        for item in records.read():
            if isinstance(item, RawRecord):
                file.write(item.body + b"\n")
    move_into_place(partial, path)


def _finish(session: Session, warnings: list[str]) -> None:
    def listen(event: Event) -> None:
        if isinstance(event, Warned):
            warnings.append(event.message)

    ended = Runner(session, listen, is_given_up).run()
    if ended.status != "finished":
        raise KeyboardInterrupt  # came to who called; the same call goes on
    if not ended.balanced:
        raise MidbError(f"the ledger of {session.log.path} does not balance.", hint="See: midb-agent audit verify")


def _results(reader: AuditReader, run: Run) -> Iterator[RecordResult]:
    for row in reader.records("r.run_id = ?", [run.id]):
        # A record about which nothing was found or decided has no texts in the log.
        originals = parse_texts(row.original_text) if row.original_text is not None else ()
        finals = parse_texts(row.final_text) if row.final_text is not None else originals
        logged = reader.parts(row) if originals else LoggedRecord(row, (), ())
        yield RecordResult(
            position=row.position,
            line=row.line,
            key=row.record_key,
            language=row.language,
            outcome=Outcome(row.outcome),
            pairs=logged_pairs(logged, originals, finals),
            body=None,
        )


#: (position, reason, why) of the records in which no pair was found.
_UNEXAMINED = (
    "SELECT r.position, d.reason, d.detail FROM records r JOIN decisions d ON d.record_id = r.id "
    "WHERE r.run_id = ? AND d.reason = ?"
)


def _told(reader: AuditReader, sql: str, values: Sequence[object]) -> Iterator[RejectedInfo]:
    """Records that the log names with a reason, in the order of their positions."""
    for position, reason, message in reader.query(f"{sql} ORDER BY position", values):
        yield RejectedInfo(position=position, reason=reason, message=message)
