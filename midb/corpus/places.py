"""Where an output, its audit log and its rejected lines go, finished and while they are made.

One rule for everybody who writes a corpus: a run, a revert, a merge. Knows nothing of what is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from midb.domain.errors import UsageError


@dataclass(frozen=True)
class OutputPlaces:
    """The files of one output. All but ``db`` lie beside it."""

    output: Path
    db: Path

    @property
    def partial(self) -> Path:
        """The output while it grows."""
        return beside(self.output, ".partial")

    @property
    def temporary(self) -> Path:
        """Where a compressed output is made."""
        return beside(self.output, ".temporary")

    @property
    def replaced(self) -> Path:
        """An earlier output that is a folder, until the new one is in its place."""
        return beside(self.output, ".replaced")

    @property
    def rejected(self) -> Path:
        """Where lines go that cannot be read."""
        return beside(self.output, ".rejected.jsonl")

    @property
    def rejected_partial(self) -> Path:
        """The rejected lines of a merge while they grow."""
        return beside(self.rejected, ".partial")

    @property
    def db_partial(self) -> Path:
        """The log of a merge while it grows."""
        return beside(self.db, ".partial")

    def logged(self, path: Path) -> str:
        """A path as the log names it: relative to the log, so that the folder can be moved as a whole."""
        return text_of(os.path.relpath(path.absolute(), self.db.absolute().parent))

    def check(self, inputs: Iterable[Path], what: str, *, folder: Path | None = None) -> None:
        """Raise UsageError where nothing can be written, or one of ``inputs`` (in words: ``what``) would be lost.

        ``folder`` is a corpus of many files: its output is a folder as well, and lies outside of it.
        """
        if folder is None and self.output.is_dir():
            raise UsageError(f"the output {self.output} is a folder.", hint="Name a file with -o.")
        if folder is not None and self.output.is_file():
            hint = "The output of a folder is a folder: name one with -o."
            raise UsageError(f"the output {self.output} is a file.", hint=hint)
        for path in (self.output, self.db):
            if folder is None:
                break
            if folder.resolve() in path.resolve().parents or path.resolve() in folder.resolve().parents:
                raise UsageError(
                    f"{path} lies in the corpus {folder}, or the corpus in it.", hint="Name another place with -o."
                )
        for path in (self.output, self.db):
            folder = path.absolute().parent
            if not folder.is_dir():
                raise UsageError(f"there is no folder {folder}.", hint="Make it first, or name another -o.")
        taken = {path.resolve() for path in inputs}
        for path in (self.output, self.db, self.partial, self.rejected, self.temporary, self.rejected_partial,
                     self.db_partial):  # fmt: skip
            if path.resolve() in taken:
                raise UsageError(f"{path} would overwrite {what}.", hint="Choose another -o or --db.")
        if self.output.resolve() == self.db.resolve():
            raise UsageError("output and audit log are the same file.", hint="Choose another --db.")

    def refuse_others(self, *, ours: bool) -> None:
        """Raise UsageError where a file lies in a place that is written to before the end.

        ``ours``: the log knows of a run that wrote here, so that it is what a killed run left.
        """
        for path in (self.partial, self.rejected, self.temporary, self.replaced):
            if path.is_symlink() or (not ours and path.exists() and (path.is_dir() or path.stat().st_size)):
                raise UsageError(
                    f"{path} exists and is not what midb-agent wrote there.",
                    hint="Choose another -o, or move the file away.",
                )


def text_of(path: Path | str) -> str:
    r"""A path as text that can be logged: file names need not be UTF-8, and such bytes are shown escaped.

    >>> text_of(os.fsdecode(b"\xff.jsonl"))
    '\\xff.jsonl'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def access_of(path: Path) -> int:
    """The access that others get to what is made of a file: no more than to the file itself."""
    return path.stat().st_mode & 0o666


def beside(path: Path, ending: str) -> Path:
    """The same path with something at its end."""
    return path.parent / (path.name + ending)


def default_database(output: Path) -> Path:
    """``<output>.audit.db``, where an output's log lies unless the user says otherwise."""
    return beside(output, ".audit.db")
