"""The files that a log speaks of, held against it: is the corpus the one that was read, the output the one written?

The log says which hash each file should have. Where one has another, `difference` looks for the first record in it
that is not as logged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from midb.audit.proof.difference import FileDifference, find_in_corpus, find_in_output
from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run
from midb.corpus.formats.containers import corpus_exists, corpus_sha256
from midb.corpus.places import text_of
from midb.domain.errors import MidbError, UsageError
from midb.domain.hashing import file_sha256, hash_beginning


class FileKind(StrEnum):
    """What a file is to a run."""

    CORPUS = "corpus"
    OUTPUT = "output"
    PARTIAL = "partial output"
    REJECTED = "rejected lines"


class FileState(StrEnum):
    """What became of a file. Another run may have replaced it, as `--fresh` does."""

    AS_LOGGED = "as logged"
    CHANGED = "changed"
    MISSING = "missing"
    REPLACED = "replaced"


@dataclass(frozen=True, kw_only=True)
class FileProof:
    """One file of some runs of a log. ``difference`` says where it was changed; ``note`` what else is to be known."""

    kind: FileKind
    runs: tuple[int, ...]
    path: str
    state: FileState
    difference: FileDifference | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class MovedFiles:
    """Where files lie now that were moved, and of which run; that is found out by their hash where it is not said."""

    corpus: Path | None = None
    output: Path | None = None
    run: int | None = None


def compare_files(reader: AuditReader, moved: MovedFiles = MovedFiles()) -> list[FileProof]:
    """All files of finished runs, and those of the last unfinished one, against the log.

    Raises UsageError where a file that is named is not there, or belongs to no finished run.
    """
    runs = [run for run in reader.runs() if run.kind not in ("dry-run", "review", "evaluation")]
    finished = [run for run in runs if run.status == "finished"]
    found: list[FileProof] = []
    corpus_of: dict[int, Path] = {}
    for kind, given in ((FileKind.CORPUS, moved.corpus), (FileKind.OUTPUT, moved.output)):
        settled = _settle(given, moved.run, finished, kind)
        groups = _group(finished, kind)
        for group in groups:
            path = given if settled in group else _find(reader.path, group[-1], kind)
            proof = _compare_whole(reader, group, kind, path, corpus_of.get(group[-1].id))
            if proof.state in (FileState.CHANGED, FileState.MISSING) and not (given and settled in group):
                proof = _replaced(proof, group[-1], kind, runs)
            if path and kind is FileKind.CORPUS and proof.state is FileState.AS_LOGGED:
                corpus_of |= {run.id: path for run in group}
            found.append(proof)
    if runs and runs[-1].status in ("running", "interrupted"):
        found += _compare_beginning(reader, runs[-1], FileKind.PARTIAL)
    for group in _group(runs, FileKind.REJECTED):
        found += _compare_beginning(reader, group[-1], FileKind.REJECTED)
    return found


def _place_of(run: Run, kind: FileKind) -> str:
    """Where a file lies, as the log has it."""
    return {FileKind.CORPUS: run.corpus, FileKind.REJECTED: run.rejected}.get(kind, run.output)


def _hash_of(run: Run, kind: FileKind) -> str | None:
    """The hash that the whole file should have, where the log knows one."""
    return {FileKind.CORPUS: run.corpus_sha256, FileKind.OUTPUT: run.output_sha256}.get(kind)


def _group(runs: Sequence[Run], kind: FileKind) -> list[list[Run]]:
    """The runs of each file: those with the same place and, unless it is about rejected lines, the same hash."""
    groups: dict[tuple[str, str | None], list[Run]] = {}
    for run in runs:
        if kind is FileKind.REJECTED:
            if run.kind == "run":  # one that goes on names the rejected lines of its parent
                groups.setdefault((run.rejected, None), []).append(run)
        else:
            groups.setdefault((_place_of(run, kind), _hash_of(run, kind)), []).append(run)
    return list(groups.values())


def _settle(given: Path | None, number: int | None, runs: Sequence[Run], kind: FileKind) -> Run | None:
    """The run whose file a given path is: the one named, else the one that logged its hash, else the last one."""
    if given is None:
        return None
    if not corpus_exists(given):
        raise UsageError(f"there is no file {given}.", hint=f"--{kind.value} names where the {kind.value} lies now.")
    named = [run for run in runs if number in (None, run.id)]
    if not named:
        which = "no run" if number is None else f"run {number}, if there is one,"
        raise UsageError(f"{which} is finished, so that no {kind.value} can be held against it.")
    sha256 = _sha256(given, kind)
    return next((run for run in reversed(named) if _hash_of(run, kind) == sha256), named[-1])


def _compare_whole(
    reader: AuditReader, group: Sequence[Run], kind: FileKind, path: Path | None, corpus: Path | None
) -> FileProof:
    """A whole file of some runs at ``path``; ``corpus`` is what they read, where that is as logged."""
    run, numbers = group[-1], tuple(one.id for one in group)
    if path is None:
        place = _place_of(run, kind)
        note = "it was standard input, of which no copy is kept" if place == "-" else ""
        return FileProof(kind=kind, runs=numbers, path=place, state=FileState.MISSING, note=note)
    if _sha256(path, kind) == _hash_of(run, kind):
        return FileProof(kind=kind, runs=numbers, path=text_of(path), state=FileState.AS_LOGGED)
    is_corpus = kind is FileKind.CORPUS
    difference = find_in_corpus(reader, run, path) if is_corpus else find_in_output(reader, run, path, corpus)
    return FileProof(kind=kind, runs=numbers, path=text_of(path), state=FileState.CHANGED, difference=difference)


def _replaced(proof: FileProof, run: Run, kind: FileKind, runs: Sequence[Run]) -> FileProof:
    """The same, if a later run put another file in the place of this one.

    One that is finishing may have done so: the hash of the file tells.
    """
    place = _place_of(run, kind)
    later = [other for other in runs if other.id > run.id and _place_of(other, kind) == place]
    for other in reversed(later):
        moved = kind is FileKind.OUTPUT and other.status == "finishing" and proof.state is FileState.CHANGED
        if other.status == "finished" or (moved and file_sha256(Path(proof.path)) == other.output_sha256):
            return replace(proof, state=FileState.REPLACED, difference=None, note=f"by that of run {other.id}")
    return proof


def _find(log: Path, run: Run, kind: FileKind) -> Path | None:
    """The file of a run: that with its hash where several may be meant, else the first that is there.

    Its place is relative to the log, that of a corpus as it was typed; of a folder that was moved as a whole, or files
    that were gathered beside the log, the names are left.
    """
    place = _place_of(run, kind) + (".partial" if kind is FileKind.PARTIAL else "")
    folder = log.parent
    candidates = [folder / place, folder / Path(place).name, *([Path(place)] if kind is FileKind.CORPUS else [])]
    whole = kind in (FileKind.CORPUS, FileKind.OUTPUT)  # which a folder may be
    there = [path for path in dict.fromkeys(candidates) if (corpus_exists(path) if whole else path.is_file())]
    if len(there) > 1 and (expected := _hash_of(run, kind)):
        return next((path for path in there if _sha256(path, kind) == expected), there[0])
    return there[0] if there else None


def _sha256(path: Path, kind: FileKind) -> str | None:
    """The hash of a file or a folder, ``None`` where its files cannot be read as a corpus any more."""
    if kind is not FileKind.CORPUS:
        return file_sha256(path)
    try:
        return corpus_sha256(path)
    except MidbError:
        return None


def _compare_beginning(reader: AuditReader, run: Run, kind: FileKind) -> Iterator[FileProof]:
    """A file that grows with a run, as far as its checkpoint goes; behind the end of a finished run nothing may follow.

    Yields nothing where the log does not say what it holds, as those of older versions, or it holds nothing.
    """
    what = "output" if kind is FileKind.PARTIAL else "rejected"
    found = _written(reader, run.id)
    length = found.get(f"{what}_bytes")
    if not isinstance(length, int) or not length:
        return
    path = _find(reader.path, run, kind)
    if path is None:
        yield FileProof(kind=kind, runs=(run.id,), path=_place_of(run, kind), state=FileState.MISSING)
        return
    with path.open("rb") as file:
        same = hash_beginning(file, length).hexdigest() == found[f"{what}_sha256"]
    size = path.stat().st_size
    same = same and (size == length if run.status == "finished" else size >= length)
    state = FileState.AS_LOGGED if same else FileState.CHANGED
    yield FileProof(kind=kind, runs=(run.id,), path=text_of(path), state=state)


def _written(reader: AuditReader, run: int) -> Mapping[str, object]:
    """How long a run's growing files are and which hashes they have; empty where the log does not say."""
    if not list(reader.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'written'")):
        return {}
    sql = (
        "SELECT output_bytes, rejected_bytes, output_sha256, rejected_sha256 FROM checkpoints JOIN written "
        "USING (run_id) WHERE run_id = ?"
    )
    return next((dict(row) for row in reader.query(sql, [run])), {})
