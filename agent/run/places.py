"""Where a run reads and writes, from its settings. What would hurt the corpus or somebody's file is refused first."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from midb.audit.log import AuditLog
from midb.corpus.formats.base import Container
from midb.corpus.formats.folder import Folder
from midb.corpus.formats.gathering import is_pattern
from midb.corpus.output import remove, writing
from midb.corpus.places import OutputPlaces, default_database
from midb.domain.errors import UsageError
from midb.domain.hashing import file_sha256
from midb.domain.portability import lock_file
from midb.runs.config import RunConfig

#: How a copy of standard input is called; the rest of the name is random.
_COPY = ".midb-stdin-"


@contextmanager
def stdin_copy(stream: IO[bytes], folder: Path) -> Iterator[Path]:
    """Standard input as a file, while the block lasts: it has to be looked through before it is read.

    The copy is locked; one without a lock was left by a run that was killed, and is removed.
    """
    for stale in folder.glob(f"{_COPY}*"):
        with suppress(OSError), stale.open("rb") as file:
            lock_file(file.fileno())
            stale.unlink()
    with writing(folder / "standard input"):
        descriptor, name = tempfile.mkstemp(prefix=_COPY, dir=folder)
    copy = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            lock_file(file.fileno())
            with writing(folder / "standard input"):
                shutil.copyfileobj(stream, file, 1 << 20)
                file.flush()
            yield copy
    finally:
        copy.unlink(missing_ok=True)


def default_output(name: Path, container: Container) -> Path:
    """``<corpus>.boosted.<ext>`` beside the corpus."""
    if isinstance(container, Folder):
        name = container.path.absolute() if is_pattern(name) or not name.name else name
    stem = name.name.removesuffix(container.suffix) if container.suffix else name.name
    return name.with_name(f"{stem}.boosted{container.suffix}")


def find_places(config: RunConfig, container: Container) -> OutputPlaces:
    """Where everything goes; raises UsageError where that would hurt the corpus or cannot be written."""
    name = Path("stdin") if str(config.corpus) == "-" else config.corpus
    output = config.output or default_output(name, container)
    if str(output) == "-":
        raise UsageError("the output cannot be standard output: it appears only when it is complete.", hint="-o FILE")
    places = OutputPlaces(output, config.db or default_database(output))
    inputs = [container.path, *([config.source] if config.source else [])]
    folder = container.path if isinstance(container, Folder) else None
    places.check(inputs, "the corpus or its source", folder=folder)
    return places


def refuse_foreign_output(places: OutputPlaces, log: AuditLog | None) -> None:
    """Raise UsageError for an output that exists and is not what a run of this log wrote."""
    if places.output.exists() and not (log and log.wrote(places.logged(places.output), file_sha256(places.output))):
        raise UsageError(
            f"{places.output} exists and is not what midb-agent wrote there.",
            hint="Choose another -o, or move the file away.",
        )


def clean_up(places: OutputPlaces) -> None:
    """Remove what a kill during the very last step may have left."""
    for path in (places.partial, places.temporary, places.replaced):
        remove(path)
    if places.rejected.exists() and not places.rejected.stat().st_size:
        places.rejected.unlink()
