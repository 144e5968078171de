"""Folders as containers: read in the order of names, resumed anywhere, written as a folder with the same files."""

from __future__ import annotations

import hashlib
import itertools
import json
import stat
from pathlib import Path

import pytest
from corpus_files import Rewrite, read
from written_formats import bytes_of, records_of

from midb.corpus.formats.base import Container
from midb.corpus.formats.containers import open_container
from midb.corpus.formats.folder import EmptyFile, Folder
from midb.corpus.raw import FILE_BYTES, RawRecord, Start, Tail
from midb.domain.hashing import file_sha256

ROWS = [{"id": str(number), "prompt": f"Was ist {number}?"} for number in range(8)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Three files of three formats, one within a folder, and one without a byte."""
    path = tmp_path / "corpus"
    (path / "deep").mkdir(parents=True)
    (path / "a.json").write_text(json.dumps(ROWS[:3], indent=1) + "\n\n")
    (path / "b.csv").write_text("id,prompt\n" + "".join(f"{row['id']},{row['prompt']}\n" for row in ROWS[3:5]) + "\n")
    (path / "deep" / "c.jsonl").write_text("\n" + "".join(json.dumps(row) + "\n" for row in ROWS[5:]))
    (path / "empty.jsonl").touch()
    found = open_container(path)
    assert isinstance(found, Folder)
    return found


def test_records_are_numbered_through_and_name_their_file(folder: Folder) -> None:
    records, tail = read(folder)
    assert [json.loads(record.body) for record in records] == ROWS
    assert [record.position for record in records] == list(range(8))
    assert [(record.file, record.line) for record in records][2:6] == [
        ("a.json", 10), ("b.csv", 2), ("b.csv", 3), ("deep/c.jsonl", 2),
    ]  # fmt: skip
    assert records[5].offset == 2 * FILE_BYTES + 1
    assert records[5].offset_in_file == 1
    assert records[5].place == "deep/c.jsonl, line 2"
    assert tail == Tail(b"")
    assert folder.name == "a folder of 4 files: JSON array, CSV, JSON Lines"


def test_it_is_read_from_any_checkpoint_also_by_who_has_read_nothing_yet(folder: Folder) -> None:
    records, _ = read(folder)
    for number, record in enumerate(records):
        start = Start(record.end, record.position + 1, record.next_line)
        fresh = Folder(folder.path, folder.members)
        assert read(fresh, start)[0] == records[number + 1 :]


def test_what_is_kept_comes_back_byte_for_byte(folder: Folder, rewrite: Rewrite) -> None:
    assert bytes_of(rewrite(folder)) == bytes_of(folder.path)


def test_rejected_records_leave_files_that_can_be_read(folder: Folder, rewrite: Rewrite) -> None:
    for rejected in itertools.chain(
        itertools.combinations(range(8), 2), [(0, 1, 2), (3, 4), (5, 6, 7), range(7), range(1, 8), range(8)]
    ):
        made = rewrite(folder, dict.fromkeys(rejected))
        left = [row for number, row in enumerate(ROWS) if number not in rejected]
        names = [file.name for file in sorted(made.rglob("*")) if file.is_file()]
        assert names == ["a.json", "b.csv", "c.jsonl", "empty.jsonl"], "the same files, whatever is left in them"
        assert json.loads((made / "a.json").read_text()) == [row for row in left if int(row["id"]) < 3]
        assert (made / "b.csv").read_text().startswith("id,prompt\n")
        assert [row["id"] for row in records_of(made)] == [row["id"] for row in left]


@pytest.mark.parametrize("limit", [1, 3, 4, 8])
def test_a_limit_ends_the_file_in_which_it_lies(limit: int, folder: Folder, rewrite: Rewrite) -> None:
    assert records_of(rewrite(folder, {}, limit)) == ROWS[:limit]


def test_a_first_piece_amid_a_file_opens_it(folder: Folder, rewrite: Rewrite) -> None:
    body = b'{"id": "1", "prompt": "Wer?"}'
    made = rewrite(folder, {0: None, 1: body, 3: None})
    assert (made / "a.json").read_bytes().startswith(b"[\n " + body)
    assert (made / "b.csv").read_bytes() == b"id,prompt\n4,Was ist 4?\n\n"


def test_the_access_of_files_is_that_of_the_corpus(folder: Folder, rewrite: Rewrite) -> None:
    (folder.path / "a.json").chmod(0o600)
    made = rewrite(folder)
    assert stat.S_IMODE((made / "a.json").stat().st_mode) == 0o600


def test_it_is_known_again_by_its_files_and_their_names(folder: Folder) -> None:
    listed = b"".join(
        f"{hashlib.sha256(member.container.path.read_bytes()).hexdigest()}  {member.name}\n".encode()
        for member in folder.members
    )
    size, sha256 = folder.identity()
    assert sha256 == hashlib.sha256(listed).hexdigest() == file_sha256(folder.path)
    assert size == sum(member.container.path.stat().st_size for member in folder.members)
    (folder.path / "b.csv").rename(folder.path / "bb.csv")
    assert open_container(folder.path).identity()[1] != sha256


def test_a_log_is_told_which_records_a_file_holds(folder: Folder) -> None:
    read(folder)
    assert folder.notes() == [
        "a.json holds the records #0 to #2",
        "b.csv holds the records #3 to #4",
        "deep/c.jsonl holds the records #5 to #7",
    ]
    unread = Folder(folder.path, folder.members)
    assert unread.notes() == []
    next(iter(unread.read()))
    assert unread.notes() == [], "how many a file holds is known at its end"


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "e").write_bytes(b"\n \n")
    empty: Container = EmptyFile(tmp_path / "e")
    assert list(empty.read()) == [Tail(b"")]
    assert empty.tail(Tail(b""), first=True) == b""
    assert empty.finish(tmp_path / "p", tmp_path / "t") == tmp_path / "p"
    assert (tmp_path / "p").read_bytes() == b"\n \n"
    with pytest.raises(AssertionError):
        empty.kept(RawRecord.alone(b"{}"), None, first=True)
