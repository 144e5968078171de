"""Rotary embeddings as config.json states them, in the layouts of transformers 4 and 5. No torch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from midb.kernels import CheckpointError
from midb.kernels.rope import Rope, read_rope

PATH = Path("config.json")
FULL = "full_attention"
SLIDING = "sliding_attention"
LLAMA3: dict[str, Any] = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 2048,
}  # fmt: skip
LONGROPE: dict[str, Any] = {
    "rope_type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [1.0, 4.0], "factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
YARN: dict[str, Any] = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}


def read(raw: dict[str, Any], kind: str = FULL) -> Rope:
    return read_rope({"rope_theta": 10_000.0} | raw, kind, PATH)


@pytest.mark.parametrize(
    ("scaling", "rope"),
    [
        (None, Rope(theta=1e6)),
        ({"rope_type": "default"}, Rope(theta=1e6)),
        ({"type": "linear", "factor": 4}, Rope(theta=1e6, kind="linear", factor=4.0)),
        (
            LLAMA3,
            Rope(
                theta=1e6, kind="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                original_max_positions=2048,
            ),
        ),
        (
            YARN | {"beta_fast": 16, "beta_slow": None, "truncate": False, "attention_factor": 0.5},
            Rope(
                theta=1e6, kind="yarn", factor=4.0, original_max_positions=64, beta_fast=16.0, beta_slow=1.0,
                whole_dimensions=False, attention_factor=0.5,
            ),
        ),
    ],
)  # fmt: skip
def test_old_and_new_layouts_say_the_same(scaling: dict[str, Any] | None, rope: Rope) -> None:
    """transformers 4 has ``rope_theta`` and ``rope_scaling``, transformers 5 ``rope_parameters``, also by kind."""
    assert read({"rope_theta": 1e6, "rope_scaling": scaling}) == rope
    new = {"rope_type": "default", "rope_theta": 1e6} | (scaling or {})
    if "type" in new:
        new["rope_type"] = new.pop("type")
    assert read({"rope_parameters": new}) == rope
    assert read({"rope_parameters": {FULL: new, SLIDING: {"rope_theta": 5.0}}}) == rope


def test_each_kind_of_layer_has_its_own() -> None:
    """As in Gemma 3: windows turn at a lower base, and are not scaled."""
    old = {"rope_theta": 1e6, "rope_local_base_freq": 1e4, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}
    assert read(old, FULL) == Rope(theta=1e6, kind="linear", factor=8.0)
    assert read(old, SLIDING) == Rope(theta=1e4)
    new = {FULL: {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0}, SLIDING: {"rope_theta": 1e4}}
    assert read({"rope_parameters": new}, FULL) == Rope(theta=1e6, kind="linear", factor=8.0)
    assert read({"rope_parameters": new}, SLIDING) == Rope(theta=1e4)
    assert read({"rope_theta": 3e5, "rope_parameters": {FULL: new[FULL]}}, SLIDING) == Rope(theta=3e5)


@pytest.mark.parametrize(
    ("given", "factor"),
    [
        ({}, 0.1 * math.log(4) + 1),
        ({"factor": 0.5}, 1.0),
        ({"attention_factor": 0.8, "mscale": 9.0, "mscale_all_dim": 2.0}, 0.8),
        ({"mscale": 0.5, "mscale_all_dim": 2.0}, (0.05 * math.log(4) + 1) / (0.2 * math.log(4) + 1)),
        ({"mscale": 0.5}, 0.1 * math.log(4) + 1),
    ],
)
def test_the_attention_factor_of_yarn(given: dict[str, float], factor: float) -> None:
    assert read({"rope_scaling": YARN | given}).attention_factor == pytest.approx(factor)


def test_only_yarn_says_how_far_it_scales() -> None:
    assert read({"rope_scaling": YARN}).scaled_positions == 256
    assert read({"rope_scaling": LLAMA3}).scaled_positions == 0
    assert read({}).scaled_positions == 0


@pytest.mark.parametrize(
    ("parameters", "parts"),
    [
        ({"rope_type": "dynamic", "factor": 4.0}, ("dynamic", "not supported", "llama3")),
        (LONGROPE | {"short_factor": [1.0, 0.0]}, ("above 0",)),
        (LONGROPE | {"long_factor": ["x"]}, ("incomplete", "'x'")),
        (LONGROPE | {"long_factor": None}, ("incomplete",)),
        ({"rope_type": "longrope"}, ("incomplete", "max_position_embeddings")),
        ({"rope_type": "yarn"}, ("incomplete", "factor")),
        ({"rope_type": "yarn", "factor": 4.0}, ("incomplete", "original_max")),
        (YARN | {"factor": "x"}, ("incomplete", "'x'")),
        (YARN | {"factor": None}, ("incomplete",)),
        (YARN | {"factor": 0.0}, ("above 0",)),
        (YARN | {"factor": math.nan}, ("finite",)),
        (YARN | {"beta_fast": math.inf}, ("finite",)),
        (YARN | {"original_max_position_embeddings": math.inf}, ("incomplete", "infinity")),
        (YARN | {"original_max_position_embeddings": 0}, ("above 0",)),
        ({"rope_type": "linear", "rope_theta": 1.0, "factor": 2.0}, ("base above 1",)),
        ({"rope_type": "llama3"}, ("incomplete", "factor")),
        ({"partial_rotary_factor": 0.5}, ("in part",)),
    ],
)
def test_what_cannot_be_computed_is_one_sentence(parameters: dict[str, Any], parts: tuple[str, ...]) -> None:
    with pytest.raises(CheckpointError) as caught:
        read({"rope_parameters": {"rope_theta": 1e4} | parameters})
    for part in ("config.json", *parts):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_heads_that_are_rotated_in_part_are_refused_in_the_old_layout_too() -> None:
    with pytest.raises(CheckpointError, match="in part"):
        read({"partial_rotary_factor": 0.25})
