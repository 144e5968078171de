"""Checkpoints as they lie on disks: split, cut short, incomplete, pickled, foreign. One clear sentence each."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from random_checkpoints import MakeCheckpoint
from safetensors.torch import load_file, save_file

from midb.kernels import Engine, EngineConfig, EngineError, Request


def engine(folder: Path, **settings: Any) -> Engine:
    return Engine(EngineConfig(checkpoint=folder, **settings))


def tokens(folder: Path, **settings: Any) -> list[int]:
    return next(iter(engine(folder, **settings).generate([Request([1, 2, 3, 4], max_new_tokens=8)]))).token_ids


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    raw = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in raw.items() if value is not ...}))


def refused(folder: Path, *parts: str, **settings: Any) -> None:
    """One sentence with these parts, and a hint; never a traceback of something else."""
    with pytest.raises(EngineError) as caught:
        engine(folder, **settings)
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_split_checkpoint_is_the_whole_one(fresh: MakeCheckpoint, tmp_path: Path) -> None:
    made = fresh()
    made.model.save_pretrained(tmp_path / "split", max_shard_size="20KB")
    assert (tmp_path / "split" / "model.safetensors.index.json").exists()
    assert tokens(tmp_path / "split") == tokens(made.folder)


def test_gemma_3_with_other_modalities_is_read_as_text(fresh: MakeCheckpoint, tmp_path: Path) -> None:
    """The layouts of transformers 4 and 5: other prefixes, and the text model's config within another."""
    made = fresh("gemma3")
    whole = load_file(made.folder / "model.safetensors")
    config = json.loads((made.folder / "config.json").read_text())
    for prefix in ("language_model.model.", "model.language_model."):
        folder = tmp_path / prefix
        folder.mkdir()
        renamed = {name.replace("model.", prefix, 1): value for name, value in whole.items()}
        renamed["vision_tower.patch.weight"] = torch.zeros(3)
        save_file(renamed, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps({"model_type": "gemma3", "text_config": config}))
        assert tokens(folder) == tokens(made.folder)


def test_untied_head_under_the_prefix_of_a_wrapper(fresh: MakeCheckpoint, tmp_path: Path) -> None:
    made = fresh("gemma3", tie_word_embeddings=False)
    whole = load_file(made.folder / "model.safetensors")
    assert "lm_head.weight" in whole
    save_file({f"language_model.{name}": value for name, value in whole.items()}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((made.folder / "config.json").read_bytes())
    assert tokens(tmp_path) == tokens(made.folder)


def test_a_bfloat16_checkpoint_is_computed_in_its_own_dtype(fresh: MakeCheckpoint, tmp_path: Path) -> None:
    made = fresh()
    made.model.to(torch.bfloat16).save_pretrained(tmp_path)
    assert engine(tmp_path).runner.dtype == torch.bfloat16
    assert engine(tmp_path, dtype="float32").runner.dtype == torch.float32
    assert len(tokens(tmp_path)) == 8


def test_a_file_cut_short(fresh: MakeCheckpoint) -> None:
    folder = fresh().folder
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for length in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(folder, "model.safetensors", "cannot be read", "download it again")


def test_no_safetensors_at_all(fresh: MakeCheckpoint) -> None:
    folder = fresh().folder
    (folder / "model.safetensors").write_bytes(b"not a tensor in sight" * 50)
    refused(folder, "cannot be read")


def test_a_missing_file_of_an_index(fresh: MakeCheckpoint, tmp_path: Path) -> None:
    fresh().model.save_pretrained(tmp_path / "split", max_shard_size="20KB")
    part = sorted((tmp_path / "split").glob("model-*.safetensors"))[1]
    part.unlink()
    refused(tmp_path / "split", part.name, "does not exist")


@pytest.mark.parametrize("name", ["../elsewhere.safetensors", "/etc/passwd", 7])
def test_an_index_names_files_beside_it_only(fresh: MakeCheckpoint, name: str | int) -> None:
    folder = fresh().folder
    index = {"weight_map": {"model.embed_tokens.weight": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(folder, "weight_map")


def test_an_index_and_its_files_that_disagree(fresh: MakeCheckpoint) -> None:
    folder = fresh().folder
    index = {"weight_map": {"model.nothing.weight": "model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(folder, "model.nothing.weight", "does not hold it")


@pytest.mark.parametrize(
    "name", ["model.embed_tokens.weight", "model.layers.1.mlp.up_proj.weight", "model.norm.weight", "lm_head.weight"]
)
def test_a_missing_tensor(fresh: MakeCheckpoint, name: str) -> None:
    folder = fresh().folder
    whole = load_file(folder / "model.safetensors")
    del whole[name]
    save_file(whole, folder / "model.safetensors")
    refused(folder, name, "missing")


def test_a_wrong_shape(fresh: MakeCheckpoint) -> None:
    folder = fresh().folder
    whole = load_file(folder / "model.safetensors")
    whole["model.layers.2.self_attn.k_proj.weight"] = torch.zeros(32, 33)
    save_file(whole, folder / "model.safetensors")
    refused(folder, "model.layers.2.self_attn.k_proj.weight", "[32, 33]", "[32, 32]")


def test_quantized_weights(fresh: MakeCheckpoint) -> None:
    folder = fresh().folder
    whole = load_file(folder / "model.safetensors")
    whole["model.layers.0.mlp.up_proj.weight"] = whole["model.layers.0.mlp.up_proj.weight"].to(torch.int8)
    save_file(whole, folder / "model.safetensors")
    refused(folder, "up_proj", "int8", "Quantized")
    change_config(folder, quantization_config={"bits": 4})
    refused(folder, "quantized")


class Trap:
    """Unpickling it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_pickled_weights_are_never_opened(fresh: MakeCheckpoint, tmp_path: Path) -> None:
    folder = fresh().folder
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    refused(folder, "pickled", "pytorch_model.bin")
    assert not (tmp_path / "sprung").exists()


def test_remote_code_is_never_run(fresh: MakeCheckpoint, tmp_path: Path) -> None:
    folder = fresh().folder
    (folder / "modeling_custom.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
    change_config(folder, model_type="custom", auto_map={"AutoModelForCausalLM": "modeling_custom.Model"})
    refused(folder, "trust_remote_code", "never run")
    assert not (tmp_path / "sprung").exists()


def test_no_folder_and_no_config(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "nowhere", "not a folder")
    refused(tmp_path, "config.json", "does not exist")


def test_stop_ids_come_from_generation_config_first(fresh: MakeCheckpoint) -> None:
    folder = fresh().folder
    natural = tokens(folder)
    change_config(folder, eos_token_id=natural[5])
    assert tokens(folder)[-1] == natural[5]
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [natural[2], 98]}))
    stopped = next(iter(engine(folder).generate([Request([1, 2, 3, 4], max_new_tokens=8)])))
    assert stopped.token_ids == natural[: natural.index(natural[2]) + 1]
    assert stopped.finish_reason == "stop"
    free = next(iter(engine(folder).generate([Request([1, 2, 3, 4], max_new_tokens=8, ignore_eos=True)])))
    assert free.token_ids == natural
