"""Fixtures of the tests of shards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from shard_halves import Halves, make_halves

from midb.shards.logs import ShardLog, open_shards


@pytest.fixture(scope="session")
def run_halves(tmp_path_factory: pytest.TempPathFactory) -> Halves:
    """Made once; not to be changed."""
    return make_halves(tmp_path_factory.mktemp("halves"))


@pytest.fixture
def halves(run_halves: Halves, tmp_path: Path) -> Halves:
    """A copy that a test may change."""
    return Halves(Path(shutil.copytree(run_halves.folder, tmp_path / "halves")))


@pytest.fixture
def shards(run_halves: Halves) -> Iterator[list[ShardLog]]:
    """The logs, opened for reading."""
    with open_shards(run_halves.logs) as opened:
        yield opened
