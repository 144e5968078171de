"""Parquet corpora: rows as JSON objects on the way in, the untouched columns as they were on the way out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from midb.corpus.containers import Container
from midb.corpus.raw import RawRecord, Start, Tail
from midb.errors import UsageError

# What the partial output says about a row whose texts stay, and about a rejected one; anything else is the new row.
_SAME, _REJECTED = b"null", b"false"


class Parquet(Container):
    """One row a record. Only columns that hold text (also inside lists and structs) are looked at."""

    name = "Parquet"
    suffix = ".parquet"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise UsageError(
                f"{path} is a Parquet file, which needs pyarrow.", hint="pip install 'midb-agent[parquet]'"
            ) from error

    def _batches(self) -> Iterator[Any]:
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(batch_size=512)

    def read(self, start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008
        position = 0
        for batch in self._batches():
            if position + batch.num_rows <= start.position:
                position += batch.num_rows
                continue
            for row in batch.to_pylist():
                if position >= start.position:
                    body = orjson.dumps(row, default=str, option=orjson.OPT_NON_STR_KEYS)
                    yield RawRecord(position, position + 1, position, position + 1, position + 2, b"", body, b"")
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

        with pq.ParquetFile(self.path) as file:
            schema = file.schema_arrow
            groups = file.metadata.num_row_groups
            compression = file.metadata.row_group(0).column(0).compression if groups else "SNAPPY"
        with partial.open("rb") as lines, pq.ParquetWriter(temporary, schema, compression=compression) as writer:
            for batch in self._batches():
                told = [line.rstrip(b"\n") for line in itertools.islice(lines, batch.num_rows)]
                changed = {i: orjson.loads(line) for i, line in enumerate(told) if line not in (_SAME, _REJECTED)}
                columns = []
                for name, column in zip(schema.names, batch.columns, strict=True):
                    values = column.to_pylist() if changed else []
                    edited = {i: merged(values[i], row.get(name)) for i, row in changed.items()}
                    if any(edited[i] != values[i] for i in edited):
                        column = pa.array([edited.get(i, v) for i, v in enumerate(values)], type=column.type)
                    columns.append(column)
                keep = [i for i, line in enumerate(told) if line != _REJECTED]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema).take(keep))
        return temporary


def merged(value: Any, edited: Any) -> Any:
    """``value`` with the texts of ``edited`` in it; everything that is no text stays what it was.

    >>> merged([{"role": "user", "n": 1}], [{"role": "system", "n": "1"}])
    [{'role': 'system', 'n': 1}]
    """
    if isinstance(value, str) and isinstance(edited, str):
        return edited
    if isinstance(value, dict) and isinstance(edited, dict):
        return {key: merged(item, edited.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(edited, list) and len(value) == len(edited):
        return [merged(item, new) for item, new in zip(value, edited, strict=True)]
    return value
