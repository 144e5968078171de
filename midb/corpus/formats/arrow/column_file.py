"""What Parquet and Arrow files share: rows are JSON objects on the way in, and on the way out only texts are written.

Needs pyarrow, which is not loaded before such a file is opened.
"""

from __future__ import annotations

import contextlib
import itertools
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from midb.corpus.formats.base import Container, distinct
from midb.corpus.raw import RawRecord, Start, Tail
from midb.domain.errors import CorpusError, MidbError, UsageError

# What the partial output says about a row instead of giving its new texts: that they stay, ...
_SAME = b"null"
# ... and that the row was rejected.
_REJECTED = b"false"


class ColumnFile(Container):
    """One row a record. Only columns that hold text (also inside lists and structs) are written to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            import pyarrow  # type: ignore[import-untyped,unused-ignore]  # noqa: F401
        except ImportError as error:
            article = "an" if self.name.startswith("A") else "a"
            raise UsageError(
                f"{path} is {article} {self.name} file, which needs pyarrow.",
                hint="pip install '.[parquet]' in the folder of midb-agent's source, or pip install pyarrow",
            ) from error

    @abstractmethod
    def batches(self) -> Iterator[Any]:
        """The rows as record batches, in order."""

    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008
        from midb.corpus.formats.arrow.values import values_of

        position = 0
        for batch in self.batches():
            if position + batch.num_rows <= start.position:
                position += batch.num_rows
                continue
            names, columns = distinct(batch.schema.names), [values_of(column) for column in batch.columns]
            for row in range(batch.num_rows):
                if position >= start.position:
                    record = {name: column[row] for name, column in zip(names, columns, strict=True)}
                    yield RawRecord.alone(orjson.dumps(record), position)
                position += 1
        yield Tail(b"")

    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        return (_SAME if body is None else body) + b"\n"

    def dropped(self, record: RawRecord) -> bytes:
        return _REJECTED + b"\n"

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        return b""

    def tables(self, partial: Path, schema: Any) -> Iterator[Any]:
        """Each batch as the partial output has it, as a table; rows that it leaves out are none."""
        with partial.open("rb") as lines:
            for batch in self.batches():
                yield rewritten(batch, schema, list(itertools.islice(lines, batch.num_rows)))


def unreadable(path: Path, error: Exception) -> CorpusError:
    """What pyarrow said of a file, as an error of ours: it is damaged, or has what pyarrow cannot do yet."""
    what = str(error).partition("\n")[0].rstrip(".")
    if isinstance(error, NotImplementedError):
        hint = "Write it anew without that, or as JSON Lines, with the program that made it."
        return CorpusError(f"{path} holds what pyarrow cannot read: {what}.", hint=hint)
    return CorpusError(f"{path} is damaged: {what}.", hint="Download it again.")


@contextlib.contextmanager
def unwritable(path: Path) -> Iterator[None]:
    """Turn what pyarrow can read and not write into a sentence."""
    import pyarrow as pa

    try:
        yield
    except pa.ArrowException as error:
        what = str(error).partition("\n")[0].rstrip(".")
        raise MidbError(
            f"the output of {path} cannot be written: {what}.",
            hint="Write the corpus anew, as JSON Lines or Parquet, and run on that. The log keeps what was decided.",
        ) from error


def rewritten(batch: Any, schema: Any, lines: list[bytes]) -> Any:
    """The rows of a batch as the lines of the partial output say, as a table; a row without a line is left out."""
    import pyarrow as pa

    from midb.corpus.formats.arrow.values import with_texts

    rows = [line.rstrip(b"\n") for line in lines]
    changed = {row: orjson.loads(line) for row, line in enumerate(rows) if line not in (_SAME, _REJECTED)}
    columns = list(batch.columns)
    for index, name in enumerate(distinct(schema.names)):
        columns[index] = with_texts(columns[index], {row: record.get(name) for row, record in changed.items()})
    kept = [row for row, line in enumerate(rows) if line != _REJECTED]
    table = pa.Table.from_arrays(columns, schema=schema)
    # Slices, for not every type can be taken from (string_view cannot).
    pieces = [table.slice(start, end - start) for start, end in _runs(kept)]
    return pa.concat_tables(pieces) if pieces else table.slice(0, 0)


def _runs(rows: list[int]) -> Iterator[tuple[int, int]]:
    """Rows that follow one another, as (first, behind the last).

    >>> list(_runs([0, 1, 2, 5, 7, 8]))
    [(0, 3), (5, 6), (7, 9)]
    """
    for _, run in itertools.groupby(enumerate(rows), key=lambda item: item[1] - item[0]):
        members = [row for _, row in run]
        yield members[0], members[-1] + 1
