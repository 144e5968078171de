"""Reads revisions from files of any of the formats that corpora have, and from audit logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from midb.audit.reader import AuditReader
from midb.audit.texts import parse_texts
from midb.audit.verdicts import has_verdicts
from midb.corpus.formats.containers import open_container
from midb.corpus.layouts import LayoutFinder, RecordError
from midb.corpus.raw import RawRecord
from midb.corpus.records import declared_language, load_object
from midb.domain.decisions import Outcome, Pass, standing
from midb.domain.edits import apply
from midb.domain.errors import CorpusError, UsageError
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES
from midb.review.revisions import list_revisions
from midb.text.languages import LanguageIdentifier, join_samples
from midb.training.data.alignment import align_rows
from midb.training.data.columns import NoRevisionError, find_revision
from midb.training.data.revision import Origin, Revision, identify_row

#: How an SQLite file begins.
_SQLITE = b"SQLite format 3\x00"

#: Records by which the language of a file is judged where its records do not state one.
_SAMPLE = 50

#: Columns in which MEB has its edit distance.
_DISTANCES = ("Distance", "Distanza", "distance")


@dataclass(slots=True)
class Reading:
    """What was read.

    :param left_out: records that hold no revision, by the reason.
    """

    revisions: list[Revision] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _File:
    path: Path
    records: list[tuple[int, dict[str, Any]]]
    language: str | None


def read_revisions(paths: Sequence[Path], languages: Sequence[str] = ()) -> Reading:
    """Read all revisions of files, folders and audit logs.

    Among files of the MEB release the English one is not trained on: it gives the others their originals, and their
    rows the names by which translations are recognised.

    :param languages: codes of those to be read; none: all of the project's.
    :raises CorpusError: for a file that cannot be read.
    :raises UsageError: where no file holds a revision.
    """
    reading = Reading()
    wanted = set(languages or LANGUAGES)
    identifier = LanguageIdentifier()
    files = []
    for path in list_files(paths):
        with path.open("rb") as opened:
            is_log = opened.read(len(_SQLITE)) == _SQLITE
        if is_log:
            reading.revisions += _read_log(path, wanted, reading.left_out)
        else:
            files.append(_read_file(path, identifier, reading.left_out))
    english = [file for file in files if file.language == "en"]
    for file in files:
        if file.language != "en":
            reading.revisions += _revisions_of(file, english, wanted, reading.left_out)
    if not reading.revisions:
        why = "; ".join(f"{count:,} x {reason}" for reason, count in reading.left_out.most_common(3))
        raise UsageError(
            f"there is no revision in {', '.join(map(str, paths))}{f' ({why})' if why else ''}.",
            hint="A revision has a raw and a revised side: columns as in MEB (Raw Response, Revised Response), "
            '"raw" and "revised" objects, or an audit log with edits.',
        )
    return reading


def list_files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files among paths and in the folders among them; raises CorpusError for what is not there."""
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
            if not found:
                raise CorpusError(f"{path} is an empty folder.", hint="Name files of revisions.")
            yield from found
        elif path.exists():
            yield path
        else:
            raise CorpusError(f"there is no {path}.", hint="Check its name.")


def _read_file(path: Path, identifier: LanguageIdentifier, left_out: Counter[str]) -> _File:
    records = []
    for raw in open_container(path).read():
        if not isinstance(raw, RawRecord):
            continue
        try:
            records.append((raw.position, load_object(raw)))
        except RecordError as error:
            left_out[error.message] += 1
    return _File(path, records, _judge_language(records, identifier))


def _judge_language(records: Sequence[tuple[int, dict[str, Any]]], identifier: LanguageIdentifier) -> str | None:
    """The language of most records of a file that do not state their own."""
    votes: Counter[str] = Counter()
    for _, record in records[:_SAMPLE]:
        try:
            raw, _ = find_revision(record)
        except NoRevisionError:
            continue
        if code := identifier.identify(join_samples(text for _, text in raw.texts())):
            votes[code] += 1
    return votes.most_common(1)[0][0] if votes else None


def _revisions_of(
    file: _File, english: Sequence[_File], wanted: set[str], left_out: Counter[str]
) -> Iterator[Revision]:
    originals = _find_originals(file, english)
    for number, (position, record) in enumerate(file.records):
        try:
            raw, revised = find_revision(record)
        except NoRevisionError as error:
            left_out[str(error)] += 1
            continue
        language = declared_language(record) or file.language
        if language not in wanted:
            left_out[f"in another language ({language or 'unknown'})"] += 1
            continue
        if not (raw.response or "").strip() and not (revised.response or "").strip():
            left_out["no response on either side"] += 1
            continue
        source = _own_source(record) or originals[number]
        record_id = next((str(record[name]) for name in ("id", "uid", "record_id") if record.get(name)), None)
        yield Revision(
            name=f"{file.path.name} {record_id or f'#{position}'}",
            row=identify_row(raw, source, record_id),
            language=language,
            origin=Origin.MEB if _distance_of(record) is not None else Origin.LINES,
            raw=raw,
            revised=revised,
            source=source,
        )


def _own_source(record: Mapping[str, Any]) -> InstructionPair | None:
    source = record.get("source")
    if not isinstance(source, dict):
        return None
    try:
        slots = LayoutFinder().find(source).slots(source)
    except RecordError:
        return None
    return slots[0].pair if len(slots) == 1 else None


def _distance_of(record: Mapping[str, Any]) -> float | None:
    value = next((record[name] for name in _DISTANCES if name in record), None)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _find_originals(file: _File, english: Sequence[_File]) -> list[InstructionPair | None]:
    """The raw English pair of each record, out of an English file of the same release; else None."""
    distances = [_distance_of(record) for _, record in file.records]
    for other in english if any(distance is not None for distance in distances) else ():
        rows = align_rows(distances, [_distance_of(record) for _, record in other.records])
        if any(row is not None for row in rows):
            return [None if row is None else _raw_side(other.records[row][1]) for row in rows]
    return [None] * len(file.records)


def _raw_side(record: Mapping[str, Any]) -> InstructionPair | None:
    try:
        return find_revision(record)[0]
    except NoRevisionError:
        return None


def _read_log(path: Path, wanted: set[str], left_out: Counter[str]) -> Iterator[Revision]:
    """What the latest run made of its pairs: where people reviewed it, what they confirmed; else what stands."""
    with AuditReader(path) as reader:
        run = reader.run()
        found = _reviewed(reader, run.id, path.name, left_out) if has_verdicts(reader) else None
        for revision in found or _standing(reader, run.id, path.name, left_out):
            if revision.language in wanted:
                yield revision
            else:
                left_out[f"in another language ({revision.language})"] += 1


def _reviewed(reader: AuditReader, run: int, name: str, left_out: Counter[str]) -> list[Revision]:
    """Pairs of which people reviewed every edit, as they want them."""
    found = []
    for row in list_revisions(reader, run):
        raw, revised = find_revision(row)
        source = _own_source(row)
        found.append(
            Revision(
                name=f"{name} {row['id']}",
                row=identify_row(raw, source, row["id"]),
                language=row["language"],
                origin=Origin.REVIEW,
                raw=raw,
                revised=revised,
                source=source,
            )
        )
    if found:
        whole = {revision.name.partition(" ")[2].partition("/")[0] for revision in found}
        others = reader.query("SELECT record_key FROM records WHERE run_id = ? AND outcome = 'improved'", [run])
        if count := sum(row["record_key"] not in whole for row in others):
            left_out["not every edit was reviewed (log)"] += count
    return found


def _standing(reader: AuditReader, run: int, name: str, left_out: Counter[str]) -> Iterator[Revision]:
    """What each pass made of a pair, where it stands; of what was taken back nothing is learnt."""
    for row in reader.records("r.run_id = ?", [run]):
        if row.outcome != Outcome.IMPROVED or row.original_text is None:
            left_out["no edit stands (log)"] += 1
            continue
        decisions = reader.parts(row).decisions
        for number, original in enumerate(parse_texts(row.original_text)):
            current = original
            for _, decision in standing([found for found in decisions if found.pair == number]):
                before, current = current, apply(current, decision.decision().edits)
                yield Revision(
                    name=f"{name} {row.record_key} {decision.pass_}",
                    row=identify_row(original, None, row.record_key),
                    language=row.language,
                    origin=Origin.LOG,
                    raw=before,
                    revised=current,
                    pass_=Pass(decision.pass_),
                )
