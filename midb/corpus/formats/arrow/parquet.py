"""Parquet corpora: row groups and compression are those of the corpus, as far as its first row group shows them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from midb.corpus.formats.arrow.column_file import ColumnFile, unreadable, unwritable
from midb.corpus.output import writing

#: Rows that are read at a time.
_ROWS = 512

#: Bytes after which a row group is written even if it had more rows in the corpus: it is kept in memory until then.
_GROUP_BYTES = 128 << 20

#: How codecs are called that pyarrow reads by one name and writes by another; the first form of LZ4 has none.
_CODECS = {"UNCOMPRESSED": "NONE", "UNKNOWN": "LZ4"}


class Parquet(ColumnFile):
    """A Parquet file."""

    name = "Parquet"
    suffix = ".parquet"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if path.suffix.lower() == self.suffix:
            self.suffix = path.suffix  # as it is spelled

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self.path) as file:
                yield file
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            raise unreadable(self.path, error) from error

    def batches(self) -> Iterator[Any]:
        with self._opened() as file:
            yield from file.iter_batches(batch_size=_ROWS)

    def finish(self, partial: Path, temporary: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with self._opened() as file:
            schema, metadata = file.schema_arrow, file.metadata
        group = metadata.row_group(0) if metadata.num_row_groups else None
        codec = _codec_of(group) if group and group.num_columns else "SNAPPY"
        codec = _CODECS.get(codec, codec)
        with (
            writing(temporary),
            unwritable(self.path),
            # Not "compliant": what is in a list keeps its name, which older files have as "item", newer as "element".
            pq.ParquetWriter(temporary, schema, compression=codec, use_compliant_nested_type=False) as writer,
        ):
            waiting: list[Any] = []
            for table in self.tables(partial, schema):
                waiting.append(table)
                rows, size = sum(map(len, waiting)), sum(one.nbytes for one in waiting)
                if (group and rows >= group.num_rows) or size > _GROUP_BYTES:
                    writer.write_table(pa.concat_tables(waiting))
                    waiting.clear()
            if waiting:
                writer.write_table(pa.concat_tables(waiting))
        return temporary


def _codec_of(group: Any) -> str:
    """The compression of a row group, as its first column has it."""
    return str(group.column(0).compression)
