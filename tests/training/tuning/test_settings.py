"""Settings of a training: what they may be, presets, and how a difference is named."""

from __future__ import annotations

from typing import Any

import pytest

from midb.domain.errors import UsageError
from midb.training.tuning.settings import PRESETS, TuningSettings, choose_settings, find_difference


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rank": 0}, "--rank is 0"),
        ({"alpha": 0}, "--alpha is 0"),
        ({"batch_tokens": -1}, "--batch-tokens is -1"),
        ({"lr": 0.0}, "--lr is 0.0"),
        ({"lr": float("nan")}, "--lr is nan"),
        ({"lr": float("inf")}, "--lr is inf"),
        ({"epochs": 0.0}, "--epochs is 0.0"),
        ({"max_steps": -1}, "--max-steps is -1"),
        ({"seed": -1}, "--seed is -1"),
        ({"warmup": 1.0}, "--warmup is 1.0"),
        ({"dropout": -0.1}, "--dropout is -0.1"),
        ({"schedule": "steep"}, '--schedule "steep"'),
        ({"targets": " ,"}, "--targets names no layer"),
    ],
)
def test_what_cannot_be_is_named_as_it_is_typed(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose_settings("default", **given)
    assert words in caught.value.message
    assert caught.value.message.endswith(".")


def test_presets() -> None:
    paper = PRESETS["midb-paper"]
    assert (paper.rank, paper.alpha, paper.epochs, paper.lr) == (64, 32, 1.0, 2e-4)
    assert (paper.schedule, paper.warmup, paper.max_tokens) == ("cosine", 0.1, 4096)
    assert choose_settings("midb-paper", rank=8, lr=None) == TuningSettings(
        rank=8, alpha=32, lr=2e-4, warmup=0.1, max_tokens=4096
    )
    with pytest.raises(UsageError, match="no preset"):
        choose_settings("best")


def test_a_difference_is_named() -> None:
    settings = TuningSettings()
    assert find_difference(settings.as_dict(), settings) == ""
    assert find_difference(settings.as_dict() | {"batch_tokens": 99}, settings) == "--batch-tokens was 99 and is 8192"
