"""What a container does unless it says otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from midb.corpus.formats.base import Container
from midb.corpus.raw import RawRecord, Start, Tail


class Whole(Container):
    """The whole file as one record."""

    name = "whole"
    suffix = ".txt"

    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008  (frozen)
        yield RawRecord.alone(self.path.read_bytes())
        yield Tail(b"")

    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        return body or record.body

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        return tail.data

    def finish(self, partial: Path, temporary: Path) -> Path:
        return partial


def test_a_corpus_is_known_again_by_its_size_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_bytes(b"one\n")
    assert Whole(path).identity() == (4, hashlib.sha256(b"one\n").hexdigest())
    path.write_bytes(b"two\n")
    assert Whole(path).identity() == (4, hashlib.sha256(b"two\n").hexdigest())


def test_a_rejected_record_leaves_nothing_and_a_limit_needs_no_end(tmp_path: Path) -> None:
    container = Whole(tmp_path / "corpus")
    assert container.dropped(RawRecord.alone(b"x")) == b""
    assert container.tail(container.cut(), first=False) == b""


@pytest.mark.parametrize("method", ["read", "kept", "tail", "finish"])
def test_a_format_says_how_it_is_read_and_written(method: str, tmp_path: Path) -> None:
    assert method in Container.__abstractmethods__
    incomplete = type("Incomplete", (Whole,), {method: getattr(Container, method)})
    with pytest.raises(TypeError, match=method):
        incomplete(tmp_path)
