"""What a GGUF file says of its model, held against the config.json of the checkpoint that it was written from."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gguf")

from gguf_files import write_gguf
from random_checkpoints import GetCheckpoint

from midb.kernels import CheckpointError, ModelConfig
from midb.kernels.gguf.describing import describe_model, has_added_one, is_interleaved, name_tensors
from midb.kernels.gguf.header import GgufHeader, read_header

#: What a file does not state, or states in another way.
APART = {"dtype", "eos_ids", "ropes", "windows", "max_positions", "attention_scale"}


@pytest.mark.parametrize(
    "family_name", ["llama-3", "llama-bias-tied", "mistral-full", "qwen2", "qwen3-tied", "gemma2", "gemma3"]
)
def test_it_is_the_model_that_config_json_describes(
    family_name: str, checkpoint: GetCheckpoint, tmp_path: Path
) -> None:
    made = checkpoint(family_name)
    extra: dict[str, Any] = {"tokenizer.ggml.eos_token_id": 7, "tokenizer.ggml.eot_token_id": 9}
    file = write_gguf(tmp_path / "model.gguf", made, metadata=extra)
    found, right = ModelConfig.from_checkpoint(file), ModelConfig.from_checkpoint(made.folder)
    expected = replace(right, family="llama") if family_name.startswith("mistral") else right
    for field in fields(ModelConfig):
        if field.name not in APART:
            assert getattr(found, field.name) == pytest.approx(getattr(expected, field.name)), field.name
    assert found.eos_ids == (7, 9)
    assert found.dtype == "float32"
    header = read_header(file)
    names = name_tensors(header)
    assert set(names) == {name for name in made.model.state_dict() if name != "lm_head.weight" or not found.tied}
    assert is_interleaved(header, "blk.0.attn_q.weight") is (found.family == "llama")
    assert not is_interleaved(header, "blk.0.attn_v.weight")
    assert has_added_one(header, "blk.0.attn_norm.weight") is family_name.startswith("gemma")


def test_quantized_weights_are_computed_in_bf16(checkpoint: GetCheckpoint, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "model.gguf", checkpoint("qwen3"), "Q8_0")
    assert ModelConfig.from_checkpoint(file).dtype == "bfloat16"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"general.architecture": "mamba"}, "architecture mamba is not read"),
        ({"general.architecture": None}, "architecture None"),
        ({"qwen3.embedding_length": None}, "does not state hidden_size"),
        ({"qwen3.block_count": 10**9}, "no model has more"),
        ({"qwen3.attention.head_count": "many"}, "not a number above 0"),
        ({"qwen3.rope.scaling.type": "longrope"}, "rope scaling"),
        ({"qwen3.rope.scaling.type": "yarn"}, "incomplete"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    change: dict[str, Any], words: str, checkpoint: GetCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_gguf(tmp_path / "model.gguf", checkpoint("qwen3"))
    header = read_header(file)
    changed = GgufHeader(file, header.metadata | change, header.tensors)
    monkeypatch.setattr("midb.kernels.config.read_header", lambda _: changed)
    with pytest.raises(CheckpointError, match=words):
        ModelConfig.from_checkpoint(file)


def test_nothing_is_guessed(checkpoint: GetCheckpoint, tmp_path: Path) -> None:
    header = read_header(write_gguf(tmp_path / "model.gguf", checkpoint("qwen3")))
    assert None not in describe_model(header).values()
