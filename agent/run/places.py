"""Where a run reads and writes, from its settings. What would hurt the corpus or somebody's file is refused first."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from midb.audit.log import AuditLog
from midb.corpus.formats.base import Container
from midb.corpus.output import writing
from midb.corpus.places import OutputPlaces, default_database
from midb.domain.errors import UsageError
from midb.domain.hashing import file_sha256
from midb.runs.config import RunConfig


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


def find_places(config: RunConfig, container: Container) -> OutputPlaces:
    """Where everything goes; raises UsageError where that would hurt the corpus or cannot be written."""
    name = Path("stdin") if str(config.corpus) == "-" else config.corpus
    output = config.output or default_output(name, container)
    if str(output) == "-":
        raise UsageError("the output cannot be standard output: it appears only when it is complete.", hint="-o FILE")
    places = OutputPlaces(output, config.db or default_database(output))
    inputs = [container.path, *([config.source] if config.source else [])]
    places.check(inputs, "the corpus or its source")
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
    for path in (places.partial, places.temporary):
        with suppress(FileNotFoundError):
            path.unlink()
    if places.rejected.exists() and not places.rejected.stat().st_size:
        places.rejected.unlink()
