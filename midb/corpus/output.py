"""The partial output of a run: two files that grow with the checkpoint and can be cut back to it."""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from midb.corpus.places import beside
from midb.corpus.raw import RawRecord
from midb.domain.errors import MidbError, UsageError
from midb.domain.hashing import hash_beginning
from midb.domain.portability import lock_file, sync_file, sync_folder
from midb.domain.results import RejectedLine


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failed write into a sentence; what the last checkpoint holds is safe."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        what = "the disk is full" if error.errno == errno.ENOSPC else str(error.strerror or error).lower()
        raise MidbError(
            f"{path} cannot be written: {what}.",
            hint="Free some space and run the same command again: nothing that was finished is lost."
            if full
            else "Check the folder's permissions, then run the same command again.",
            retryable=True,
        ) from error


#: Access that a new file gets, less the user's umask.
DEFAULT_MODE = 0o666

#: Bytes of a rejected record that are kept with its hash: the corpus has it whole, and one record may have gigabytes.
REJECTED_BYTES = 1024 * 1024


_CHANGED_HINT = (
    "Put back what the run left there, or start over with --fresh, which overwrites it; the corpus is not affected."
)


class GrowingFile:
    """A file opened at a known length: what lies beyond was written after the last checkpoint and is cut off.

    ``mode`` is the access that others get to a file that is made here. Nothing is written through a link. ``sha256`` is
    what the file held when it had that length: MidbError where it holds something else now.
    """

    def __init__(self, path: Path, length: int, mode: int = DEFAULT_MODE, *, sha256: str | None = None) -> None:
        self.path = path
        if path.is_symlink():
            raise UsageError(
                f"{path} is a link, through which nothing is written.", hint="Remove it, or choose another -o."
            )
        with writing(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), mode)
            self._file: IO[bytes] = os.fdopen(descriptor, "r+b", buffering=1 << 20)
            try:
                lock_file(descriptor)
            except BlockingIOError as error:
                self._file.close()
                message = f"{path} is being written by another run."
                raise UsageError(message, hint="Give this run another -o.") from error
            if os.fstat(descriptor).st_size < length:
                self._file.close()
                raise MidbError(f"{path} is shorter than the audit log says: somebody changed it.", hint=_CHANGED_HINT)
            self._held = hash_beginning(self._file, length)
            if sha256 not in (None, self._held.hexdigest()):
                self._file.close()
                raise MidbError(f"{path} was changed since its run was interrupted.", hint=_CHANGED_HINT)
            self._file.truncate(length)
            self._file.seek(length)
        self.length = length

    def write(self, data: bytes) -> None:
        """Append; reaches the disk with ``sync``."""
        with writing(self.path):
            self._file.write(data)
        self._held.update(data)
        self.length += len(data)

    def sha256(self) -> str:
        """SHA-256 (hex) of all that was written, also before the file was opened."""
        return self._held.hexdigest()

    def sync(self) -> None:
        """Have everything on the disk, so that a checkpoint may refer to it."""
        with writing(self.path):
            self._file.flush()
            sync_file(self._file.fileno())

    def close(self) -> None:
        """Let go of the file; data that was not synced may be lost with a full disk, which is no new fault."""
        with contextlib.suppress(OSError):
            self._file.close()


def make_private(path: Path, mode: int) -> None:
    """Make an empty file with this access, for a library that makes its own with another."""
    with writing(path):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), mode))


def rejected_entry(raw: RawRecord, line: RejectedLine) -> bytes:
    """A rejected line as one JSON object: number, reason, hash, and the line itself byte for byte.

    It stands as text in ``raw`` or, where it is no UTF-8, in ``raw_base64``. Of a line of more than REJECTED_BYTES only
    the beginning is there, and ``bytes`` says how many it has.
    """
    about: dict[str, Any] = ({"file": raw.file} if raw.file else {}) | {
        "line": line.line, "offset": line.offset, "reason": line.reason, "message": line.message,
        "sha256": line.sha256,
    }  # fmt: skip
    data = b""
    for chunk in raw.chunks():
        data += chunk[: REJECTED_BYTES - len(data)]
        if len(data) == REJECTED_BYTES:
            break
    if len(data) < raw.length:
        about["bytes"] = raw.length
    try:
        about["raw"] = data.decode("utf-8")
    except UnicodeDecodeError:
        about["raw_base64"] = base64.b64encode(data).decode()
    return orjson.dumps(about) + b"\n"


def move_into_place(finished: Path, target: Path) -> None:
    """Replace ``target`` in one step: a reader sees the old file or the new one, never half of either.

    A folder takes two, for no system replaces one that is not empty: in between there is none, and the old one lies
    beside it.
    """
    replaced = beside(target, ".replaced")
    with writing(target):
        if finished.is_dir():
            remove(replaced)
            if target.exists():
                os.replace(target, replaced)
        else:
            with finished.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(finished, target)
        sync_folder(target.parent)
        if target.is_dir():
            remove(replaced)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
