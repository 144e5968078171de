"""Parquet corpora: rows as JSON objects on the way in, the untouched columns as they were on the way out."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from midb.corpus.formats.base import Container
from midb.corpus.output import writing
from midb.corpus.raw import RawRecord, Start, Tail
from midb.domain.errors import CorpusError, UsageError

# What the partial output says about a row instead of giving its new texts: that they stay, ...
_SAME = b"null"
# ... and that the row was rejected.
_REJECTED = b"false"

#: Rows that are read at a time.
_ROWS = 512

#: Bytes after which a row group is written even if it had more rows in the corpus: it is kept in memory until then.
_GROUP_BYTES = 128 << 20


class Parquet(Container):
    """One row a record. Only columns that hold text (also inside lists and structs) are written to."""

    name = "Parquet"
    suffix = ".parquet"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if path.suffix.lower() == self.suffix:
            self.suffix = path.suffix  # as it is spelled
        try:
            import pyarrow.parquet  # type: ignore[import-untyped,unused-ignore]  # noqa: F401
        except ImportError as error:
            raise UsageError(
                f"{path} is a Parquet file, which needs pyarrow.",
                hint="pip install '.[parquet]' in the folder of midb-agent's source, or pip install pyarrow",
            ) from error

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self.path) as file:
                yield file
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            what = str(error).partition("\n")[0].rstrip(".")
            raise CorpusError(f"{self.path} is damaged: {what}.", hint="Download it again.") from error

    def _batches(self) -> Iterator[Any]:
        with self._opened() as file:
            yield from file.iter_batches(batch_size=_ROWS)

    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008
        from midb.corpus.formats.arrow import values_of

        position = 0
        for batch in self._batches():
            if position + batch.num_rows <= start.position:
                position += batch.num_rows
                continue
            columns = [values_of(column) for column in batch.columns]
            for row in range(batch.num_rows):
                if position >= start.position:
                    record = {name: column[row] for name, column in zip(batch.schema.names, columns, strict=True)}
                    yield RawRecord.alone(orjson.dumps(record), position)
                position += 1
        yield Tail(b"")

    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        return (_SAME if body is None else body) + b"\n"

    def dropped(self, record: RawRecord) -> bytes:
        return _REJECTED + b"\n"

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        return b""

    def finish(self, partial: Path, temporary: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with self._opened() as file:
            schema, metadata = file.schema_arrow, file.metadata
        group = metadata.row_group(0) if metadata.num_row_groups else None
        codec = group.column(0).compression if group and group.num_columns else "SNAPPY"
        codec = "NONE" if codec == "UNCOMPRESSED" else codec
        with (
            writing(temporary),
            partial.open("rb") as lines,
            pq.ParquetWriter(temporary, schema, compression=codec) as writer,
        ):
            waiting: list[Any] = []
            for batch in self._batches():
                waiting.append(_rewritten(batch, schema, list(itertools.islice(lines, batch.num_rows))))
                rows, size = sum(map(len, waiting)), sum(table.nbytes for table in waiting)
                if (group and rows >= group.num_rows) or size > _GROUP_BYTES:
                    writer.write_table(pa.concat_tables(waiting))
                    waiting.clear()
            if waiting:
                writer.write_table(pa.concat_tables(waiting))
        return temporary


def _rewritten(batch: Any, schema: Any, lines: list[bytes]) -> Any:
    """The rows of a batch as the lines of the partial output say, as a table; a row without a line is left out."""
    import pyarrow as pa

    from midb.corpus.formats.arrow import last_of_name, with_texts

    rows = [line.rstrip(b"\n") for line in lines]
    changed = {row: orjson.loads(line) for row, line in enumerate(rows) if line not in (_SAME, _REJECTED)}
    columns = list(batch.columns)
    for name, index in last_of_name(schema.names).items():
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
