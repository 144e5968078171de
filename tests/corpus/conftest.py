"""Fixtures of the corpus tests: reading a container to its end, and writing it back as a run does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from midb.corpus.formats.base import Container
from midb.corpus.raw import RawRecord, Start, Tail

Reader = Callable[..., tuple[list[RawRecord], Tail]]
Rewriter = Callable[..., Path]


def split(items: Iterable[RawRecord | Tail]) -> tuple[list[RawRecord], Tail]:
    """Records and tail; there is one tail and it comes last."""
    *records, tail = items
    assert isinstance(tail, Tail)
    assert all(isinstance(record, RawRecord) for record in records)
    return [record for record in records if isinstance(record, RawRecord)], tail


@pytest.fixture(scope="session")
def read() -> Reader:
    """Read a container to its end: (records, tail)."""

    def run(container: Container, start: Start = Start()) -> tuple[list[RawRecord], Tail]:  # noqa: B008  (frozen)
        return split(container.read(start))

    return run


@pytest.fixture
def rewrite(tmp_path: Path) -> Rewriter:
    """Write a container back; ``bodies`` says what becomes of some positions: new bytes, or None for a rejected one."""

    def run(container: Container, bodies: dict[int, bytes | None] | None = None, limit: int | None = None) -> Path:
        fates = bodies or {}
        partial, temporary = tmp_path / "partial", tmp_path / "temporary"
        written = bytearray()
        for item in container.read():
            if isinstance(item, Tail) or item.position == limit:
                tail = item if isinstance(item, Tail) else container.cut()
                written += container.tail(tail, first=not written)
                break
            if item.position in fates and fates[item.position] is None:
                written += container.dropped(item)
            else:
                written += container.kept(item, fates.get(item.position), first=not written)
        partial.write_bytes(written)
        return container.finish(partial, temporary)

    return run


@pytest.fixture(scope="session")
def shared_files(corpora: list[Path]) -> list[Path]:
    """Every real data file there is: JSON Lines and arrays, in many languages and layouts."""
    root = corpora[0].parents[1]
    return sorted(path for path in root.rglob("*.json*") if path.suffix in (".json", ".jsonl"))
