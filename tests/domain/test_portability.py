"""What a system lacks is survived, and what it has is used."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from midb.domain.portability import is_ours, lock_file, sync_file, sync_folder, usable_cores
from midb.runs.config import default_workers


class Called:
    """Stands in for a function of `os`, and remembers what it was called with."""

    def __init__(self) -> None:
        self.with_: list[int] = []

    def __call__(self, descriptor: int) -> None:
        self.with_.append(descriptor)


def test_only_the_cores_this_process_may_use_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {2, 5, 7}, raising=False)
    assert usable_cores() == 3
    assert default_workers() == 3


@pytest.mark.parametrize(("counted", "usable"), [(6, 6), (None, 1)])
def test_without_affinity_all_cores_count(monkeypatch: pytest.MonkeyPatch, counted: int | None, usable: int) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert usable_cores() == usable


def test_contents_are_synced_without_what_nobody_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    data, everything = Called(), Called()
    monkeypatch.setattr(os, "fdatasync", data, raising=False)
    monkeypatch.setattr(os, "fsync", everything)
    sync_file(17)
    assert (data.with_, everything.with_) == ([17], [])


def test_without_fdatasync_the_whole_file_is_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = Called()
    monkeypatch.delattr(os, "fdatasync", raising=False)
    monkeypatch.setattr(os, "fsync", everything)
    sync_file(17)
    assert everything.with_ == [17]


def test_a_folder_is_synced_and_closed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []

    def fsync(descriptor: int) -> None:
        assert os.path.samestat(os.fstat(descriptor), tmp_path.stat())
        synced.append(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    sync_folder(tmp_path)
    (descriptor,) = synced
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "absent")


def test_where_folders_cannot_be_opened_none_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = Called()
    monkeypatch.delattr(os, "O_DIRECTORY")
    monkeypatch.setattr(os, "fsync", synced)
    sync_folder(tmp_path)
    assert synced.with_ == []


def test_a_file_is_locked_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as first, path.open("wb") as second:
        lock_file(first.fileno())
        with pytest.raises(BlockingIOError):
            lock_file(second.fileno())
        first.close()
        lock_file(second.fileno())


def test_where_there_are_no_locks_none_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as where there is no such module
    path = tmp_path / "file"
    with path.open("wb") as first, path.open("wb") as second:
        lock_file(first.fileno())
        lock_file(second.fileno())


def test_what_is_ours_is_no_link_and_no_other_user_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert is_ours(tmp_path)
    assert not is_ours(tmp_path / "link")
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1, raising=False)
    assert not is_ours(tmp_path)
    monkeypatch.delattr(os, "getuid")
    assert is_ours(tmp_path)
