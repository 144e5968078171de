"""GGUF files: the same tokens as the checkpoint that a file was written from, and the same weights up to rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("gguf")

import gguf
from gguf_files import write_gguf
from random_checkpoints import GetCheckpoint, MakeCheckpoint, MakePrompts

from midb.kernels import CheckpointError, Engine, EngineConfig, Request
from midb.kernels.gguf.header import TENSOR_TYPES
from midb.kernels.models.weights import open_tensors

#: Families of the random checkpoints, as far as llama.cpp's layout can say what they do.
FAMILIES = ("llama-bias-tied", "mistral-full", "qwen2", "qwen3", "qwen3-tied", "gemma2", "gemma3")


def generate(checkpoint: Path, texts: list[list[int]]) -> list[list[int]]:
    engine = Engine(EngineConfig(checkpoint=checkpoint, dtype="float32"))
    found = engine.generate([Request(text, max_new_tokens=10) for text in texts])
    return [result.token_ids for result in sorted(found, key=lambda result: result.index)]


@pytest.mark.parametrize("family_name", FAMILIES)
def test_tokens_are_those_of_the_model_it_was_written_from(
    family_name: str, fresh: MakeCheckpoint, prompts: MakePrompts, tmp_path: Path
) -> None:
    """What a file does not state is as in the models that there are: Gemma scales by the head's size, and the layers of
    Gemma 3 see a window but for every sixth."""
    special: dict[str, Any] = {}
    if family_name.startswith("gemma"):
        special = {"query_pre_attn_scalar": 16}
    if family_name == "gemma3":
        special |= {"num_hidden_layers": 6, "layer_types": ["sliding_attention"] * 5 + ["full_attention"]}
    made = fresh(family_name, **special)
    file = write_gguf(tmp_path / "model.gguf", made)
    texts = prompts(3, 4)
    assert generate(file, texts) == [made.generate_greedily(text, 10) for text in texts]


@pytest.mark.parametrize("quantization", ["F16", "BF16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0"])
def test_quantized_weights_are_those_that_were_rounded(
    quantization: str, checkpoint: GetCheckpoint, tmp_path: Path
) -> None:
    made = checkpoint("llama-linear-mha")
    file = write_gguf(tmp_path / "model.gguf", made, quantization)
    step = {"F16": 1e-3, "BF16": 1e-2, "Q8_0": 1e-2, "Q5_1": 0.05, "Q5_0": 0.08, "Q4_1": 0.1, "Q4_0": 0.15}
    with open_tensors(file, torch.device("cpu"), torch.float32) as tensors:
        assert tensors.find_prefix() == "model."
        for name, right in made.model.state_dict().items():
            found = tensors.get(name, *right.shape)
            limit = 0.0 if right.ndim == 1 else step[quantization] * float(right.abs().max())
            assert float((found - right).abs().max()) <= limit + 1e-7, name
            if right.ndim > 1 and quantization != "F32":
                assert torch.corrcoef(torch.stack([found.flatten(), right.flatten()]))[0, 1] > 0.98


@pytest.mark.parametrize("kind", [12, 13, 14], ids=["Q4_K", "Q5_K", "Q6_K"])
def test_larger_blocks_are_read_as_the_library_reads_them(kind: int, tmp_path: Path) -> None:
    """Any bytes are weights of these types; a file of llama.cpp's own is decoded in tests/real_weights."""
    chance = np.random.default_rng(5)
    _, weights, size = TENSOR_TYPES[kind]
    data = chance.integers(0, 100, (4, 2 * size), dtype=np.uint8)
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_tensor("token_embd.weight", data, raw_dtype=gguf.GGMLQuantizationType(kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with open_tensors(tmp_path / "model.gguf", torch.device("cpu"), torch.float32) as tensors:
        found = tensors.get("model.embed_tokens.weight", 4, 2 * weights)
    right = gguf.quants.dequantize(data, gguf.GGMLQuantizationType(kind))
    assert torch.equal(found.nan_to_num(), torch.from_numpy(right).nan_to_num())


def test_factors_of_frequencies_are_used(checkpoint: GetCheckpoint, prompts: MakePrompts, tmp_path: Path) -> None:
    """Llama 3.1's files state what its scaling comes to; all factors 1 is no scaling, and others change tokens."""
    made = checkpoint("llama-linear-mha")
    texts = prompts(4, 3, longest=40)
    linear = write_gguf(tmp_path / "linear.gguf", made, rope_factors=[2.0] * 8)  # what the model was made with
    none = write_gguf(tmp_path / "none.gguf", made, rope_factors=[1.0] * 8)
    expected = [made.generate_greedily(text, 10) for text in texts]
    assert generate(linear, texts) == expected
    assert generate(none, texts) != expected


def test_what_is_missing_is_named(checkpoint: GetCheckpoint, tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_tensor("output_norm.weight", np.ones(4, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with (
        open_tensors(tmp_path / "model.gguf", torch.device("cpu"), torch.float32) as tensors,
        pytest.raises(CheckpointError, match=r"token_embd\.weight is missing"),
    ):
        tensors.find_prefix()
