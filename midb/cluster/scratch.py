"""The folder on a machine's own disk in which a shard is run: nobody else can read it, one process at a time has it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from midb.cluster.work_folder import WorkFolder
from midb.corpus.output import writing
from midb.domain.errors import MidbError, UsageError
from midb.domain.portability import is_ours, lock_file

#: Of a shard's folder; it goes with it.
_LOCK = "lock"


def make_scratch(root: Path | None, folder: WorkFolder, mark: str, number: int) -> Path:
    """The folder of a shard below ``root``, else below the temporary folder. What finished shards left there goes.

    :raises UsageError: where another user has made it.
    """
    root = root or Path(tempfile.gettempdir())
    ours = root / f"midb-agent-{mark}"
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        ours.mkdir(mode=0o700, exist_ok=True)
    if not is_ours(ours):
        raise UsageError(f"{ours} is somebody else's.", hint="Name another folder with --scratch.")
    for left in ours.iterdir():
        if left.name.isdigit() and folder.done(int(left.name)).is_dir():
            shutil.rmtree(left, ignore_errors=True)
    return ours / str(number)


@contextlib.contextmanager
def held(scratch: Path) -> Iterator[bool]:
    """Make the folder and keep other processes from it while the block lasts; False where another one has it.

    An attempt that was thought lost may still be at work on this machine, such as that of a command which was killed
    and whose cluster has not noticed yet.
    """
    try:
        with writing(scratch):
            scratch.parent.mkdir(mode=0o700, exist_ok=True)
            scratch.mkdir(exist_ok=True)
            descriptor = os.open(scratch / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except MidbError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        yield False  # whoever had it has just removed it
        return
    try:
        yield _lock(descriptor, scratch / _LOCK)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> bool:
    try:
        lock_file(descriptor)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: the log has one of its own
        return True
    # Whoever had it may have removed the folder meanwhile, and with it the file whose lock would say nothing.
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def remove_scratch(scratch: Path) -> None:
    """Remove a shard's folder, and the one around it where it was the last."""
    shutil.rmtree(scratch, ignore_errors=True)
    with contextlib.suppress(OSError):  # others are still at work there
        scratch.parent.rmdir()
