"""A tiny base, loaded anew for each training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tiny_model import make_checkpoint
from tuning_parts import LoadModel

os.environ.setdefault("HF_HUB_OFFLINE", "1")

for _library in ("torch", "transformers", "peft", "accelerate"):
    pytest.importorskip(_library)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of some thousand parameters with a tokenizer and a chat template."""
    return make_checkpoint(tmp_path_factory.mktemp("base") / "tiny", merges=0)


@pytest.fixture
def load_model(tiny_base: Path) -> LoadModel:
    """Loads the base, each time anew."""
    import torch

    from midb.training.tuning.model import load_base

    def load() -> Any:
        return load_base(tiny_base, "tiny", torch.device("cpu"))

    return load
