"""Where a run reads and writes. What would hurt the corpus or somebody's file is refused before a byte is written."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from midb.audit.log import AuditLog
from midb.corpus.formats.containers import Container
from midb.corpus.output import writing
from midb.domain.errors import UsageError
from midb.domain.hashing import file_sha256
from midb.runs.config import RunConfig


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a run reads and writes. ``name`` is the corpus as the user called it."""

    name: str
    corpus: Path
    output: Path
    db: Path

    @property
    def partial(self) -> Path:
        """The output while it grows."""
        return self.output.with_name(self.output.name + ".partial")

    @property
    def temporary(self) -> Path:
        """Where a compressed output is made."""
        return self.output.with_name(self.output.name + ".temporary")

    @property
    def rejected(self) -> Path:
        """Where lines go that cannot be read."""
        return self.output.with_name(self.output.name + ".rejected.jsonl")

    def logged(self, path: Path) -> str:
        """A path as the log names it: relative to the log, so that the folder can be moved as a whole."""
        return os.path.relpath(path.absolute(), self.db.absolute().parent)


def stdin_spool(stream: IO[bytes], folder: Path) -> Path:
    """Standard input as a file: it has to be looked through before it is read. Deleted by the caller."""
    with writing(folder / "standard input"):
        descriptor, name = tempfile.mkstemp(prefix=".midb-stdin-", dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
    return Path(name)


def default_output(name: Path, container: Container) -> Path:
    """``<corpus>.boosted.<ext>`` beside the corpus."""
    stem = name.name.removesuffix(container.suffix) if container.suffix else name.name
    return name.with_name(f"{stem}.boosted{container.suffix}")


def find_places(config: RunConfig, container: Container) -> Places:
    """Where everything goes; raises UsageError where that would hurt the corpus or cannot be written."""
    from_stdin = str(config.corpus) == "-"
    name = Path("stdin") if from_stdin else config.corpus
    output = config.output or default_output(name, container)
    if str(output) == "-":
        raise UsageError("the output cannot be standard output: it appears only when it is complete.", hint="-o FILE")
    db = config.db or output.with_name(output.name + ".audit.db")
    places = Places(name=str(config.corpus), corpus=container.path, output=output, db=db)
    if output.is_dir():
        raise UsageError(f"the output {output} is a folder.", hint="Name a file with -o.")
    for path in (output, db):
        if not path.absolute().parent.is_dir():
            raise UsageError(f"there is no folder {path.absolute().parent}.", hint="Make it first, or name another -o.")
    taken = {path.resolve() for path in (container.path, *([config.source] if config.source else []))}
    for path in (output, db, places.partial, places.rejected, places.temporary):
        if path.resolve() in taken:
            raise UsageError(f"{path} would overwrite the corpus or its source.", hint="Choose another -o or --db.")
    if output.resolve() == db.resolve():
        raise UsageError("output and audit log are the same file.", hint="Choose another --db.")
    return places


def refuse_foreign_output(places: Places, log: AuditLog | None) -> None:
    """Raise UsageError for an output that exists and is not what a run of this log wrote."""
    if places.output.exists() and not (log and log.wrote(places.logged(places.output), file_sha256(places.output))):
        raise UsageError(
            f"{places.output} exists and is not what midb-agent wrote there.",
            hint="Choose another -o, or move the file away.",
        )


def clean_up(places: Places) -> None:
    """Remove what a kill during the very last step may have left."""
    for path in (places.partial, places.temporary):
        with suppress(FileNotFoundError):
            path.unlink()
    if places.rejected.exists() and not places.rejected.stat().st_size:
        places.rejected.unlink()
