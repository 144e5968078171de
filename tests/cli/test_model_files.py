"""Whether a run could use a model and its adapters, told from their files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tiny_adapters import make_adapter

from midb.cli.model_files import check_model
from midb.domain.errors import UsageError
from midb.runs.config import load_config


def said(tiny_checkpoint: Path, **settings: Any) -> tuple[str, list[str]]:
    warnings: list[str] = []
    given = {"corpus": Path("c.jsonl"), "model": str(tiny_checkpoint), "device": "cpu"} | settings
    return check_model(load_config(None, given), warnings.append), warnings


def test_a_model_and_its_adapters_are_named(tiny_checkpoint: Path, tmp_path: Path) -> None:
    assert said(tiny_checkpoint) == ("tiny on cpu (float32)", [])
    adapter = make_adapter(tmp_path / "style", tiny_checkpoint, manifest={"prompts": "short", "passes": ["content"]})
    told, warnings = said(tiny_checkpoint, adapter=str(adapter))
    assert told.startswith("tiny on cpu (float32), style ")
    assert told.endswith(" for content (short prompts)")
    assert warnings == []


def test_an_adapter_that_the_engine_would_not_load_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"r": 7}, "has the rank 2"),
        ({"target_modules": ["o_proj", "q_proj"]}, r"q_proj is missing"),
        ({"use_dora": True}, "no plain LoRA"),
    ]
    for number, (config, words) in enumerate(refused):
        adapter = make_adapter(tmp_path / str(number), tiny_checkpoint, **config)
        with pytest.raises(UsageError, match=words) as caught:
            said(tiny_checkpoint, adapter=str(adapter))
        assert caught.value.hint
