"""What each family does layer by layer, as transformers derives it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers

from midb.kernels import CheckpointError
from midb.kernels.families import FAMILIES, find_family, list_families, read_activation, read_layer_kinds, read_rotated

PATH = Path("config.json")


@pytest.mark.parametrize("name", FAMILIES)
def test_defaults_are_those_of_transformers(name: str) -> None:
    """But for windows, which transformers adds to a Mistral that states none, and what is called otherwise there."""
    config = transformers.CONFIG_MAPPING[name]()
    elsewhere = ("rope_theta", "sliding_window_pattern", "rope_local_base_freq", "rms_norm_eps", "sliding_window")
    for key, value in FAMILIES[name].defaults.items():
        if key not in elsewhere and hasattr(config, key):
            assert getattr(config, key) == value, key


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("smollm3", {}), ("smollm3", {"no_rope_layer_interval": 2, "use_sliding_window": True, "sliding_window": 8}),
        ("smollm3", {"no_rope_layers": [0, 1, 1, 0, 1, 1], "use_sliding_window": True, "sliding_window": 8}),
        ("cohere2", {}), ("cohere2", {"sliding_window_pattern": 2}), ("gemma2", {}),
        ("qwen3", {"use_sliding_window": True, "max_window_layers": 2}), ("qwen3", {}),
    ],
)  # fmt: skip
def test_kinds_of_layers(name: str, changes: dict[str, Any]) -> None:
    config_class: Any = transformers.CONFIG_MAPPING[name]
    config = config_class(num_hidden_layers=6, **changes)
    merged = {**FAMILIES[name].defaults, "sliding_window": 8, **changes}
    kinds = read_layer_kinds(merged, name, 6, PATH)
    assert kinds == config.layer_types
    rotated = read_rotated(merged, name, kinds, PATH)
    if name == "smollm3":
        assert rotated == [bool(turned) for turned in config.no_rope_layers]
    else:
        assert rotated == [name != "cohere2" or kind == "sliding_attention" for kind in kinds]


@pytest.mark.parametrize("name", ["llama", "cohere"])
def test_families_without_windows_ignore_one_in_the_file(name: str) -> None:
    assert read_layer_kinds({"sliding_window": 4}, name, 2, PATH) == ["full_attention"] * 2


@pytest.mark.parametrize(("name", "on"), [("mistral", True), ("phi3", True), ("qwen3_moe", False)])
def test_a_window_of_all_layers(name: str, on: bool) -> None:
    assert read_layer_kinds({"sliding_window": 4}, name, 2, PATH) == [("sliding" if on else "full") + "_attention"] * 2
    switched = {"sliding_window": 4, "use_sliding_window": True}
    assert read_layer_kinds(switched, name, 2, PATH) == ["sliding_attention"] * 2
    assert read_layer_kinds({"use_sliding_window": True}, name, 2, PATH) == ["full_attention"] * 2


@pytest.mark.parametrize("name", ["t5", None, 3, ["llama"]])
def test_an_unknown_family(name: Any) -> None:
    with pytest.raises(CheckpointError, match="is unknown") as caught:
        find_family({"model_type": name}, PATH)
    assert list_families() in str(caught.value.hint)


def test_an_activation_that_is_unknown() -> None:
    with pytest.raises(CheckpointError, match='activation "relu6"'):
        read_activation({"hidden_act": "relu6"}, FAMILIES["cohere"], PATH)
    assert read_activation({"hidden_act": "silu"}, FAMILIES["cohere"], PATH) == "silu"
