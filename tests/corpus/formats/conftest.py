"""Fixtures of the tests of formats."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus_files import PACKED, MakeCorpus

from midb.corpus.formats.base import Container
from midb.corpus.formats.containers import open_container


@pytest.fixture
def corpus(tmp_path: Path) -> MakeCorpus:
    """Makes a file and opens it."""

    def make(data: bytes, compression: str = "", name: str = "corpus.jsonl") -> Container:
        path = tmp_path / (name + compression)
        path.write_bytes(PACKED[compression](data))
        return open_container(path)

    return make
