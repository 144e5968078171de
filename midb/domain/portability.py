"""What not every operating system has, used where it is there: the rest of midb calls these functions instead.

Linux has all of it. What is different elsewhere:

* macOS does not say which processors a process may use, so all of them count. ``os.fdatasync`` is missing and
  ``os.fsync`` takes its place: what is synced survives a crash of the system, but a drive may still lose it in a power
  cut.
* Windows has neither of the two, and lacks more. No file locks: two runs that write the same output are not kept
  apart. No sync of a folder: a file that was just renamed may have its old name after a power cut. No signal that
  asks a process to end: Ctrl-C works as elsewhere, but whoever ends a run by its process id (``os.kill`` with
  ``SIGTERM``) ends it at once. Such a run resumes from its last checkpoint, as after a crash.
"""

from __future__ import annotations

import os
from pathlib import Path


def usable_cores() -> int:
    """How many processors this process may use; all of the machine's where the system does not say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_ours(path: Path) -> bool:
    """Whether a file or folder, and no link to one, is that of this user; where the system knows no users, any is."""
    return not path.is_symlink() and (not hasattr(os, "getuid") or path.stat().st_uid == os.getuid())


def sync_file(descriptor: int) -> None:
    """Return when the contents of an open file are on the disk."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)  # leaves out the time of the last change, which nobody needs
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk, such as after a rename; does nothing on Windows."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock_file(descriptor: int) -> None:
    """Keep other processes from locking an open file until it is closed; does nothing on Windows.

    Raises BlockingIOError where another process has locked it.
    """
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
