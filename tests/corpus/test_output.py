"""Growing files go back to their checkpoint; rejected lines can be had back byte for byte."""

from __future__ import annotations

import base64
import dataclasses
import errno
import fcntl
import hashlib
import io
import json
import os
import resource
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.corpus.output import (
    REJECTED_BYTES,
    GrowingFile,
    make_private,
    move_into_place,
    rejected_entry,
    remove,
    writing,
)
from midb.corpus.raw import RawRecord, Start, read_lines
from midb.domain.errors import MidbError, UsageError
from midb.domain.results import RejectedLine


def test_a_file_grows_and_is_cut_back_to_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "out.partial"
    file = GrowingFile(path, 0)
    file.write(b"first\n")
    file.write(b"second\n")
    file.sync()
    assert (file.length, path.read_bytes()) == (13, b"first\nsecond\n")
    file.write(b"half of the th")
    file.close()
    again = GrowingFile(path, 13)
    assert path.read_bytes() == b"first\nsecond\n", "what came after the checkpoint is cut off at once"
    again.write(b"third\n")
    again.close()
    assert path.read_bytes() == b"first\nsecond\nthird\n"
    GrowingFile(path, 0).close()
    assert path.read_bytes() == b""


def test_a_file_shorter_than_its_checkpoint_was_changed_by_somebody(tmp_path: Path) -> None:
    path = tmp_path / "out.partial"
    path.write_bytes(b"12345")
    with pytest.raises(MidbError, match="shorter than the audit log says") as caught:
        GrowingFile(path, 6)
    assert "--fresh" in caught.value.hint
    assert path.read_bytes() == b"12345"
    GrowingFile(path, 5).close()  # and it is not left locked


def test_a_file_that_holds_something_else_than_at_its_checkpoint_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "out.partial"
    file = GrowingFile(path, 0)
    file.write(b"12345")
    file.sync()
    held = file.sha256()
    assert held == hashlib.sha256(b"12345").hexdigest()
    file.close()
    for data in (b"12346", b"x2345 and more"):
        path.write_bytes(data)
        with pytest.raises(MidbError, match="was changed since its run was interrupted") as caught:
            GrowingFile(path, 5, sha256=held)
        assert "--fresh" in caught.value.hint
        assert path.read_bytes() == data
    path.write_bytes(b"12345 and more")
    again = GrowingFile(path, 5, sha256=held)
    again.write(b"678")
    again.close()
    assert again.sha256() == hashlib.sha256(path.read_bytes()).hexdigest() == hashlib.sha256(b"12345678").hexdigest()


def test_only_one_run_writes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.partial"
    first = GrowingFile(path, 0)
    first.write(b"mine")
    first.sync()
    with pytest.raises(UsageError, match="being written by another run") as caught:
        GrowingFile(path, 0)
    assert caught.value.exit_code == 2
    assert path.read_bytes() == b"mine", "the other run must not cut off what this one wrote"
    first.close()
    GrowingFile(path, 4).close()


def test_locks_that_a_file_system_does_not_have_are_no_other_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(MidbError, match="no locks available"):
        GrowingFile(tmp_path / "out.partial", 0)


@pytest.mark.parametrize(
    ("number", "told", "hint"),
    [
        (errno.ENOSPC, "the disk is full", "Free some space"),
        (errno.EDQUOT, "quota", "Free some space"),
        (errno.EACCES, "permission denied", "permissions"),
    ],
)
def test_failed_writes_are_sentences(number: int, told: str, hint: str) -> None:
    with pytest.raises(MidbError, match=told) as caught, writing(Path("out")):
        raise OSError(number, os.strerror(number))
    assert hint in caught.value.hint
    assert caught.value.retryable


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    with pytest.raises(MidbError, match="is a directory"):
        GrowingFile(tmp_path, 0)
    with pytest.raises(MidbError, match="cannot be written"):
        GrowingFile(tmp_path / "nowhere" / "out", 0)


def test_a_write_that_fails_costs_nothing_before_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "out.partial"
    file = GrowingFile(path, 0)
    file.write(b"kept")
    file.sync()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        file.write(b"x" * 2000)
        with pytest.raises(MidbError, match="file too large") as caught:
            file.sync()
        file.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "run the same command again" in caught.value.hint
    GrowingFile(path, 4).close()
    assert path.read_bytes() == b"kept"


def rejected(raw: RawRecord) -> RejectedLine:
    return RejectedLine(
        position=raw.position, line=raw.line, offset=raw.offset, length=raw.length, sha256=raw.sha256(),
        reason="invalid-json", message='not valid JSON ("quoted" \u202e)',
    )  # fmt: skip


def entry_of(raw: RawRecord) -> dict[str, Any]:
    written = rejected_entry(raw, rejected(raw))
    assert written.count(b"\n") == 1
    assert written.endswith(b"\n")
    entry: dict[str, Any] = json.loads(written)
    return entry


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode), st.sampled_from([4, 50, 1000]))
def test_rejected_lines_can_be_had_back_byte_for_byte(data: bytes, limit: int) -> None:
    *records, _ = read_lines(io.BytesIO(b'{"a": 1}\n' + data), Start(), limit=limit)
    for raw in records:
        assert isinstance(raw, RawRecord)
        line = b"".join(raw.chunks())
        entry = entry_of(raw)
        had = base64.b64decode(entry["raw_base64"]) if "raw_base64" in entry else entry["raw"].encode()
        assert had == line
        assert entry["sha256"] == hashlib.sha256(line).hexdigest()
        assert ("raw" in entry) == _is_utf8(line)
        assert (entry["line"], entry["offset"], entry["reason"]) == (raw.line, raw.offset, "invalid-json")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_of_a_very_long_rejected_line_the_beginning_is_kept_and_a_hash_of_all() -> None:
    line = b"\xff\x00abc" * 700_001
    raw = next(read_lines(io.BytesIO(line), Start(), limit=1000))
    assert isinstance(raw, RawRecord)
    entry = entry_of(raw)
    assert base64.b64decode(entry["raw_base64"]) == line[:REJECTED_BYTES]
    assert entry["bytes"] == len(line)
    assert entry["sha256"] == hashlib.sha256(line).hexdigest()


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_new_file_has_the_access_that_is_asked_for(tmp_path: Path, mode: int) -> None:
    GrowingFile(tmp_path / "a", 0, mode).close()
    make_private(tmp_path / "b", mode)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "b")] == [mode, mode]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_text("precious")
    link.symlink_to(victim)
    with pytest.raises(UsageError, match="is a link"):
        GrowingFile(link, 0)
    assert victim.read_text() == "precious"


def test_the_finished_file_replaces_the_old_one(tmp_path: Path) -> None:
    finished, target = tmp_path / "out.partial", tmp_path / "out"
    finished.write_bytes(b"new")
    target.write_bytes(b"old and longer")
    move_into_place(finished, target)
    assert target.read_bytes() == b"new"
    assert not finished.exists()
    with pytest.raises(MidbError, match="cannot be written"):
        move_into_place(finished, target)
    assert target.read_bytes() == b"new"


def test_a_folder_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    for text in ("old", "new"):
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / f"{text}.jsonl").write_text(text)
        move_into_place(tmp_path / "made", target)
        assert [path.name for path in target.iterdir()] == [f"{text}.jsonl"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_removed_is_gone_and_a_link_loses_nothing_behind_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    remove(tmp_path / "link")
    assert (tmp_path / "folder" / "file").exists()
    for name in ("folder", "nothing"):
        remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_rejected_line_of_a_folder_names_its_file() -> None:
    raw = dataclasses.replace(RawRecord.alone(b"{"), file="part.jsonl")
    line = RejectedLine(0, 1, 0, 1, raw.sha256(), "invalid-json", "not valid JSON")
    assert json.loads(rejected_entry(raw, line))["file"] == "part.jsonl"
