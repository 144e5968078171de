"""Records as Python has them: lists of dictionaries, data frames, data sets. Read as rows, given back as they came.

Only columns with a changed text are written, in a copy; everything else of a frame (index, types, features) stays.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any, Protocol

from midb.corpus.splice import Path
from midb.domain.errors import UsageError

#: New values by row and column.
Changes = Mapping[int, Mapping[str, Any]]


class Table(Protocol):
    """Records that came as one kind of thing."""

    def rows(self) -> list[dict[str, Any]]:
        """The records, as the caller has them."""
        ...

    def changed(self, changes: Changes) -> Any:
        """The same kind of thing with some values replaced."""
        ...


class _ListTable:
    """Any iterable of dictionaries; a list comes back. Records that did not change are the caller's own objects."""

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self._records = list(records)
        for position, record in enumerate(self._records):
            if not isinstance(record, Mapping):
                raise UsageError(
                    f"record {position} is {type(record).__name__}, not a dictionary.",
                    hint='A record is a dictionary such as {"instruction": ..., "output": ...}.',
                )

    def rows(self) -> list[dict[str, Any]]:
        return [dict(record) for record in self._records]

    def changed(self, changes: Changes) -> Any:
        return [
            {**record, **changes[position]} if position in changes else record
            for position, record in enumerate(self._records)
        ]


class _PandasTable:
    """A pandas data frame; a copy with the same index and column types comes back."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._frame.to_dict("records")
        return rows

    def changed(self, changes: Changes) -> Any:
        frame = self._frame.copy()
        for column, values in _by_column(changes).items():
            series = frame[column].copy()
            for position, value in values.items():
                series.iat[position] = value
            frame[column] = series
        return frame


class _PolarsTable:
    """A polars data frame."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._frame.to_dicts()
        return rows

    def changed(self, changes: Changes) -> Any:
        import polars

        columns = []
        for column, values in _by_column(changes).items():
            old = self._frame[column]
            new = [values.get(position, value) for position, value in enumerate(old.to_list())]
            columns.append(polars.Series(column, new, dtype=old.dtype))
        return self._frame.with_columns(columns)


class _DatasetTable:
    """A `datasets.Dataset`, with its features."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def rows(self) -> list[dict[str, Any]]:
        return list(self._dataset)

    def changed(self, changes: Changes) -> Any:
        if not changes:
            return self._dataset
        columns = _by_column(changes)
        data = {name: self._dataset[name][:] for name in self._dataset.column_names}
        for column, values in columns.items():
            data[column] = [values.get(position, value) for position, value in enumerate(data[column])]
        return type(self._dataset).from_dict(data, features=self._dataset.features, info=self._dataset.info)


def _by_column(changes: Changes) -> dict[str, dict[int, Any]]:
    columns: dict[str, dict[int, Any]] = {}
    for position, values in changes.items():
        for column, value in values.items():
            columns.setdefault(column, {})[position] = value
    return columns


#: Library and class of what is no plain iterable. Known by name: none of these libraries is needed, or imported here.
_TABLES: dict[tuple[str, str], Callable[[Any], Table]] = {
    ("pandas", "DataFrame"): _PandasTable,
    ("polars", "DataFrame"): _PolarsTable,
    ("datasets", "Dataset"): _DatasetTable,
}


def table_of(records: Any) -> Table:
    """The table for whatever holds the records; UsageError for what is not a collection of them."""
    for kind in type(records).__mro__:
        if make := _TABLES.get((kind.__module__.partition(".")[0], kind.__name__)):
            return make(records)
    if isinstance(records, str | bytes | FilePath):
        raise UsageError(
            f"{str(records)[:60]!r} is no list of records.",
            hint="Read the file first, or boost it with: midb-agent run FILE",
        )
    if hasattr(records, "collect") and type(records).__name__ == "LazyFrame":
        raise UsageError("a LazyFrame has no rows yet.", hint="Give its .collect().")
    if isinstance(records, Mapping):
        hint = "Put a single record into a list; of a DatasetDict give one split, such as dataset['train']."
        raise UsageError("a dictionary is no list of records.", hint=hint)
    if not isinstance(records, Iterable):
        raise UsageError(f"{type(records).__name__} is no list of records.", hint="Give a list of dictionaries.")
    return _ListTable(records)


def json_like(value: Any) -> Any:
    """A value as JSON has it. What JSON does not know (dates, images, arrays of an odd type) is left out as null: no
    text stands in it, and the caller's own value is what comes back.

    >>> json_like({"a": float("nan"), "b": (1, "x"), 3: object()})
    {'a': None, 'b': [1, 'x'], '3': None}
    """
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**64 else None
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): json_like(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_like(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        plain = value.tolist()
        return None if plain is value else json_like(plain)
    return None


def with_text(value: Any, path: Path, text: str) -> Any:
    """A column's value with the text at a path inside it replaced; the value itself is not touched.

    >>> with_text([{"role": "user", "content": "a"}], (0, "content"), "b")
    [{'role': 'user', 'content': 'b'}]
    """
    if not path:
        return text
    if hasattr(value, "tolist"):
        value = value.tolist()
    new: Any = list(value) if isinstance(value, tuple) else copy.copy(value)
    new[path[0]] = with_text(value[path[0]], path[1:], text)
    return tuple(new) if isinstance(value, tuple) else new
