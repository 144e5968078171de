"""The one writer of a corpus that is logged: an output and what the audit log says about it never disagree.

The order of writing is what survives anything: first the output's bytes reach the disk, then one transaction holds
everything that was decided about them together with the new checkpoint and the hashes of the files. What lies beyond
the checkpoint is cut off when a run resumes, and what lies before it must still be what was written. At the end the log
says that the run is finishing, and with which hash, before the output is moved to its place; killed anywhere in
between, the hash tells how far it came.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from midb.audit.log import AuditLog
from midb.audit.run_rows import Checkpoint, Run, Written
from midb.corpus.raw import RawRecord, Tail
from midb.corpus.writer import OutputFiles
from midb.domain.errors import MidbError
from midb.domain.hashing import file_sha256
from midb.domain.results import RecordResult, RejectedLine

#: (level, message) of an event, as the log keeps it.
LoggedEvent = tuple[str, str]

Prepare = Callable[[Sequence[RecordResult]], Sequence[RecordResult]]


class CorpusWriter:
    """Writes the records of one run, in order, to its files and its log.

    ``failed`` is the status that the log keeps where the block is left with an error: "interrupted" for what can be
    resumed. ``prepare`` may replace the results of a batch before they are logged.
    """

    def __init__(
        self,
        files: OutputFiles,
        log: AuditLog,
        run: Run,
        checkpoint: Checkpoint,
        *,
        failed: str,
        prepare: Prepare = lambda results: results,
    ) -> None:
        self.run = run
        self.checkpoint = checkpoint
        self._files = files
        self._log = log
        self._failed = failed
        self._prepare = prepare
        self._results: list[RecordResult] = []
        self._lines: list[RejectedLine] = []
        self._last: RawRecord | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # Once it is finishing the output may be in its place (its hash tells), and a finished run stays finished.
        if error is not None and self.run.status not in ("finishing", "finished"):
            with contextlib.suppress(MidbError):  # the log itself may be what failed
                self._log.set_status(self.run, self._failed)

    @property
    def waiting(self) -> int:
        """Records that were written and are not committed yet."""
        return len(self._results) + len(self._lines)

    def keep(self, raw: RawRecord, result: RecordResult) -> None:
        """Write a record and what became of it."""
        self._files.keep(raw, result.body)
        self._results.append(result)
        self._last = raw

    def drop(self, raw: RawRecord, line: RejectedLine) -> None:
        """Leave a record out of the output, and say why."""
        self._files.drop(raw, line)
        self._lines.append(line)
        self._last = raw

    def commit(self, events: Sequence[LoggedEvent] = ()) -> Checkpoint:
        """Make what was written since the last time, and some events, part of the log for good."""
        self._files.sync()
        results = self._prepare(self._results)
        moved = dataclasses.replace(
            self.checkpoint, output_bytes=self._files.output_bytes, rejected_bytes=self._files.rejected_bytes
        )
        if self._last is not None:
            moved = moved.past(self._last)
        written = Written(self._files.output_sha256, self._files.rejected_sha256)
        self.checkpoint = self._log.write_batch(self.run, results, self._lines, moved, events, written)
        self._results, self._lines, self._last = [], [], None
        return self.checkpoint

    def seal(self, tail: Tail) -> Path:
        """End the output and log its hash; returns where the finished file lies, beside its place.

        Raises MidbError where the corpus is not any more what the run began with.
        """
        if self.waiting:
            self.commit()
        container = self._files.container
        if container.identity()[1] != self.run.corpus_sha256:
            raise MidbError(
                f"{container.path} was changed while it was read.",
                hint="Nothing was put into place. Run again with --fresh, when nobody writes to the corpus any more.",
            )
        self._files.end(tail)
        self._files.sync()
        made = self._files.make()
        self.run = self._log.set_status(self.run, "finishing", output_sha256=file_sha256(made))
        return made

    def publish(self, made: Path) -> None:
        """Put the finished file into its place, and the run is finished."""
        self._files.settle(made)
        self.run = self._log.set_status(self.run, "finished", finished=True)
