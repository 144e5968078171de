"""JSON by columns: ``{"instruction": [...], "output": [...]}``, or as pandas writes it with a number before each value.

Such a file is one object and is held in memory as a whole. An edited text is replaced where it stands in the bytes;
everything else stays.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from midb.corpus.formats.compression import open_stream, reading
from midb.corpus.formats.text import TextContainer
from midb.corpus.output import writing
from midb.corpus.raw import BOM, RawRecord, Start, Tail
from midb.corpus.splice import Path as TextPath
from midb.corpus.splice import find_strings, has_escapes, write_string
from midb.domain.errors import CorpusError

#: What the partial output says of a row instead of giving its new texts: that they stay, and that it was rejected.
_SAME, _REJECTED = b"null", b"false"

#: Bytes of such a file that are taken into memory, which takes several times as many.
_MOST_BYTES = 1 << 30

#: How an object by columns begins: with a key and a list of values, or with an object of numbered ones.
_BEGINNING = re.compile(rb'\{\s*"(?:[^"\\]++|\\.)*+"\s*:\s*(?:\[\s*["\d\-ntf\[]|\{\s*"0"\s*:)')


def may_be_columnar(head: bytes) -> bool:
    """Whether an object begins as one by columns does; what follows decides."""
    return _BEGINNING.match(head) is not None


class Columnar(TextContainer):
    """One object of columns with as many values each; a row is a record."""

    name = "JSON by columns"
    default_suffix = ".json"

    @functools.cached_property
    def _bytes(self) -> bytes:
        with reading(self.path), open_stream(self.path, self.compression) as stream:
            data = stream.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise CorpusError(
                f"{self.path} has its records by columns and more than {_MOST_BYTES >> 30} GiB.",
                hint="Write it as JSON Lines, which is read record by record.",
            )
        return data.removeprefix(BOM)

    @functools.cached_property
    def _columns(self) -> dict[str, list[Any]]:
        found = columns_in(self._bytes)
        if found is None:
            raise CorpusError(f"{self.path} was changed while it was read.", hint="Run again.")
        return found

    @functools.cached_property
    def _numbered(self) -> bool:
        """Whether each value has its number before it, as pandas writes it."""
        return isinstance(next(iter(orjson.loads(self._bytes).values())), dict)

    @functools.cached_property
    def _ascii_only(self) -> bool:
        """Whether the file writes characters beyond ASCII as escapes, as far as it shows that."""
        return self._bytes.isascii() and has_escapes(self._bytes)

    def is_one(self) -> bool:
        """Whether the file is an object of columns of one length, with at least one row."""
        return columns_in(self._bytes) is not None

    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008  (frozen)
        rows = len(next(iter(self._columns.values())))
        for position in range(start.position, rows):
            record = {name: values[position] for name, values in self._columns.items()}
            yield RawRecord.alone(orjson.dumps(record), position)
        yield Tail(b"")

    def parse(self, stream: Any, start: Start) -> Iterator[RawRecord | Tail]:
        return self.read(start)

    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        return (_SAME if body is None else body) + b"\n"

    def dropped(self, record: RawRecord) -> bytes:
        return _REJECTED + b"\n"

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        return b""

    def finish(self, partial: Path, temporary: Path) -> Path:
        lines = partial.read_bytes().splitlines()
        rows = len(next(iter(self._columns.values())))
        kept = [row for row, line in enumerate(lines) if line != _REJECTED]
        made = self._edited({row: orjson.loads(lines[row]) for row in kept if lines[row] != _SAME})
        if len(kept) < rows:
            made = self._without_others(made, kept)
        with writing(temporary):
            temporary.write_bytes(made)
        if not self.compression:
            return temporary
        plain = temporary.with_name(temporary.name + ".plain")
        temporary.replace(plain)
        try:
            return super().finish(plain, temporary)
        finally:
            plain.unlink()

    def _edited(self, rows: dict[int, dict[str, Any]]) -> bytes:
        """The bytes of the file with the texts of some rows replaced."""
        places = list(next(iter(orjson.loads(self._bytes).values()))) if self._numbered else None
        new: dict[TextPath, str] = {}
        for row, record in rows.items():
            for name, values in self._columns.items():
                step = places[row] if places else row
                new.update(_changes(values[row], record[name], (name, step)))
        spans = find_strings(self._bytes, set(new))
        parts: list[bytes] = []
        position = 0
        for path, (begin, end) in sorted(spans.items(), key=lambda item: item[1]):
            text = write_string(new[path], like=self._bytes[begin:end], ascii_only=self._ascii_only)
            parts += (self._bytes[position:begin], text)
            position = end
        return b"".join((*parts, self._bytes[position:]))

    def _without_others(self, data: bytes, rows: list[int]) -> bytes:
        """The columns with these rows alone, written and numbered anew."""
        made: dict[str, Any] = {}
        for name, values in orjson.loads(data).items():
            listed = list(values.values()) if self._numbered else values
            picked = [listed[row] for row in rows]
            made[name] = {str(number): value for number, value in enumerate(picked)} if self._numbered else picked
        return orjson.dumps(made) + b"\n"


def columns_in(data: bytes) -> dict[str, list[Any]] | None:
    """The columns of an object, ``None`` where it is none of two columns or more, all of one length, one with texts.

    >>> columns_in(b'{"a": ["x", "y"], "b": [1, 2]}'), columns_in(b'{"a": ["x"], "b": []}')
    ({'a': ['x', 'y'], 'b': [1, 2]}, None)
    """
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(whole, dict) or len(whole) < 2:
        return None
    values = list(whole.values())
    if all(isinstance(value, list) for value in values):
        found = whole
    elif all(isinstance(value, dict) and value.keys() == values[0].keys() for value in values):
        if list(values[0]) != [str(number) for number in range(len(values[0]))]:
            return None
        found = {name: list(value.values()) for name, value in whole.items()}
    else:
        return None
    lengths = {len(value) for value in found.values()}
    texts = any(all(value is None or isinstance(value, str) for value in column) for column in found.values())
    return found if len(lengths) == 1 and lengths != {0} and texts else None


def _changes(old: Any, new: Any, path: TextPath) -> Iterator[tuple[TextPath, str]]:
    """The texts in a value that are others now, with their places."""
    if isinstance(old, str):
        if isinstance(new, str) and new != old:
            yield path, new
    elif isinstance(old, dict) and isinstance(new, dict):
        for name in old:
            yield from _changes(old[name], new.get(name), (*path, name))
    elif isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from _changes(before, after, (*path, index))
