"""A shard's folder on a machine's disk: one process at a time, nobody else, and nothing left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from midb.cluster import scratch as module
from midb.cluster.scratch import held, make_scratch, remove_scratch
from midb.cluster.work_folder import WorkFolder
from midb.domain.errors import MidbError, UsageError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no file locks and knows no such access")


def test_one_process_at_a_time_has_it_and_a_removed_one_is_free(tmp_path: Path) -> None:
    scratch = make_scratch(tmp_path, WorkFolder(tmp_path / "work"), "mark", 2)
    assert scratch.parent.stat().st_mode & 0o077 == 0
    with held(scratch) as first:
        assert first
        with held(scratch) as second:
            assert not second
        remove_scratch(scratch)
        assert not scratch.parent.exists()
        with held(scratch) as third:
            assert third
        assert scratch.parent.stat().st_mode & 0o077 == 0


def test_whoever_opened_a_lock_that_was_then_removed_does_not_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "ours" / "2"

    def lock_too_late(_: int) -> None:
        remove_scratch(scratch)

    monkeypatch.setattr(module, "lock_file", lock_too_late)
    with held(scratch) as free:
        assert not free


def test_a_folder_that_goes_while_it_is_opened_is_not_free_and_one_that_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> int:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "open", gone)
    with held(tmp_path / "ours" / "2") as free:
        assert not free
    monkeypatch.undo()
    (tmp_path / "file").touch()
    with pytest.raises(MidbError, match="cannot be written"), held(tmp_path / "file" / "2"):
        pass


def test_where_there_are_no_locks_it_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(module, "lock_file", none)
    with held(tmp_path / "ours" / "2") as free:
        assert free


def test_what_somebody_else_has_made_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "midb-agent-mark").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is somebody else's"):
        make_scratch(tmp_path, WorkFolder(tmp_path / "work"), "mark", 2)
