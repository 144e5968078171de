"""Where reviewers say what they think: verdicts are checked, and written at once, whoever else writes to the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from midb.audit.file.key import SealKey
from midb.audit.log import AuditLog
from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run
from midb.audit.verdict_rows import VERDICTS, ReviewVerdict
from midb.domain.errors import AuditError, UsageError
from midb.review.checking import MOST_CHARACTERS, check_text
from midb.review.choosing import Candidate
from midb.review.showing import Shown, show_item

#: Seconds that a verdict waits for another program that writes to the log, another reviewer's most likely.
PATIENCE = 10.0

#: Seconds between two tries.
PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Said:
    """What a reviewer says of an item, as it comes from a page or a sheet."""

    verdict: str
    text: str | None = None
    note: str = ""


class Desk:
    """One run under review. The log is opened for writing only while a verdict is written.

    :param sleep: waits so many seconds; for tests.
    """

    def __init__(
        self, path: Path, run: Run, key: SealKey | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.path, self.run = path, run
        self._key = key
        self._sleep = sleep
        self._lock = threading.Lock()

    def say(self, reviewer: str, candidate: Candidate, said: Said) -> None:
        """Write one verdict; raises UsageError where it cannot be taken."""
        with AuditReader(self.path) as reader:
            shown = show_item(reader, candidate)
        self.write(reviewer, [(candidate, check_said(shown, said))])

    def write(self, reviewer: str, said: Sequence[tuple[Candidate, Said]]) -> None:
        """Write verdicts that are checked, in one transaction."""
        verdicts = [
            ReviewVerdict(one.record, item, what.verdict, what.text, what.note)
            for one, what in said
            for item in one.items()
        ]
        waited = 0.0
        with self._lock:  # threads of one page; other processes have a lock of their own
            while True:
                try:
                    with AuditLog(self.path, key=self._key) as log:
                        log.add_verdicts(log.open_review(self.run, reviewer), reviewer, verdicts)
                    return
                except AuditError as error:
                    if not error.retryable or waited >= PATIENCE:
                        raise
                self._sleep(PAUSE)
                waited += PAUSE


def check_said(shown: Shown, said: Said) -> Said:
    """A verdict as it is written; raises UsageError where it cannot be taken, and says why."""
    if said.verdict not in VERDICTS:
        raise UsageError(f'"{said.verdict}" is no verdict.', hint=f"Known: {', '.join(VERDICTS)}.")
    note = said.note.strip()
    if len(note) > MOST_CHARACTERS:
        raise UsageError(f"the note has {len(note):,} characters.", hint=f"At most {MOST_CHARACTERS:,} are taken.")
    if said.verdict != "change":
        return Said(said.verdict, None, note)
    if said.text is None:
        raise UsageError("what is the right text?", hint="A change needs one.")
    if shown.candidate.others:
        raise UsageError(
            f"{shown.name} is {len(shown.candidate.items())} edits that stand or fall together: accept or reject them.",
            hint="Reject them, and say in a note what would be right.",
        )
    text = said.text.replace("\r\n", "\n")
    if problem := check_text(shown, text):
        raise UsageError(problem[0].lower() + problem[1:], hint="Nothing was written; try again.")
    if shown.after is not None and text == shown.after.text:
        return Said("accept", None, note)
    if text == shown.before.text:
        return Said("reject", None, note)
    return Said("change", text, note)
