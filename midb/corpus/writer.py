"""The files of an output while they grow: the records, and beside them the lines that cannot be read.

Knows the format of the corpus, no audit log. What has reached the disk is the caller's to remember: by these lengths
the files can be cut back to any checkpoint.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

from midb.corpus.formats.base import Container
from midb.corpus.output import DEFAULT_MODE, GrowingFile, move_into_place, rejected_entry, remove, writing
from midb.corpus.places import OutputPlaces
from midb.corpus.raw import RawRecord, Tail
from midb.domain.results import RejectedLine


class OutputFiles:
    """Opens the partial files, cut back to the given lengths in bytes, and locks them while it is open.

    ``rejected`` is where rejected lines grow, ``None`` where they are not written; ``mode`` is the access that others
    get to new files. Who finds the files locked by another process, or links in their places, gets a UsageError; who
    finds other bytes in them than those of ``output_sha256`` and ``rejected_sha256`` a MidbError.
    """

    def __init__(
        self,
        container: Container,
        places: OutputPlaces,
        rejected: Path | None,
        *,
        output_bytes: int = 0,
        rejected_bytes: int = 0,
        output_sha256: str | None = None,
        rejected_sha256: str | None = None,
        mode: int = DEFAULT_MODE,
    ) -> None:
        self.container = container
        self.places = places
        self._mode = mode
        self._output = GrowingFile(places.partial, output_bytes, mode, sha256=output_sha256)
        self._rejected: GrowingFile | None = None
        if rejected is not None:
            try:
                self._rejected = GrowingFile(rejected, rejected_bytes, mode, sha256=rejected_sha256)
            except BaseException:
                self._output.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def output_bytes(self) -> int:
        """Length of the partial output."""
        return self._output.length

    @property
    def rejected_bytes(self) -> int:
        """Length of the rejected lines, 0 where they are not written."""
        return self._rejected.length if self._rejected else 0

    @property
    def output_sha256(self) -> str:
        """SHA-256 (hex) of the partial output."""
        return self._output.sha256()

    @property
    def rejected_sha256(self) -> str:
        """SHA-256 (hex) of the rejected lines; of nothing where they are not written."""
        return self._rejected.sha256() if self._rejected else hashlib.sha256().hexdigest()

    def keep(self, raw: RawRecord, body: bytes | None) -> None:
        """Write a record, with its new ``body`` or, where that is ``None``, with its own."""
        self._output.write(self.container.kept(raw, body, first=self._output.length == 0))

    def drop(self, raw: RawRecord, line: RejectedLine) -> None:
        """Leave a record out, and write it to the rejected lines."""
        self._output.write(self.container.dropped(raw))
        if self._rejected:
            self._rejected.write(rejected_entry(raw, line))

    def end(self, tail: Tail) -> None:
        """Write what follows the last record."""
        self._output.write(self.container.tail(tail, first=self._output.length == 0))

    def sync(self) -> None:
        """Have everything on the disk, so that a checkpoint may refer to it."""
        self._output.sync()
        if self._rejected:
            self._rejected.sync()

    def make(self) -> Path:
        """Make the finished file from the partial one, beside its place; returns where it lies."""
        if self.places.temporary.is_dir() and not self.places.temporary.is_symlink():
            with writing(self.places.temporary):
                remove(self.places.temporary)  # a folder that a killed run left half made
        GrowingFile(self.places.temporary, 0, self._mode).close()  # made here, so that nobody may read it too early
        made = self.container.finish(self.places.partial, self.places.temporary)
        if made != self.places.temporary:
            self.places.temporary.unlink()
        return made

    def settle(self, made: Path) -> None:
        """Put the finished file into its place, and remove what is not needed any more."""
        move_into_place(made, self.places.output)
        if made != self.places.partial:
            self.places.partial.unlink()
        if self._rejected and not self._rejected.length:
            self._rejected.path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove everything: nothing of it will be used."""
        for path in (self._output.path, self.places.temporary, *([self._rejected.path] if self._rejected else [])):
            remove(path)

    def close(self) -> None:
        """Let go of the files."""
        self._output.close()
        if self._rejected:
            self._rejected.close()
