"""Statements that put rows into the tables of a log. Each is written once: there are as many as tables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def insert(execute: Callable[..., Any], table: str, row: Mapping[str, Any]) -> None:
    """Insert a row by the names of its columns."""
    execute(_named(table, tuple(row)), tuple(row.values()))


def insert_values(execute: Callable[..., Any], table: str, row: Sequence[Any]) -> None:
    """Insert a row that has a value for every column, in their order."""
    execute(_whole(table, len(row)), tuple(row))


def marks(count: int) -> str:
    """The places of values in a statement.

    >>> marks(3)
    '?, ?, ?'
    """
    return ", ".join("?" * count)


@functools.cache
def _named(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({marks(len(columns))})"


@functools.cache
def _whole(table: str, columns: int) -> str:
    return f"INSERT INTO {table} VALUES ({marks(columns)})"
