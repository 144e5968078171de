"""config.json in the layouts of transformers 4 and 5, sparse ones too, as the hub holds them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import transformers
from random_checkpoints import GetCheckpoint

from midb.kernels import CheckpointError, EngineConfig, EngineError, ModelConfig
from midb.kernels.rope import UNROTATED

PLAIN: dict[str, Any] = {
    "vocab_size": 1000, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 8, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 4096,
}  # fmt: skip


def read(folder: Path, raw: dict[str, Any]) -> ModelConfig:
    (folder / "config.json").write_text(json.dumps(raw))
    return ModelConfig.from_checkpoint(folder)


def theirs(raw: dict[str, Any]) -> Any:
    return transformers.CONFIG_MAPPING[raw["model_type"]](**{k: v for k, v in raw.items() if k != "model_type"})


#: LongRoPE as the files of Phi-3 have it.
LONGROPE: dict[str, Any] = {"type": "longrope", "short_factor": [1.0] * 8, "long_factor": [1.0, *range(2, 9)]}

#: Files as transformers 4 wrote them, with what it left out.
OLD: dict[str, dict[str, Any]] = {
    "llama-3.1": PLAIN | {
        "model_type": "llama", "rope_theta": 500000.0, "rms_norm_eps": 1e-5, "torch_dtype": "bfloat16",
        "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 2048,
        },
    },
    "linear": PLAIN | {"model_type": "llama", "rope_scaling": {"type": "linear", "factor": 4.0}},
    "yarn": PLAIN
    | {
        "model_type": "qwen2", "num_attention_heads": 28, "num_key_value_heads": 4, "hidden_size": 3584,
        "rope_theta": 1e6, "max_position_embeddings": 131_072,
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32_768},
    },
    "mistral-0.1": PLAIN | {"model_type": "mistral", "sliding_window": 512, "rope_theta": 1e4},
    "mistral-0.3": PLAIN | {"model_type": "mistral", "sliding_window": None, "rope_theta": 1e6},
    "qwen2.5": PLAIN | {
        "model_type": "qwen2", "use_sliding_window": False, "sliding_window": 512, "max_window_layers": 4,
        "rope_theta": 1e6, "tie_word_embeddings": True,
    },
    "qwen2-window": PLAIN | {
        "model_type": "qwen2", "use_sliding_window": True, "sliding_window": 512, "max_window_layers": 3,
    },
    "qwen3": PLAIN | {"model_type": "qwen3", "head_dim": 128, "rope_theta": 1e6},
    "gemma-2": PLAIN | {
        "model_type": "gemma2", "head_dim": 32, "hidden_act": "gelu", "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": 224, "sliding_window": 512,
    },
    "gemma-3": PLAIN | {
        "model_type": "gemma3_text", "head_dim": 32, "sliding_window": 512, "sliding_window_pattern": 3,
        "rope_theta": 1e6, "rope_local_base_freq": 1e4, "rope_scaling": {"rope_type": "linear", "factor": 8.0},
        "query_pre_attn_scalar": 168,
    },
    "smollm-3": PLAIN | {
        "model_type": "smollm3", "rope_theta": 5e6, "no_rope_layers": [1, 1, 1, 0] * 2, "use_sliding_window": False,
        "layer_types": ["full_attention"] * 8, "tie_word_embeddings": True,
    },
    "smollm-3-window": PLAIN | {
        "model_type": "smollm3", "use_sliding_window": True, "sliding_window": 512, "no_rope_layer_interval": 3,
    },
    "phi-3": PLAIN | {"model_type": "phi3", "sliding_window": 2047, "original_max_position_embeddings": 4096},
    "phi-3-long": PLAIN | {
        "model_type": "phi3", "max_position_embeddings": 131_072, "original_max_position_embeddings": 4096,
        "rope_scaling": LONGROPE,
    },
    "phi-4-mini": PLAIN | {
        "model_type": "phi3", "max_position_embeddings": 131_072, "original_max_position_embeddings": 4096,
        "partial_rotary_factor": 0.75, "tie_word_embeddings": True,
        "rope_scaling": LONGROPE | {"short_factor": [1.0] * 6, "long_factor": [9.0] * 6},
    },
    "aya-expanse": PLAIN | {"model_type": "cohere", "logit_scale": 0.125, "rope_theta": 1e4, "use_qk_norm": False},
    "command-r7b": PLAIN | {
        "model_type": "cohere2", "logit_scale": 0.25, "rope_theta": 5e4, "sliding_window": 512,
        "sliding_window_pattern": 4,
    },
    "qwen3-moe": PLAIN | {
        "model_type": "qwen3_moe", "head_dim": 128, "rope_theta": 1e6, "num_experts": 16, "num_experts_per_tok": 4,
        "moe_intermediate_size": 32, "norm_topk_prob": True, "decoder_sparse_step": 2, "mlp_only_layers": [3],
        "sliding_window": None, "use_sliding_window": False,
    },
    "gemma-3-sparse": {
        "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
        "sliding_window": 1024,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", OLD)
def test_old_and_new_layouts_say_the_same_and_what_transformers_understands(name: str, tmp_path: Path) -> None:
    raw = OLD[name]
    found = read(tmp_path, raw)
    config = theirs(raw)
    # Files always name their stop ids; where these do not, transformers has defaults.
    new = config.to_dict() | {"dtype": raw.get("torch_dtype", "float32"), "eos_token_id": None}
    assert read(tmp_path, new) == found
    everywhere = "sliding_attention" if name in ("mistral-0.1", "phi-3") else "full"
    kinds = getattr(config, "layer_types", None) or [everywhere] * 8
    window = config.sliding_window if "sliding_attention" in kinds else 0
    assert found.windows == tuple(window if kind == "sliding_attention" else 0 for kind in kinds)
    assert found.head_dim == (getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
    assert (found.num_heads, found.num_kv_heads) == (config.num_attention_heads, config.num_key_value_heads)
    assert (found.vocab_size, found.max_positions) == (config.vocab_size, config.max_position_embeddings)
    assert found.norm_eps == getattr(config, "rms_norm_eps", getattr(config, "layer_norm_eps", None))
    assert found.tied == config.tie_word_embeddings
    rotated = getattr(config, "no_rope_layers", None) or [not name.startswith("command") or k[0] == "s" for k in kinds]
    for kind, turned, rope in zip(kinds, rotated, found.ropes, strict=True):
        if not turned:
            assert rope == UNROTATED
            continue
        parameters = config.rope_parameters.get(kind, config.rope_parameters)
        assert (rope.kind, rope.theta) == (parameters["rope_type"], parameters["rope_theta"])
        assert rope.factor == parameters.get("factor", 1.0)
        assert rope.share == parameters.get("partial_rotary_factor", 1.0)


@pytest.mark.parametrize(("stated", "expected"), [(32_768, 131_072), (131_072, 131_072), (200_000, 200_000)])
def test_yarn_lengthens_the_context(stated: int, expected: int, tmp_path: Path) -> None:
    """Qwen's own advice adds the scaling and leaves ``max_position_embeddings`` alone."""
    assert read(tmp_path, OLD["yarn"] | {"max_position_embeddings": stated}).max_positions == expected


def test_the_head_is_a_share_of_what_a_row_is_multiplied_with(tmp_path: Path) -> None:
    found = read(tmp_path, PLAIN | {"model_type": "llama"})
    layer = 2 * 64 * 16 * (4 + 2) + 3 * 64 * 128
    assert found.head_share == pytest.approx(1000 * 64 / (8 * layer + 1000 * 64))


@pytest.mark.parametrize(
    ("name", "trained"), [("phi-3-long", 4096), ("phi-4-mini", 4096), ("phi-3", 4096), ("yarn", 131_072)]
)
def test_longrope_is_as_trained_up_to_the_original_context(name: str, trained: int, tmp_path: Path) -> None:
    found = read(tmp_path, OLD[name])
    assert found.trained_positions == trained
    assert found.max_positions == OLD[name]["max_position_embeddings"]


@pytest.mark.parametrize("name", ["su", "yarn"])
def test_longrope_under_its_first_names(name: str, tmp_path: Path) -> None:
    """They stand in the first files of Phi-3; elsewhere "yarn" is YaRN."""
    found = read(tmp_path, OLD["phi-3-long"] | {"rope_scaling": LONGROPE | {"type": name}})
    assert found == read(tmp_path, OLD["phi-3-long"])
    assert found.ropes[0].kind == "longrope"


def test_which_layers_have_experts(tmp_path: Path) -> None:
    """Every second layer, but the fourth is named as one without."""
    experts = read(tmp_path, OLD["qwen3-moe"]).experts
    assert experts is not None
    assert experts.layers == (False, True, False, False, False, True, False, True)
    assert (experts.count, experts.per_token, experts.intermediate_size, experts.normalised) == (16, 4, 32, True)
    assert read(tmp_path, OLD["qwen3-moe"] | {"num_experts": 0}).experts is None
    assert read(tmp_path, OLD["qwen3"]).experts is None


def test_a_model_that_attends_both_ways_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="both directions"):
        read(tmp_path, OLD["gemma-3"] | {"use_bidirectional_attention": True})


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"model_type": "t5"}, ("t5", "llama", "qwen3")),
        ({"model_type": None}, ("model type",)),
        ({"hidden_size": "big"}, ("hidden_size", "'big'")),
        ({"hidden_size": True}, ("hidden_size", "True")),
        ({"num_hidden_layers": 0}, ("num_hidden_layers",)),
        ({"vocab_size": None}, ("vocab_size",)),
        ({"num_key_value_heads": 3}, ("4 heads", "3 key heads")),
        ({"head_dim": 7}, ("7", "halves")),
        ({"hidden_act": "relu6"}, ("relu6", "silu")),
        ({"quantization_config": {"bits": 4}}, ("quantized", "bf16")),
        ({"model_type": "custom", "auto_map": {"AutoModelForCausalLM": "own.Model"}}, ("never run", "llama")),
        ({"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0}}, ("dynamic", "llama3")),
        ({"partial_rotary_factor": 0.5}, ("rotated in part",)),
        ({"model_type": "phi3", "partial_rotary_factor": 0.45}, ("7 dimensions", "of 16")),
        ({"model_type": "phi3", "partial_rotary_factor": 1.5}, ("above 0",)),
        (
            {"model_type": "phi3", "rope_scaling": LONGROPE | {"short_factor": [1.0] * 7}},
            ("7 factors", "8 frequencies"),
        ),
        ({"model_type": "phi3", "rope_scaling": LONGROPE | {"long_factor": [1.0] * 9}}, ("9 factors", "8 frequencies")),
        ({"model_type": "phi3", "rope_scaling": LONGROPE | {"long_factor": 3}}, ("incomplete",)),
        ({"model_type": "smollm3", "no_rope_layers": [1] * 7}, ("no_rope_layers", "8 layers")),
        ({"model_type": "smollm3", "no_rope_layers": "none"}, ("no_rope_layers", "8 layers")),
        ({"model_type": "smollm3", "no_rope_layer_interval": 0}, ("wrong kind",)),
        ({"model_type": "cohere", "use_qk_norm": True}, ("Cohere",)),
        ({"model_type": "cohere", "logit_scale": -1}, ("logit_scale is -1",)),
        ({"model_type": "cohere2", "layer_norm_eps": "tiny"}, ("layer_norm_eps is 'tiny'",)),
        ({"model_type": "qwen3_moe", "num_experts": -3}, ("num_experts is -3",)),
        ({"model_type": "qwen3_moe", "num_experts": 10**9}, ("num_experts", "10,000")),
        ({"model_type": "qwen3_moe", "num_experts": 4, "num_experts_per_tok": 5}, ("num_experts_per_tok", "than 4")),
        ({"model_type": "qwen3_moe", "decoder_sparse_step": 0}, ("wrong kind",)),
        ({"model_type": "qwen3_moe", "mlp_only_layers": 3}, ("wrong kind",)),
        ({"model_type": "gemma2", "layer_types": ["full_attention"]}, ("layer_types", "8 layers")),
        ({"model_type": "gemma2", "layer_types": ["full_attention"] * 7 + ["other"]}, ("layer_types",)),
        ({"model_type": "gemma2", "layer_types": [["full_attention"]] * 8}, ("wrong kind",)),
        ({"model_type": ["llama"]}, ("model type", "unknown")),
        ({"model_type": ["llama"], "auto_map": {}}, ("never run",)),
        ({"model_type": "gemma3", "text_config": "none"}, ("text_config",)),
        ({"num_hidden_layers": 10**12}, ("num_hidden_layers", "10,000")),
        ({"hidden_size": 10**4000}, ("hidden_size is 1000", "...")),
        ({"rms_norm_eps": "tiny"}, ("rms_norm_eps is 'tiny'",)),
        ({"rms_norm_eps": 1e999}, ("Infinity is no number",)),
        ({"rms_norm_eps": float("nan")}, ("NaN is no number",)),
        ({"model_type": "gemma2", "query_pre_attn_scalar": 0}, ("query_pre_attn_scalar is 0",)),
        ({"model_type": "gemma2", "attn_logit_softcapping": [50]}, ("attn_logit_softcapping is [50]",)),
        ({"model_type": "gemma2", "sliding_window_pattern": 0}, ("wrong kind",)),
        (
            {"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 4, "max_window_layers": "all"},
            ("wrong kind",),
        ),
        ({"eos_token_id": "end"}, ("wrong kind",)),
        ({"rope_parameters": [1]}, ("wrong kind",)),
    ],
)
def test_configs_that_cannot_be_served_are_one_sentence(
    changes: dict[str, Any], parts: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError) as caught:
        read(tmp_path, PLAIN | {"model_type": "llama"} | changes)
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
def test_a_pipe_is_not_waited_for(name: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(CheckpointError, match=f"{name} is no file, but a folder, a pipe or a device"):
        ModelConfig.from_checkpoint(tmp_path)


def test_a_huge_config_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(CheckpointError, match="larger than 64 MiB"):
        ModelConfig.from_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "\x00", "3", "[" * 100_000, '{"a":' * 100_000, "1" * 5_000, '{"a": 1e999}']
)
def test_a_config_that_is_no_json_object(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        ModelConfig.from_checkpoint(tmp_path)


def test_an_activation_of_gemma_by_its_old_name(tmp_path: Path) -> None:
    assert read(tmp_path, OLD["gemma-2"] | {"hidden_act": "gelu", "hidden_activation": None}).activation == "gelu_tanh"
    with pytest.raises(CheckpointError, match='activation "gelu"'):
        read(tmp_path, PLAIN | {"model_type": "llama", "hidden_act": "gelu"})


@pytest.mark.parametrize(
    ("own", "generation", "expected"),
    [(7, None, (7,)), (7, [2, 3], (2, 3)), (None, 4, (4,)), (None, None, ()), ([5, 6], None, (5, 6))],
)
def test_stop_ids_come_from_generation_config_first(
    own: int | list[int] | None, generation: int | list[int] | None, expected: tuple[int, ...], tmp_path: Path
) -> None:
    if generation is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": generation}))
    assert read(tmp_path, PLAIN | {"model_type": "llama", "eos_token_id": own}).eos_ids == expected


def test_a_step_has_a_row_for_every_sequence() -> None:
    assert EngineConfig(checkpoint="x", max_num_batched_tokens=10).max_num_seqs == 10
    assert EngineConfig(checkpoint="x", max_num_batched_tokens=10, max_num_seqs=3).max_num_seqs == 3


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"device": "tpu"}, "tpu"), ({"dtype": "float8"}, "float8"), ({"block_size": 12}, "power of two"),
        ({"block_size": 0}, "power of two"), ({"max_num_seqs": 0}, "max_num_seqs is 0"),
        ({"max_num_batched_tokens": 0}, "max_num_batched_tokens is 0"),
        ({"gpu_memory_utilization": 0.0}, "gpu_memory_utilization is 0"),
        ({"gpu_memory_utilization": 1.1}, "gpu_memory_utilization is 1.1"),
        ({"num_kv_tokens": -1}, "num_kv_tokens is -1"),
        ({"num_speculative_tokens": -1}, "num_speculative_tokens is -1"),
        ({"device": "cuda", "block_size": 8}, "On a GPU"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be(changes: dict[str, Any], part: str) -> None:
    with pytest.raises(EngineError, match=part) as caught:
        EngineConfig(checkpoint="x", **changes)
    assert caught.value.hint


def test_settings_at_their_bounds() -> None:
    config = EngineConfig(
        checkpoint="x", device="cuda:1", block_size=16, gpu_memory_utilization=1.0, num_speculative_tokens=0
    )
    assert (config.device, config.block_size) == ("cuda:1", 16)
    assert EngineConfig(checkpoint="x", block_size=1).block_size == 1


def test_unknown_settings_are_errors() -> None:
    with pytest.raises(TypeError):
        EngineConfig(checkpoint="x", speculative_tokens=5)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["qwen3", "qwen3-moe", "phi3"])
def test_the_size_of_a_model(name: str, checkpoint: GetCheckpoint) -> None:
    """Of six experts two are chosen."""
    made = checkpoint(name)
    multiplied = 0
    for parameter_name, parameter in made.model.named_parameters():
        if any(part in parameter_name for part in ("proj", "lm_head", "mlp.gate.")):
            multiplied += parameter.numel() // (3 if ".experts." in parameter_name else 1)
    assert ModelConfig.from_checkpoint(made.folder).num_parameters == multiplied
