"""Fixtures of the corpus tests."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from corpus_files import Rewrite

from midb.corpus.formats.base import Container
from midb.corpus.raw import Tail


@pytest.fixture
def rewrite(tmp_path: Path) -> Rewrite:
    """Write a container back into the test's folder."""

    def run(container: Container, bodies: Mapping[int, bytes | None] | None = None, limit: int | None = None) -> Path:
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
        if temporary.is_dir():
            shutil.rmtree(temporary)
        return container.finish(partial, temporary)

    return run


@pytest.fixture(scope="session")
def shared_files(corpora: list[Path]) -> list[Path]:
    """Every real data file there is: JSON Lines and arrays, in many languages and layouts."""
    root = corpora[0].parents[1]
    return sorted(path for path in root.rglob("*.json*") if path.suffix in (".json", ".jsonl"))
