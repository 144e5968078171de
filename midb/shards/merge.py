"""Putting finished shard runs together: the output and the log that one run over the whole corpus would have left.

The corpus is read in order; each record asks its shard's log and output what became of it, and must be what that run
read. Everything is made beside its place. At the end the log goes into place first, as that of a run which is
finishing, then the output, then the log says that it is finished: killed anywhere, the same command starts anew or
finds that all is done.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from midb.audit.file.key import SealKey
from midb.audit.log import AuditLog
from midb.audit.reader import AuditReader
from midb.audit.run_rows import REVIEW_LEVEL, Run, utc_now
from midb.corpus.formats.base import Container
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import OpenedCorpus, open_corpus
from midb.corpus.output import make_private, move_into_place
from midb.corpus.places import OutputPlaces, access_of
from midb.corpus.raw import RawRecord, Tail
from midb.corpus.reading import RecordReader
from midb.corpus.writer import OutputFiles
from midb.domain.decisions import Outcome
from midb.domain.errors import AuditError, UsageError
from midb.domain.hashing import file_sha256
from midb.domain.results import RecordResult, RejectedLine
from midb.runs.config import RunConfig, config_hash
from midb.runs.writer import CorpusWriter
from midb.shards.logs import MergeError, ShardCursor, ShardLog, check_complete, check_intact, merged_source, prove_logs
from midb.shards.records import RecordMerger, carry_generations
from midb.shards.split import shard_of
from midb.text.languages import require_language

#: Records per transaction.
BATCH = 256

#: Level of the events that say which logs a merged one was made from.
MERGED = "merged"


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What a merge did. ``already``: all of it was in place."""

    read: int
    outcomes: Counter[Outcome]
    rejected: int
    warning: str = ""
    already: bool = False


def merge(
    corpus: Container,
    shards: Sequence[ShardLog],
    places: OutputPlaces,
    *,
    source: Path | None = None,
    key: SealKey | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Merged:
    """Merge the shards of a corpus; ``key`` seals the new log, ``report`` hears what takes long.

    Raises MergeError where they do not fit together, UsageError where the places are taken; then nothing was written.
    """
    inputs = [corpus.path, *(path for shard in shards for path in (shard.path, shard.output))]
    places.check([*inputs, source] if source else inputs, "what is to be merged")
    if done := _in_place(corpus, shards, places, key):
        return done
    check_complete(shards, corpus)
    source_sha256 = merged_source(shards, corpus, source)
    for shard, proof in zip(shards, prove_logs(shards), strict=True):
        report(f"checking {shard.path}")
        check_intact(shard, proof)
    report(f"reading {corpus.path}")
    settings = orjson.loads(shards[0].run.config)
    pinned = settings.pop("survey", None)
    opened = open_corpus(
        corpus,
        language=None if settings["language"] == "auto" else require_language(settings["language"]),
        mapping=parse_mapping(settings["map"]) if settings.get("map") else None,
    )
    if pinned and pinned["sha256"] != opened.found.sha256:
        raise MergeError(
            f"the shards were run with the survey of another corpus ({pinned['corpus']}).",
            hint="Merge with the corpus that was split, and give each run the survey that split wrote.",
        )
    run = _run(opened, shards, places, settings | {"source": source_sha256})
    return _Merger(opened, shards, places, run, key).merge()


def _in_place(
    corpus: Container, shards: Sequence[ShardLog], places: OutputPlaces, key: SealKey | None
) -> Merged | None:
    """What a finished merge of these very shards did, or None; raises UsageError where a place is taken otherwise.

    A merge that was killed at the very end is finished here; one that was killed before has left nothing that counts.
    """
    logged = _logged_merge(corpus, shards, places) if places.db.exists() else None
    if logged and places.output.exists() and file_sha256(places.output) == logged.output_sha256:
        with AuditLog(places.db, key=key) as log:
            if logged.status == "finishing":
                log.set_status(logged, "finished", finished=True)
            outcomes: Counter[Outcome] = Counter()
            for (_, outcome), count in log.outcomes(logged).items():
                outcomes[outcome] += count
            checkpoint = log.checkpoint(logged)
        return Merged(read=checkpoint.position, outcomes=outcomes, rejected=checkpoint.rejected_lines, already=True)
    unfinished = logged is not None and logged.status == "finishing"
    for path in (places.output, *(() if unfinished else (places.db, places.rejected))):
        if path.exists():
            raise UsageError(f"{path} exists.", hint="Choose another -o or --db: a merge never replaces a file.")
    return None


def _logged_merge(corpus: Container, shards: Sequence[ShardLog], places: OutputPlaces) -> Run | None:
    """The run in the log at the place of the new one, if it is the merge of these shards to this output."""
    with contextlib.suppress(AuditError), AuditReader(places.db) as reader:
        run = reader.run()
        sql = "SELECT message FROM run_events WHERE run_id = ? AND level = ?"
        notes = {row["message"] for row in reader.query(sql, [run.id, MERGED])}
        same = notes == {shard.note() for shard in shards} and run.output == places.logged(places.output)
        if same and run.corpus_sha256 == file_sha256(corpus.path):
            return run
    return None


def _run(corpus: OpenedCorpus, shards: Sequence[ShardLog], places: OutputPlaces, settings: dict[str, Any]) -> Run:
    """The row of the merged run: that of a run over the whole corpus, begun when the first shard was."""
    versions: dict[str, set[str]] = {}
    for shard in shards:
        for name, version in orjson.loads(shard.run.versions).items():
            versions.setdefault(name, set()).add(version)
    stated = _stated(shards[0].run, settings)
    return dataclasses.replace(
        shards[0].run,
        started_at=min(shard.run.started_at for shard in shards),
        finished_at=None,
        status="running",
        corpus=str(corpus.container.path),
        corpus_sha256=corpus.found.sha256,
        corpus_bytes=corpus.found.bytes,
        output=places.logged(places.output),
        output_sha256=None,
        rejected=places.logged(places.rejected),
        config=orjson.dumps(stated).decode(),
        config_hash=config_hash(stated),
        versions=orjson.dumps({name: ", ".join(sorted(seen)) for name, seen in versions.items()}).decode(),
    )


def _stated(run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings in the order in which a run states them, on which their hash depends; logs of older versions sort
    them."""
    stated = list(RunConfig.model_validate({"corpus": run.corpus, "model": settings.get("model")}).shaping(None))
    order = [name for name in stated if name in settings] + [name for name in settings if name not in stated]
    return {name: settings[name] for name in order}


class _Clock:
    """The time that the log writes down: now, or that of an event that happened in a shard's run."""

    def __init__(self) -> None:
        self.at: str | None = None

    def __call__(self) -> str:
        return self.at or utc_now()


class _Merger:
    """One merge, from the checked shards to the finished files."""

    def __init__(
        self, corpus: OpenedCorpus, shards: Sequence[ShardLog], places: OutputPlaces, run: Run, key: SealKey | None
    ) -> None:
        self._key = key
        self._container = corpus.container
        self._shards = shards
        self._places = places
        self._run = run
        self._clock = _Clock()
        self._cursors = {shard.number: ShardCursor(shard) for shard in shards}
        # What is usual in a shard, and so how a record that lacks a column is understood, need not be what is usual in
        # the corpus.
        usual, unsettled = corpus.rules, dataclasses.replace(corpus.rules, usual=None)
        readers = [RecordReader(rules, corpus.identifier) for rules in (usual, unsettled)]
        pinned = all("survey" in orjson.loads(shard.run.config) for shard in shards)
        self._records = RecordMerger(readers, pinned=pinned)
        # With a survey each shard is told what to do, and only the whole corpus shows what is strange about it.
        self._strange = corpus.found.warnings if pinned else ()
        self._shard_of: list[ShardLog] = []
        self._outcomes: Counter[Outcome] = Counter()

    def merge(self) -> Merged:
        """Make everything beside its place, then move it there."""
        places = self._places
        # The partial output is locked: whoever holds it owns all the other places too.
        places.refuse_others(ours=places.db_partial.exists() or places.db.exists())
        mode = access_of(self._container.path)
        with OutputFiles(self._container, places, places.rejected_partial, mode=mode) as files:
            try:
                remove_database(places.db_partial)
                make_private(places.db_partial, mode)
                with AuditLog(places.db_partial, now=self._clock, key=self._key) as log:
                    writer = self._fill(log, files)
                    made = writer.seal(self._tail)
                self._publish(writer.run, files, made)
            finally:
                self._clean_up(files)
        return Merged(
            read=writer.checkpoint.position,
            outcomes=self._outcomes,
            rejected=writer.checkpoint.rejected_lines,
            warning=self._records.warning(),
        )

    def _fill(self, log: AuditLog, files: OutputFiles) -> CorpusWriter:
        """All records into the partial files and the log, then what the shards' runs said."""
        run, checkpoint = log.begin(self._run)

        def carry(results: Sequence[RecordResult]) -> list[RecordResult]:
            batch, self._shard_of = list(zip(self._shard_of, results, strict=True)), []
            return carry_generations(log, run, batch)

        writer = CorpusWriter(files, log, run, checkpoint, failed="failed", prepare=carry)
        self._tail = Tail(b"")
        for item in self._container.read():
            if isinstance(item, Tail):
                self._tail = item
                break
            self._take(item, writer)
            if writer.waiting >= BATCH:
                writer.commit()
        for cursor in self._cursors.values():
            cursor.check_end()
        writer.commit()
        self._log_events(writer)
        return writer

    def _take(self, raw: RawRecord, writer: CorpusWriter) -> None:
        cursor = self._cursors[shard_of(raw, self._shards[0].shards)]
        logged = cursor.take(raw)
        if isinstance(logged, RejectedLine):
            writer.drop(raw, logged)
            return
        result = self._records.result(cursor, raw, *logged)
        self._outcomes[result.outcome] += 1
        self._shard_of.append(cursor.shard)
        writer.keep(raw, result)

    def _log_events(self, writer: CorpusWriter) -> None:
        """What one run would have said at its beginning, the events of all shards, at the time they happened, and from
        which logs this one was made."""
        self._clock.at = self._run.started_at
        writer.commit([("warning", warning) for warning in self._strange])
        # What reviews switched off is a setting, the same in all of them: it is said once.
        said = [event for event in self._shards[0].events() if event[1] == REVIEW_LEVEL]
        events = [
            (at, level, f"{shard.name}: {message}")
            for shard in self._shards
            for at, level, message in shard.events()
            if level != REVIEW_LEVEL and message not in self._strange
        ]
        for at, level, message in said + sorted(events, key=lambda event: event[0]):
            self._clock.at = at
            writer.commit([(level, message)])
        self._clock.at = None
        notes = [(MERGED, shard.note()) for shard in self._shards]
        if warning := self._records.warning():
            notes.append(("warning", warning))
        writer.commit(notes)

    def _publish(self, run: Run, files: OutputFiles, made: Path) -> None:
        places = self._places
        remove_database(places.db)  # that of a merge that was killed just here
        move_into_place(places.db_partial, places.db)
        if files.rejected_bytes:
            move_into_place(places.rejected_partial, places.rejected)
        move_into_place(made, places.output)
        with AuditLog(places.db, key=self._key) as log:
            log.set_status(run, "finished", finished=True)

    def _clean_up(self, files: OutputFiles) -> None:
        places = self._places
        files.remove()  # first: where only these lie they could be somebody else's
        if places.db.exists() and not places.output.exists():
            places.rejected.unlink(missing_ok=True)
            remove_database(places.db)
        remove_database(places.db_partial)


def remove_database(path: Path) -> None:
    """Remove an SQLite file with what may lie beside it."""
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
