"""Arrow files, as `datasets` keeps its data (a stream) and as Feather and polars write them (a file)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from midb.corpus.formats.arrow.column_file import ColumnFile, unreadable, unwritable
from midb.corpus.output import writing

#: How such files begin: one that can be read anywhere, and one that is read from its beginning.
FILE, STREAM = b"ARROW1", b"\xff\xff\xff\xff"


class ArrowFile(ColumnFile):
    """An Arrow file in either form. ``beginning`` are its first bytes, which say which of the two it is."""

    name = "Arrow"
    suffix = ".arrow"

    def __init__(self, path: Path, beginning: bytes) -> None:
        super().__init__(path)
        self.suffix = path.suffix
        self._is_file = beginning.startswith(FILE)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

        try:
            opening = pa.ipc.open_file if self._is_file else pa.ipc.open_stream
            with pa.memory_map(str(self.path)) as source, opening(source) as reader:
                yield reader
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            raise unreadable(self.path, error) from error

    def batches(self) -> Iterator[Any]:
        with self._opened() as reader:
            if self._is_file:
                yield from map(reader.get_batch, range(reader.num_record_batches))
            else:
                yield from reader

    def finish(self, partial: Path, temporary: Path) -> Path:
        import pyarrow as pa

        with self._opened() as reader:
            schema = reader.schema
        # Of a column with a dictionary a file holds one for all batches, so that these have to be known together.
        whole = self._is_file and any(_has_dictionary(field.type) for field in schema)
        options = pa.ipc.IpcWriteOptions(unify_dictionaries=whole)
        make = pa.ipc.new_file if self._is_file else pa.ipc.new_stream
        with (
            writing(temporary),
            unwritable(self.path),
            pa.OSFile(str(temporary), "wb") as sink,
            make(sink, schema, options=options) as writer,
        ):
            tables = self.tables(partial, schema)
            for table in [pa.concat_tables(tables, promote_options="none")] if whole else tables:
                writer.write_table(table)
        return temporary


def _has_dictionary(kind: Any) -> bool:
    """Whether a type has a dictionary, at any depth."""
    from pyarrow import types

    if types.is_struct(kind):
        return any(_has_dictionary(field.type) for field in kind)
    return bool(types.is_dictionary(kind)) or (hasattr(kind, "value_type") and _has_dictionary(kind.value_type))
