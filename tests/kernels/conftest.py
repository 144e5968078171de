"""Small random checkpoints of every family, and prompts for them."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")

pytest.importorskip("torch")
pytest.importorskip("transformers")

from random_checkpoints import (
    FAMILIES,
    VOCABULARY,
    GetCheckpoint,
    MakeCheckpoint,
    MakePrompts,
    RandomCheckpoint,
    build_checkpoint,
)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> GetCheckpoint:
    """The checkpoint of a family, made when it is first asked for."""
    made: dict[str, RandomCheckpoint] = {}

    def get(family: str, /) -> RandomCheckpoint:
        if family not in made:
            made[family] = build_checkpoint(tmp_path_factory.mktemp(family), family)
        return made[family]

    return get


@pytest.fixture
def fresh(tmp_path: Path) -> MakeCheckpoint:
    """A checkpoint of one's own, to change or damage."""

    def make(family: str = "llama-3", /, **changes: Any) -> RandomCheckpoint:
        return build_checkpoint(tmp_path / family, family, **changes)

    return make


@pytest.fixture
def prompts() -> MakePrompts:
    """Random prompts of ragged lengths; ``shared`` tokens stand before all of them."""

    def make(seed: int, count: int, longest: int = 50, shared: int = 0) -> list[list[int]]:
        rng = random.Random(seed)
        common = [rng.randrange(VOCABULARY) for _ in range(shared)]
        return [common + [rng.randrange(VOCABULARY) for _ in range(rng.randint(1, longest))] for _ in range(count)]

    return make


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a ``family`` with each of them."""
    if "family" in metafunc.fixturenames:
        metafunc.parametrize("family", list(FAMILIES))
