"""Cutting a corpus into shards, so that several machines can boost one each. Knows nothing of runs and their logs.

A record goes, byte for byte, to the shard that the SHA-256 of its key names: the same key to the same shard wherever
the record stands, whatever was added elsewhere. A record without an id has no key of its own, only its position, which
moves with every row added before it; it goes by the hash of its bytes instead, and so does a line that cannot be read.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from midb.corpus.formats.array import CLOSING
from midb.corpus.formats.base import Container
from midb.corpus.formats.containers import open_container
from midb.corpus.formats.folder import Folder
from midb.corpus.layouts import RecordError
from midb.corpus.opened import open_corpus
from midb.corpus.output import GrowingFile, move_into_place, writing
from midb.corpus.places import access_of
from midb.corpus.raw import BOM, RawRecord, Tail
from midb.corpus.records import load_object, record_key
from midb.corpus.sources import SourcesById, open_sources
from midb.domain.errors import CorpusError, MidbError, UsageError
from midb.domain.hashing import file_sha256
from midb.runs.cluster_settings import MAX_SHARDS
from midb.runs.pinning import pin

_NAME = re.compile(r".*\.shard-([1-9]\d*)-of-([1-9]\d*)(?!\d)")


@dataclass(frozen=True)
class Cut:
    """One shard of a corpus. ``path`` is None where it has no record and therefore no file."""

    number: int
    records: int
    path: Path | None
    source: Path | None = None


@dataclass(frozen=True)
class Split:
    """A corpus that was cut.

    :param source_whole: the source is aligned by id, and is used as it is with every shard.
    :param survey: where it says how the corpus is to be read; else ``unpinned`` says why it does not.
    """

    cuts: tuple[Cut, ...]
    source_whole: bool = False
    survey: Path | None = None
    unpinned: str = ""


class Sink(Protocol):
    """What a shard is written to."""

    length: int

    def write(self, data: bytes) -> None: ...


class DigestSink:
    """The SHA-256 of a shard that is not written anywhere."""

    def __init__(self) -> None:
        self.length = 0
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Append."""
        self._digest.update(data)
        self.length += len(data)

    def sha256(self) -> str:
        """Of all that was written, as hex."""
        return self._digest.hexdigest()


def shard_of_key(key: str, shards: int) -> int:
    """The shard, from 1, of a record's key.

    >>> [shard_of_key(key, 4) for key in ("de-1", "de-2", "de-3")]
    [3, 2, 4]
    """
    return _shard_of_hash(hashlib.sha256(key.encode("utf-8")).hexdigest(), shards)


def shard_of(raw: RawRecord, shards: int) -> int:
    """The shard, from 1, of a record: by its key, or by its bytes where it has none of its own or cannot be read."""
    nowhere = -1  # a position that no record has, so that what a key says cannot depend on where the record stands
    try:
        key = record_key(load_object(raw), nowhere)
    except RecordError:
        key = f"#{nowhere}"
    return _shard_of_hash(raw.sha256(), shards) if key == f"#{nowhere}" else shard_of_key(key, shards)


def _shard_of_hash(digest: str, shards: int) -> int:
    return int(digest, 16) % shards + 1


def shard_path(path: Path, suffix: str, number: int, shards: int, folder: Path | None = None) -> Path:
    """Where a shard goes: ``<stem>.shard-K-of-N<suffix>``.

    >>> shard_path(Path("data/c.jsonl.gz"), ".jsonl.gz", 2, 4).name
    'c.shard-2-of-4.jsonl.gz'
    """
    stem = path.name.removesuffix(suffix) if suffix else path.name
    return (folder or path.parent) / f"{stem}.shard-{number}-of-{shards}{suffix}"


def parse_shard_name(name: str) -> tuple[int, int] | None:
    """Number and count of shards in a file's name; of a shard of a shard the inner ones.

    >>> parse_shard_name("c.shard-2-of-4.boosted.jsonl.audit.db"), parse_shard_name("c.jsonl")
    ((2, 4), None)
    """
    match = _NAME.match(name)
    if match is None:
        return None
    number, shards = int(match[1]), int(match[2])
    return (number, shards) if number <= shards else None


def cut(container: Container, owner: Callable[[RawRecord], int], sinks: Sequence[Sink]) -> list[int]:
    """Write each record to the sink of its owner (from 1), in order; returns how many each of them got."""
    counts = [0] * len(sinks)
    tail = Tail(b"")
    last: RawRecord | None = None
    mine = 0
    for item in container.read():
        if isinstance(item, Tail):
            tail = item
            break
        last, mine = item, owner(item) - 1
        counts[mine] += 1
        for index, sink in enumerate(sinks):
            if index != mine:
                if skipped := container.dropped(item):
                    sink.write(skipped)
                continue
            _write(container, item, sink)
    # Of a corpus that was cut off, the last record may reach to the end of the file: it must not swallow the bracket.
    open_ended = last is not None and tail.data == CLOSING and not _is_object(last)
    for index, sink in enumerate(sinks):
        if not (open_ended and index == mine):
            sink.write(container.tail(tail, first=sink.length == 0))
    return counts


def _write(container: Container, item: RawRecord, sink: Sink) -> None:
    data = container.kept(item, None, first=sink.length == 0)
    if sink.length == 0 and (item.before + item.body).startswith(BOM):
        data = BOM + data  # a mark amid the corpus is part of its line; at the very beginning it would be taken off
    end = len(data) - (len(item.after) if item.spool else 0)
    sink.write(data[:end])
    for chunk in item.chunks() if item.spool else ():
        sink.write(chunk)
    sink.write(data[end:])


def _is_object(raw: RawRecord) -> bool:
    try:
        load_object(raw)
    except RecordError:
        return False
    return True


def owners_by_line(container: Container, shards: int) -> Callable[[RawRecord], int]:
    """The shards of a source's records where the n-th belongs to the n-th record of the corpus ``container``."""
    owners = (shard_of(item, shards) for item in container.read() if isinstance(item, RawRecord))

    def owner(_: RawRecord) -> int:
        if number := next(owners, 0):
            return number
        raise CorpusError(
            f"the source has more records than {container.path}.", hint="Name the source of this very corpus."
        )

    return owner


@contextlib.contextmanager
def make_folder(folder: Path) -> Iterator[None]:
    """Make a folder where there is none; where nothing could be put into it, it is not left behind."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder {folder} cannot be made: {error.strerror}.", hint="Name another one with -o."
        ) from error
    try:
        yield
    except BaseException:
        for path in missing:
            with contextlib.suppress(OSError):  # somebody put something there meanwhile
                path.rmdir()
        raise


def open_to_cut(corpus: Path) -> Container:
    """Open a corpus that is to be cut; raises UsageError for one that cannot be."""
    if str(corpus) == "-":
        raise UsageError("a corpus that is cut cannot come from standard input.", hint="Name a file.")
    container = open_container(corpus)
    if isinstance(container, Folder):
        raise UsageError(
            f"{corpus} is {container.name}: it is cut already.",
            hint="Run its files on several machines, each for itself; no merge is needed.",
        )
    return container


def split(corpus: Path, shards: int, *, folder: Path | None = None, source: Path | None = None) -> Split:
    """Cut a corpus, and with it a source that is aligned by line.

    Raises UsageError where a file would be overwritten that holds something else; then nothing was written.
    """
    if not 1 <= shards <= MAX_SHARDS:
        raise UsageError(f"{shards} shards cannot be made.", hint=f"--shards is a number from 1 to {MAX_SHARDS}.")
    container = open_to_cut(corpus)
    sources: Container | None = None
    if source is not None and not isinstance(open_sources(source, container, -1), SourcesById):
        sources = open_container(source)
        if isinstance(sources, Folder):
            raise UsageError(
                f"{source} is {sources.name}, and it shares no ids with the corpus: it cannot be cut alongside.",
                hint="Put its files together, or give both an id.",
            )
    inputs = {path.resolve() for path in (corpus, source) if path is not None}
    with contextlib.ExitStack() as stack:
        if folder is not None:
            stack.enter_context(make_folder(folder))
        made = stack.enter_context(_Shards(container, shards, folder, inputs))
        made.fill(lambda raw: shard_of(raw, shards))
        made_sources = stack.enter_context(_Shards(sources, shards, folder, inputs)) if sources else None
        if made_sources:
            made_sources.fill(owners_by_line(container, shards))
            made_sources.refuse_others()
        made.refuse_others()
        survey, unpinned = _survey(container, source, folder)
        source_paths = made_sources.publish() if made_sources else [None] * shards
        paths = made.publish()
    cuts = zip(made.counts, paths, source_paths, strict=True)
    return Split(
        tuple(Cut(number, count, path, beside) for number, (count, path, beside) in enumerate(cuts, start=1)),
        source_whole=source is not None and sources is None,
        survey=survey,
        unpinned=unpinned,
    )


def _survey(container: Container, source: Path | None, folder: Path | None) -> tuple[Path | None, str]:
    """Write what is found out about the whole corpus beside its shards; else why it could not be found out."""
    stem = container.path.name.removesuffix(container.suffix)
    path = (folder or container.path.parent) / f"{stem}.survey.json"
    try:
        content = pin(open_corpus(container, source=source))
    except MidbError as error:
        return None, error.message.rstrip(".")
    if content is None:
        return None, "the layout of its records cannot be told without their texts"
    if path.exists() and path.read_bytes() != content:
        raise UsageError(f"{path} exists and is another survey.", hint="Move it away, or name a folder with -o.")
    with writing(path):
        path.write_bytes(content)
    return path, ""


class _Shards:
    """The shards of one file while they are made: first beside their places, then all moved there."""

    def __init__(self, container: Container, shards: int, folder: Path | None, inputs: set[Path]) -> None:
        self.counts: list[int] = []
        self._container = container
        self._targets = [
            shard_path(container.path, container.suffix, number, shards, folder) for number in range(1, shards + 1)
        ]
        self._files: list[GrowingFile] = []  # open to the end: they keep another process from the same places
        self._made: list[Path] = []
        for path in (*self._targets, *self._partials(), *self._temporaries()):
            if path.resolve() in inputs:
                raise UsageError(f"{path} would overwrite the corpus or its source.", hint="Choose another -o.")

    def _partials(self) -> list[Path]:
        return [target.with_name(target.name + ".partial") for target in self._targets]

    def _temporaries(self) -> list[Path]:
        return [target.with_name(target.name + ".temporary") for target in self._targets]

    def __enter__(self) -> _Shards:
        return self

    def __exit__(self, *_: object) -> None:
        for file, temporary in zip(self._files, self._temporaries(), strict=False):
            file.path.unlink(missing_ok=True)
            temporary.unlink(missing_ok=True)
            file.close()

    def fill(self, owner: Callable[[RawRecord], int]) -> None:
        """Make all shards, complete, beside their places."""
        mode = access_of(self._container.path)
        for partial in self._partials():
            self._files.append(GrowingFile(partial, 0, mode))
        self.counts = cut(self._container, owner, self._files)
        for file in self._files:
            file.sync()
        for partial, temporary, count in zip(self._partials(), self._temporaries(), self.counts, strict=True):
            if count:
                GrowingFile(temporary, 0, mode).close()  # made here, so that nobody may read it too early
            made = self._container.finish(partial, temporary) if count else partial
            if count:
                self._check(made)
            self._made.append(made)

    def _check(self, made: Path) -> None:
        """A shard is read as the corpus is: a broken first line must not make it look like another format."""
        try:
            same = type(open_container(made)) is type(self._container)
        except CorpusError:
            same = False
        if not same:
            raise CorpusError(
                f"a shard of {self._container.path} would begin with a line that cannot be read and makes it look like "
                "another format.",
                hint="Mend or remove the lines that are no JSON objects (midb-agent check names them).",
            )

    def refuse_others(self) -> None:
        """Raise UsageError where a place is taken by something else."""
        for target, made, count in zip(self._targets, self._made, self.counts, strict=True):
            if target.exists() and not (count and file_sha256(target) == file_sha256(made)):
                raise UsageError(
                    f"{target} exists and is another shard than would be written there.",
                    hint="Move it away, or name a folder with -o.",
                )

    def publish(self) -> list[Path | None]:
        """Move the shards to their places; one without records has none."""
        for target, made, count in zip(self._targets, self._made, self.counts, strict=True):
            if count and not target.exists():
                move_into_place(made, target)
        return [target if count else None for target, count in zip(self._targets, self.counts, strict=True)]
