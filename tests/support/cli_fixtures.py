"""The command line, called as a user calls it, and the files that it reads and writes."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

#: A record of a corpus, as JSON gives it.
Record = dict[str, Any]

#: A row of a database.
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Called:
    """What a command did: exit code and both streams."""

    code: int
    out: str
    err: str


class Cli(Protocol):
    """Calls `midb-agent` with some words."""

    def __call__(self, *arguments: object) -> Called: ...


class Write(Protocol):
    """Writes a corpus into the test's folder: bytes as they are, or objects as JSON, each with ``end`` behind it."""

    def __call__(self, name: str, *content: bytes | Mapping[str, object], end: str = "\n") -> Path: ...


class Ask(Protocol):
    """The rows that plain sqlite3 finds."""

    def __call__(self, db: Path, query: str) -> list[Row]: ...


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """`midb-agent` in this process, in a folder of its own."""
    from midb.cli.main import main

    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Called:
        words = [str(argument) for argument in arguments]
        monkeypatch.setattr(sys, "argv", ["midb-agent", *words])
        capfd.readouterr()
        code = main(words)
        captured = capfd.readouterr()
        return Called(code, captured.out, captured.err)

    return call


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a corpus."""

    def write(name: str, *content: bytes | Mapping[str, object], end: str = "\n") -> Path:
        path = tmp_path / name
        data = b"".join(
            item if isinstance(item, bytes) else (json.dumps(item, ensure_ascii=False) + end).encode()
            for item in content
        )
        path.write_bytes(data)
        return path

    return write


def rows(db: Path, query: str) -> list[Row]:
    """What plain sqlite3 says."""
    connection = sqlite3.connect(db)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def ask() -> Ask:
    """Query a database with plain sqlite3."""
    return rows


@pytest.fixture
def broken() -> Record:
    """A pair with a defect that is repaired (numbering) and its record's id."""
    return {
        "id": "de-1",
        "instruction": "Nenne vier Farben.",
        "input": "",
        "output": "Gern:\n1. Rot.\n2. Blau.\n2. Grün.\n4. Gelb.",
    }
