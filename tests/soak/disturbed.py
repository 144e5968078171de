"""Runs that something happens to, and what must be so in the end. For the programs of this folder; not for pytest."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from written_formats import bytes_of

#: The command under test, as users have it.
MIDB = [sys.executable, "-m", "midb"]

#: Seconds after which a command that does not end is a failure.
PATIENCE = 600.0

#: Seconds within which the workers of a killed run must be gone.
ORPHANS_PATIENCE = 60.0

#: Seconds between two looks at a process or a log.
LOOK = 0.004

#: What a log says of a finished run, in any order of events and whatever was started how often.
_LOGGED = (
    "SELECT position, line, record_key, language, outcome, original_hash, final_hash FROM records ORDER BY position",
    "SELECT position, line, offset, length, sha256, reason FROM rejected_lines ORDER BY position",
    "SELECT r.position, d.pair, d.pass, d.action, d.reason FROM decisions d JOIN records r ON r.id = d.record_id"
    " ORDER BY r.position, d.id",
)


#: Where what commands say is kept; set once, by ``keep_in``.
_SAID: list[Path] = []


def keep_in(parent: Path | None, name: str) -> Path:
    """A new folder for all that is made, by default a temporary one; there too is kept what the commands say, not where
    disks are filled."""
    if parent is not None:
        parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"midb-{name}-", dir=parent))
    _SAID.append(folder)
    return folder


def end(folder: Path, failed: Sequence[str]) -> int:
    """Say what failed, and keep the folder then; the exit code."""
    for sentence in failed:
        print("  FAILED  ", sentence)
    if failed:
        print(f"  kept in  {folder}")
    else:
        shutil.rmtree(folder)
    return bool(failed)


class Wrong(Exception):
    """Something that must not be: what, in a sentence."""


@dataclass(frozen=True)
class Step:
    """One command of a case: its arguments, the log it writes, and perhaps a file for its standard input."""

    arguments: list[str]
    db: str | None = None
    stdin: str | None = None


@dataclass
class Case:
    """A folder with a corpus, and the commands that make everything out of it."""

    name: str
    folder: Path
    steps: list[Step]
    #: Wall-clock seconds that the steps took undisturbed.
    seconds: list[float] = field(default_factory=list)

    @property
    def dbs(self) -> list[str]:
        """The names of all logs."""
        return [step.db for step in self.steps if step.db]

    def copied_to(self, folder: Path, inputs: set[str]) -> Case:
        """The case with its inputs alone, in a new folder."""
        folder.mkdir()
        for name in inputs:
            source = self.folder / name
            shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy2(source, folder / name)
        return Case(self.name, folder, self.steps, self.seconds)


def start(step: Step, folder: Path, *, options: list[str] | None = None) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own; what it says goes to a file that lies with this program's other ones."""
    with _said_in(folder).open("ab") as said, contextlib.ExitStack() as stack:
        stdin = stack.enter_context((folder / step.stdin).open("rb")) if step.stdin else subprocess.DEVNULL
        return subprocess.Popen(
            [*MIDB, *step.arguments, *(options or [])],
            cwd=folder, stdin=stdin, stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip


def finish(process: subprocess.Popen[bytes]) -> int:
    """Wait for its end; returns its exit code."""
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        kill_group(process)
        raise Wrong("it does not end") from None


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all of its session's group, at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _said_in(folder: Path) -> Path:
    """Not in the folder, whose files are compared, nor near it: its disk may be full."""
    return _SAID[-1] / f"{folder.name}.said"


def said(folder: Path) -> str:
    """All that the commands in a folder have said."""
    path = _said_in(folder)
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def shows_traceback(told: str) -> bool:
    """Whether a traceback was shown.

    One does not count: that of Python itself, where a process is killed in the moment in which it starts a worker.
    """
    _, *tracebacks = told.split("Traceback (most recent call last):")
    return any(not _is_an_orphans(one) for one in tracebacks)


def count_orphans(told: str) -> int:
    """Count the tracebacks of workers whose parent was killed before it had told them what they are for."""
    return sum(map(_is_an_orphans, told.split("Traceback (most recent call last):")[1:]))


def _is_an_orphans(traceback: str) -> bool:
    ends = re.search(
        r"^(?:EOFError: Ran out of input|_pickle\.UnpicklingError: pickle data was truncated)$", traceback, re.M
    )
    return bool(ends) and "in spawn_main" in traceback and "pickle.load(from_parent)" in traceback


def is_finished(log: Path) -> bool:
    """Whether the last run of a log came to its end."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as db:
        return bool(db.execute("SELECT status FROM runs ORDER BY id DESC").fetchone() == ("finished",))
    return False


def committed(db: Path) -> int:
    """Records and rejected lines in a log, told by a reader while the run goes on."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True, timeout=5)) as log:
            found = log.execute("SELECT (SELECT count(*) FROM records) + (SELECT count(*) FROM rejected_lines)")
            return int(found.fetchone()[0])
    except sqlite3.Error:
        return 0


def wait_until(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> bool:
    """Until something is so (True), or the process has ended before (False)."""
    begun = time.monotonic()
    while process.poll() is None:
        if condition():
            return True
        if time.monotonic() - begun > PATIENCE:
            kill_group(process)
            raise Wrong("it does not end")
        time.sleep(LOOK)
    return False


def children(pid: int) -> list[int]:
    """The processes that work for a run: what was spawned for it, and what that has forked. The tracker of resources is
    none of them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                if b"spawn_main" in (entry / "cmdline").read_bytes():
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [process for process, parent in parents.items() if parent == pid]
    return found + [process for process, parent in parents.items() if parent in found]


def check_nobody_left(session: int) -> None:
    """Raise Wrong where a process of a session outlives the run for long."""
    begun = time.monotonic()
    while left := _of_session(session):
        if time.monotonic() - begun > ORPHANS_PATIENCE:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise Wrong(f"{len(left)} processes outlive their run")
        time.sleep(LOOK * 10)


def _of_session(session: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session and fields[0] != "Z":
                    found.append(int(entry.name))
    return found


def run_calmly(case: Case) -> None:
    """Make everything of a case undisturbed; raises Wrong where that fails."""
    for step in case.steps:
        begun = time.monotonic()
        if code := finish(start(step, case.folder)):
            raise Wrong(f"undisturbed, {step.arguments[0]} ends with {code}: {said(case.folder)[-2000:]}")
        case.seconds.append(time.monotonic() - begun)


def names_in(folder: Path) -> set[str]:
    """The names in a folder.

    Whoever looks into a log while it is written, as this program does, leaves two files beside it that SQLite needs;
    they do not count where the one with data is empty.
    """
    return {
        path.name
        for path in folder.iterdir()
        if not (path.name.endswith("-wal") and not path.stat().st_size)
        and not (path.name.endswith("-shm") and not _size(path.with_name(path.name.removesuffix("shm") + "wal")))
    }


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def check_like(case: Case, calm: Case) -> None:
    """Raise Wrong unless a folder is, byte for byte, that of an undisturbed run, and its logs verify."""
    names, expected = names_in(case.folder), names_in(calm.folder)
    if names != expected:
        raise Wrong(f"stray files {sorted(names - expected)}, missing files {sorted(expected - names)}")
    for name in sorted(names - set(case.dbs)):
        if bytes_of(case.folder / name) != bytes_of(calm.folder / name):
            raise Wrong(f"{name} differs from that of an undisturbed run")
    for db in case.dbs:
        check_log(case.folder, db, calm.folder)
    if shows_traceback(said(case.folder)):
        raise Wrong("a traceback was shown")


def check_log(folder: Path, db: str, calm: Path) -> None:
    """Raise Wrong unless a log verifies, balances, and says what that of an undisturbed run says."""
    with (
        contextlib.closing(sqlite3.connect(folder / db)) as log,
        contextlib.closing(sqlite3.connect(calm / db)) as other,
    ):
        for question in _LOGGED:
            if log.execute(question).fetchall() != other.execute(question).fetchall():
                raise Wrong(f"{db} does not say what that of an undisturbed run says: {question}")
        runs = log.execute("SELECT id, status FROM runs").fetchall()
        if [status for _, status in runs] != ["finished"]:
            raise Wrong(f"{db} holds the runs {runs}")
        position, records, rejected = log.execute(
            "SELECT position, records, rejected_lines FROM checkpoints"
        ).fetchone()
        if position != records + rejected:
            raise Wrong(f"the ledger of {db} does not balance: {position} read, {records} kept, {rejected} rejected")
    verify(folder, db)


def verify(folder: Path, db: str) -> None:
    """Raise Wrong unless ``audit verify`` finds log, corpus and output as they were logged."""
    shown = verify_log(folder, db)
    files = [line for line in shown.stdout.splitlines() if line.startswith(("corpus", "output", "rejected lines"))]
    # Of standard input no copy is kept, and it says so.
    wrong = [line for line in files if "as logged" not in line and "it was standard input" not in line]
    if wrong or not files:
        raise Wrong(f"audit verify --db {db} says: {shown.stdout[-1500:]}{shown.stderr[-500:]}")


def verify_log(folder: Path, db: str) -> subprocess.CompletedProcess[str]:
    """What ``audit verify`` says of a log; raises Wrong unless it is as it was written."""
    shown = subprocess.run(
        [*MIDB, "audit", "verify", "--db", db], cwd=folder, capture_output=True, text=True, check=False
    )
    if shown.returncode:
        raise Wrong(f"audit verify --db {db} ends with {shown.returncode}: {shown.stdout[-1500:]}{shown.stderr[-500:]}")
    return shown
