"""One process at a time writes a log, by whatever file locks the system has."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from midb.audit.file.lock import WriterLock
from midb.domain.errors import AuditError, UsageError


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the log would be."""
    return tmp_path / "c.audit.db"


def refusal(log: Path) -> str:
    """Why a second lock is not to be had."""
    with pytest.raises(AuditError) as caught:
        WriterLock(log)
    assert caught.value.retryable
    return caught.value.message


def test_there_is_one_writer(log: Path) -> None:
    lock = WriterLock(log)
    assert "in use by another run" in refusal(log)
    lock.release()
    lock.release()
    WriterLock(log).release()
    assert os.listdir(log.parent) == [], "nothing is left behind"


def test_another_process_is_kept_out_and_one_that_died_keeps_nobody_out(log: Path) -> None:
    code = f"from midb.audit.file import lock\nlock.WriterLock(lock.Path({str(log)!r}))\nprint('ok')"
    lock = WriterLock(log)
    refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "in use by another run" in refused.stderr
    lock.release()
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "ok\n"
    assert os.listdir(log.parent) == ["c.audit.db.lock"], "it died without letting go"
    WriterLock(log).release()


def test_a_folder_that_takes_no_file_is_an_error_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written") as caught:
        WriterLock(tmp_path / "none" / "c.audit.db")
    assert "--db" in caught.value.hint


def locking(descriptor: int, mode: int, count: int) -> None:
    """What ``msvcrt.locking`` does, by the locks that are here."""
    assert (mode, count) == (2, 1)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_windows_locks_by_its_own_module(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    lock = WriterLock(log)
    assert "in use by another run" in refusal(log)
    lock.release()
    WriterLock(log).release()


def test_a_file_that_can_only_be_removed_when_closed_is(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows removes no open file: the first try fails, the one after closing does not."""
    lock = WriterLock(log)
    tries: list[Path] = []
    unlink = Path.unlink

    def unlink_closed(path: Path, missing_ok: bool = False) -> None:
        tries.append(path)
        if len(tries) == 1:
            raise PermissionError
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink_closed)
    monkeypatch.setattr("midb.audit.file.lock.os", SimpleNamespace(name="nt", close=os.close))
    lock.release()
    assert len(tries) == 2
    assert os.listdir(log.parent) == []


def test_a_system_without_locks_says_so_and_makes_no_file(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fcntl", "msvcrt"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match="neither fcntl nor msvcrt") as caught:
        WriterLock(log)
    assert caught.value.hint
    assert os.listdir(log.parent) == []
