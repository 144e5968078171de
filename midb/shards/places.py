"""Where a merge writes, finished and while it is made. Knows nothing of what is merged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from midb.domain.errors import UsageError


@dataclass(frozen=True)
class MergePlaces:
    """Where a merge writes."""

    output: Path
    db: Path

    @property
    def rejected(self) -> Path:
        """Where the lines go that could not be read."""
        return self._beside(self.output, ".rejected.jsonl")

    @property
    def partial(self) -> Path:
        """The output while it grows."""
        return self._beside(self.output, ".partial")

    @property
    def temporary(self) -> Path:
        """Where a compressed output is made."""
        return self._beside(self.output, ".temporary")

    @property
    def rejected_partial(self) -> Path:
        """The rejected lines while they grow."""
        return self._beside(self.rejected, ".partial")

    @property
    def db_partial(self) -> Path:
        """The log while it grows."""
        return self._beside(self.db, ".partial")

    def logged(self, path: Path) -> str:
        """A path as the log names it: relative to the log."""
        return os.path.relpath(path.absolute(), self.db.absolute().parent)

    @staticmethod
    def _beside(path: Path, ending: str) -> Path:
        return path.with_name(path.name + ending)

    def check(self, inputs: Iterable[Path]) -> None:
        """Raise UsageError where nothing can be written, or something of the merge's own would be overwritten."""
        if self.output.resolve() == self.db.resolve():
            raise UsageError("output and audit log are the same file.", hint="Choose another --db.")
        for path in (self.output, self.db):
            if not path.absolute().parent.is_dir():
                raise UsageError(f"there is no folder {path.absolute().parent}.", hint="Make it, or name another -o.")
        taken = {path.resolve() for path in inputs}
        for path in (self.output, self.db, self.rejected, self.partial, self.temporary, self.rejected_partial,
                     self.db_partial):  # fmt: skip
            if path.resolve() in taken:
                raise UsageError(f"{path} would overwrite what is to be merged.", hint="Choose another -o or --db.")


def remove_database(path: Path) -> None:
    """Remove an SQLite file with what may lie beside it."""
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
