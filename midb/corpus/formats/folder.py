"""A folder of corpus files, or those that a pattern names: read as one corpus, written as a folder of the same shape.

The partial output is one file that grows, as with any corpus: pieces that each say which file they belong to. From it
the finished folder is made in one step. Knows no format: each file has a container of its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from midb.corpus.formats.base import Container
from midb.corpus.output import GrowingFile, writing
from midb.corpus.places import access_of, beside
from midb.corpus.raw import FILE_BYTES, RawRecord, Start, Tail
from midb.domain.hashing import file_sha256, listed

#: What stands in the partial output where reading stopped before the end.
_CUT = -1


#: Makes a file of the output that tells about the others: from the bytes of the corpus's own, and its place there.
Companion = Callable[[bytes, Path], bytes]


class EmptyFile(Container):
    """A file without a record among others that hold some: without a byte, or with blanks, packed or not. An output
    has it as it is."""

    name = "empty"
    suffix = ""

    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008  (frozen)
        yield Tail(b"")

    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        raise AssertionError("an empty file holds no record")

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        return b""

    def finish(self, partial: Path, temporary: Path) -> Path:
        with writing(partial):
            shutil.copyfile(self.path, partial)
        return partial


@dataclass(frozen=True)
class Member:
    """One file of a folder: its path from there, and the container that reads it."""

    name: str
    container: Container


class Folder(Container):
    """Several files, in the order of their names. ``companions`` are files that an output has as well.

    ``given`` is what the user named, a folder or a pattern; ``path`` is the folder that all files lie in.
    """

    suffix = ""

    def __init__(
        self,
        path: Path,
        members: Sequence[Member],
        *,
        given: Path | None = None,
        companions: Mapping[str, Companion] | None = None,
    ) -> None:
        super().__init__(path)
        self.given = given or path
        self.members = tuple(members)
        self.companions = dict(companions or {})
        formats = dict.fromkeys(m.container.name for m in self.members if not isinstance(m.container, EmptyFile))
        count = f"{len(self.members):,} files" if len(self.members) != 1 else "1 file"
        self.name = f"a folder of {count}: {', '.join(formats)}"
        self._places = {member.name: number for number, member in enumerate(self.members)}
        self._firsts: dict[int, int] = {0: 0}
        self._tails: dict[int, Tail] = {}

    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008  (frozen)
        begun, offset = divmod(start.offset, FILE_BYTES)
        inner = Start(offset, start.position - self._first(begun), start.line)
        for number in range(begun, len(self.members)):
            first, behind = self._first(number), inner.position
            for item in self.members[number].container.read(inner):
                if isinstance(item, Tail):
                    self._tails[number] = item
                    self._firsts[number + 1] = first + behind
                    break
                behind = item.position + 1
                yield dataclasses.replace(
                    item,
                    position=first + item.position,
                    offset=number * FILE_BYTES + item.offset,
                    end=number * FILE_BYTES + item.end,
                    file=self.members[number].name,
                )
            inner = Start()
        yield Tail(b"")

    def _first(self, number: int) -> int:
        """The position of the first record of a file, which only those before it tell."""
        if number not in self._firsts:
            records = (item for item in self.members[number - 1].container.read() if isinstance(item, RawRecord))
            self._firsts[number] = self._first(number - 1) + sum(1 for _ in records)
        return self._firsts[number]

    def notes(self) -> list[str]:
        return [
            f"{member.name} holds the records #{first} to #{self._firsts[at + 1] - 1}"
            for at, member in enumerate(self.members)
            if at + 1 in self._firsts and (first := self._first(at)) < self._firsts[at + 1]
        ]

    def _inner(self, record: RawRecord) -> tuple[int, RawRecord]:
        """The number of a record's file, and the record as it stands there."""
        number = self._places[record.file]
        return number, dataclasses.replace(record, position=record.position - self._first(number))

    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        number, inner = self._inner(record)
        data = self.members[number].container.kept(inner, body, first=inner.position == 0)
        return _piece(number, inner.position, data)

    def dropped(self, record: RawRecord) -> bytes:
        number, inner = self._inner(record)
        data = self.members[number].container.dropped(inner)
        return _piece(number, inner.position, data) if data else b""

    def cut(self) -> Tail:
        return Tail(_piece(_CUT, 0, b""))

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        return tail.data

    def finish(self, partial: Path, temporary: Path) -> Path:
        with writing(temporary):
            temporary.unlink(missing_ok=True)
            temporary.mkdir(mode=self.path.stat().st_mode & 0o777 | 0o700)
            with partial.open("rb") as pieces:
                self._finish(_Pieces(pieces), temporary)
            for name, adapt in self.companions.items():
                if (temporary / name).parent.is_dir():
                    (temporary / name).write_bytes(adapt((self.path / name).read_bytes(), temporary / name))
        return temporary

    def _finish(self, pieces: _Pieces, folder: Path) -> None:
        """Make each file from its pieces; behind a cut no file follows that has none."""
        for number, member in enumerate(self.members):
            if pieces.number == _CUT and number:
                return
            target = self._make_way(folder / member.name)
            partial = beside(target, ".partial")
            with contextlib.closing(GrowingFile(partial, 0, access_of(member.container.path))) as file:
                while pieces.number == number:
                    file.write(pieces.take() if file.length else self._opening(number, *pieces.take_with_position()))
                tail = member.container.cut() if pieces.number == _CUT else self._tail(number)
                file.write(member.container.tail(tail, first=file.length == 0))
                file.sync()
            GrowingFile(target, 0, access_of(member.container.path)).close()
            made = member.container.finish(partial, target)
            if made == partial:
                os.replace(partial, target)
            else:
                partial.unlink()

    def _make_way(self, target: Path) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _opening(self, number: int, position: int, data: bytes) -> bytes:
        """The first piece of a file, as it begins one: those before it may have been rejected."""
        container = self.members[number].container
        if position == 0:
            return data
        record = next(r for r in container.read() if isinstance(r, RawRecord) and r.position == position)
        amid, opening = (container.kept(record, None, first=first) for first in (False, True))
        alike = (ours == theirs for ours, theirs in zip(reversed(amid), reversed(opening), strict=False))
        same = sum(1 for _ in itertools.takewhile(bool, alike))
        return opening[: len(opening) - same] + data[len(amid) - same :]

    def _tail(self, number: int) -> Tail:
        """What ends a file; who has not read it to its end does so now."""
        if number not in self._tails:
            self._tails[number] = next(t for t in self.members[number].container.read() if isinstance(t, Tail))
        return self._tails[number]

    def identity(self) -> tuple[int, str]:
        """Bytes of all files, and the SHA-256 of what ``sha256sum`` would say of them in the order of their names."""
        digest = hashlib.sha256()
        size = 0
        for member in self.members:
            path = member.container.path
            size += path.stat().st_size
            digest.update(listed(member.name, file_sha256(path)))
        return size, digest.hexdigest()


class _Pieces:
    """The pieces of a partial output, one after the other. ``number`` is the file of the next, behind the last none."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._step()

    def _step(self) -> None:
        head = self._stream.readline().split()
        self.number: int | None = int(head[0]) if head else None
        self._position, self._size = map(int, head[1:]) if head else (0, 0)

    def take(self) -> bytes:
        """The next piece."""
        return self.take_with_position()[1]

    def take_with_position(self) -> tuple[int, bytes]:
        """The position of the next piece's record in its file, and the piece."""
        position, data = self._position, self._stream.read(self._size)
        self._step()
        return position, data


def _piece(number: int, position: int, data: bytes) -> bytes:
    return b"%d %d %d\n" % (number, position, len(data)) + data
