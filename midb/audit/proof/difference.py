"""Where a file was changed: the first record of a corpus or an output that is not as the log has it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from midb.audit.lineage import read_chain, trace
from midb.audit.reader import AuditReader
from midb.audit.rows import LoggedRecord, RecordRow
from midb.audit.run_rows import Run
from midb.audit.texts import texts_hash
from midb.corpus.formats.containers import open_container
from midb.corpus.layouts import RecordError, parse_mapping
from midb.corpus.opened import MALFORMED, OpenedCorpus, PinnedSurvey, open_corpus
from midb.corpus.raw import RawRecord
from midb.corpus.reading import RecordReader
from midb.corpus.splice import Stages, add_stage, splice
from midb.domain.errors import MidbError


@dataclass(frozen=True)
class FileDifference:
    """The first record that is not as logged, by its key and its line; without either where it is no record's."""

    message: str
    record: str = ""
    line: int | None = None


_TEXTS = "its id or its texts are not those that were logged"
_MORE = "here it goes on behind the last record"


def find_in_output(reader: AuditReader, run: Run, path: Path, corpus: Path | None) -> FileDifference:
    """The first record of a changed output that is not as the run left it.

    The texts are held against the log; where these agree, the rest of each record against ``corpus``.
    """
    try:
        opened = _open(reader, run, path)
        records = opened.reader()
        rows = reader.records("r.run_id = ?", [run.id])
        for raw in _records_of(opened):
            row = next(rows, None)
            if row is None:
                return FileDifference(_MORE, line=raw.line)
            if not _reads_as(records, raw, row, row.final_hash):
                return FileDifference(_TEXTS, row.record_key, raw.line)
        if row := next(rows, None):
            return FileDifference("it ends before this record", row.record_key)
        if corpus and (found := _find_outside_of_texts(reader, run, opened, corpus)):
            return found
    except MidbError as error:
        return FileDifference(f"it cannot be read: {error.message}")
    return FileDifference("every text is as logged; what differs lies outside of the texts")


def find_in_corpus(reader: AuditReader, run: Run, path: Path) -> FileDifference:
    """The first record of a changed corpus that is not as the run read it."""
    try:
        run = _reading_run(reader, run)
        limit = _settings(run).get("limit")
        opened = _open(reader, run, path)
        records = opened.reader()
        rows = reader.records("r.run_id = ?", [run.id])
        lines = reader.query("SELECT position, sha256 FROM rejected_lines WHERE run_id = ? ORDER BY position", [run.id])
        row, line = next(rows, None), next(lines, None)
        for raw in _records_of(opened):
            if line is not None and line["position"] == raw.position:
                if line["sha256"] != raw.sha256():
                    return FileDifference("it is not the line that could not be read", f"#{raw.position}", raw.line)
                line = next(lines, None)
            elif row is not None and row.position == raw.position:
                if not _reads_as(records, raw, row, row.original_hash):
                    return FileDifference(_TEXTS, row.record_key, raw.line)
                row = next(rows, None)
            elif limit:
                return FileDifference("what differs lies outside of the records that were read")
            else:
                return FileDifference(_MORE, line=raw.line)
        if row or line:
            return FileDifference("it ends before this record", row.record_key if row else "")
    except MidbError as error:
        return FileDifference(f"it cannot be read: {error.message}")
    return FileDifference("every text is as logged; what differs lies outside of the texts")


def _reading_run(reader: AuditReader, run: Run) -> Run:
    """The run that read the corpus: of a revert the one whose edits it undid, and likewise."""
    return trace(reader, run)[0]


def _settings(run: Run) -> dict[str, Any]:
    try:
        found = orjson.loads(run.config)
    except orjson.JSONDecodeError:
        found = {}
    return found if isinstance(found, dict) else {}


def _open(reader: AuditReader, run: Run, path: Path) -> OpenedCorpus:
    """A file with the records of a run, to be read as the run read its corpus."""
    settings = _settings(_reading_run(reader, run))
    mapping = parse_mapping(settings["map"]) if settings.get("map") else None
    pinned = None
    with contextlib.suppress(*MALFORMED):
        pinned = PinnedSurvey.parse(settings["survey"])
    return open_corpus(open_container(path), mapping=mapping, identify=False, pinned=pinned)


def _records_of(opened: OpenedCorpus) -> Iterator[RawRecord]:
    return (item for item in opened.container.read() if isinstance(item, RawRecord))


def _reads_as(records: RecordReader, raw: RawRecord, row: RecordRow, expected: str) -> bool:
    """Whether a record has the key and the texts that are expected."""
    try:
        parsed = records.parse(raw)
    except RecordError:
        return False
    same_key = row.record_key in (parsed.key, f"#{row.position}")
    return same_key and texts_hash([slot.pair for slot in parsed.slots]) == expected


def _find_outside_of_texts(reader: AuditReader, run: Run, output: OpenedCorpus, corpus: Path) -> FileDifference | None:
    """The first record of an output whose texts are right and whose other bytes are not those of the corpus."""
    opened = _open(reader, run, corpus)
    records, sources = opened.reader(), _records_of(opened)
    # A run that goes on starts from what its parent left of the same record.
    for raw, rows in zip(_records_of(output), read_chain(reader, trace(reader, run)), strict=True):
        row = rows[-1]
        source = next(item for item in sources if item.position == row.position)
        if raw.body not in _possible_bodies(records, source, [reader.parts(one) for one in rows]):
            return FileDifference("it differs outside of its texts", row.record_key, raw.line)
    return None


def _possible_bodies(records: RecordReader, source: RawRecord, told: Sequence[LoggedRecord]) -> set[bytes]:
    """The bytes that a record may have after its edits: how new characters are written, the corpus as a whole says."""
    stages: Stages = {}
    for number, slot in enumerate(records.parse(source).slots):
        for logged in told:
            standing = logged.standing()
            for decision in logged.decisions:
                if decision.pair == number and decision.id in standing:
                    add_stage(stages, slot.paths, [edit.edit() for edit in decision.edits])
    if not stages:
        return {source.body}
    return {splice(source.body, stages, ascii_only=ascii_only) for ascii_only in (False, True)}
