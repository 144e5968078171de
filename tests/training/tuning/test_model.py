"""The base and the adapter on it: which layers, in which precision, and what cannot be loaded."""

from __future__ import annotations

import json
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_model import edit_json, make_checkpoint
from tuning_parts import QUICK, LoadModel, make_examples, read_weights

from midb.domain.errors import UsageError
from midb.training.tuning.collating import collate, compute_loss
from midb.training.tuning.encoded import EncodedExample
from midb.training.tuning.model import (
    ENGINE_LAYERS,
    add_adapter,
    check_examples,
    choose_device,
    load_base,
    name_device,
    release_memory,
)

CPU = torch.device("cpu")


def test_devices() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type in ("cpu", "cuda")
    with pytest.raises(UsageError, match='--device "tpu"'):
        choose_device("tpu")
    with pytest.raises(UsageError, match="no device cuda:99 that torch finds"):
        choose_device("cuda:99")


def test_what_computes_is_named_for_people() -> None:
    assert name_device(torch.device("cpu")) == f"cpu ({torch.get_num_threads()} threads)"


def test_models_that_nobody_uses_are_given_back(load_model: LoadModel) -> None:
    """Also those that refer to themselves, as trainers and models do."""
    model = load_model()
    model.itself = [model]
    gone = weakref.ref(model)
    del model
    release_memory()
    assert gone() is None


def test_an_adapter_begins_as_nothing_and_is_drawn_by_its_seed(load_model: LoadModel) -> None:
    base = load_model()
    before = compute_loss(base, collate(make_examples(3))).tolist()
    tuned = add_adapter(base, QUICK, "tiny")
    assert compute_loss(tuned, collate(make_examples(3))).tolist() == before
    same, other = (add_adapter(load_model(), replace(QUICK, seed=seed), "tiny") for seed in (0, 1))
    assert read_weights(tuned) == read_weights(same)
    assert read_weights(tuned) != read_weights(other)


def test_all_linear_layers_but_the_output_get_updates_in_fp32(load_model: LoadModel) -> None:
    tuned = add_adapter(load_model().bfloat16(), QUICK, "tiny")
    learnt = {name: p for name, p in tuned.named_parameters() if p.requires_grad}
    assert {p.dtype for p in learnt.values()} == {torch.float32}
    assert {name.split(".lora_")[0].rpartition(".")[2] for name in learnt} <= set(ENGINE_LAYERS)
    assert len(learnt) == 2 * 2 * 7  # A and B of seven layers in each of two blocks
    assert not any("lm_head" in name for name in learnt)
    config = tuned.peft_config["default"]
    assert config.base_model_name_or_path == "tiny"
    assert config.target_modules == sorted(config.target_modules)


def test_layers_may_be_named(load_model: LoadModel) -> None:
    tuned = add_adapter(load_model(), replace(QUICK, targets="v_proj, q_proj"), "tiny")
    assert len(read_weights(tuned)) == 2 * 2 * 2
    with pytest.raises(UsageError) as caught:
        add_adapter(load_model(), replace(QUICK, targets="q_proj,w_proj"), "tiny")
    assert '"w_proj"' in caught.value.message
    assert "o_proj" in caught.value.hint


def test_gradients_are_the_same_where_activations_are_computed_again(load_model: LoadModel) -> None:
    found = []
    for recompute in (False, True):
        tuned = add_adapter(load_model(), replace(QUICK, recompute=recompute), "tiny")
        tuned.train()
        compute_loss(tuned, collate(make_examples(3))).sum().backward()
        found.append([p.grad.clone() for p in tuned.parameters() if p.requires_grad])
        assert any(getattr(module, "gradient_checkpointing", False) for module in tuned.modules()) is recompute
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_examples_that_do_not_fit_the_model(load_model: LoadModel) -> None:
    model = load_model()
    vocabulary = model.get_input_embeddings().weight.shape[0]
    check_examples(model, [EncodedExample(ids=[vocabulary - 1] * 8192, start=1)], "tiny")
    with pytest.raises(UsageError, match=f"gives the id {vocabulary:,}, and its model knows {vocabulary:,}"):
        check_examples(model, [EncodedExample(ids=[1, vocabulary], start=1)], "tiny")
    with pytest.raises(UsageError, match=r"has 8,193 tokens, and tiny reads 8,192"):
        check_examples(model, [EncodedExample(ids=[1] * 8193, start=1)], "tiny")


def test_what_cannot_be_loaded_is_one_sentence(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "broken", merges=0)
    edit_json(folder / "config.json", hidden_size=None, model_type="unheard-of", architectures=None)
    with pytest.raises(UsageError) as caught:
        load_base(folder, "broken", CPU)
    assert caught.value.message.startswith("the model of broken cannot be loaded: ")
    assert "\n" not in caught.value.message


def test_weights_that_would_have_to_be_unpickled_are_not_loaded(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "pickled", merges=0)
    (folder / "model.safetensors").unlink()
    torch.save({"x": torch.zeros(1)}, folder / "pytorch_model.bin")
    with pytest.raises(UsageError, match="cannot be loaded"):
        load_base(folder, "pickled", CPU)
    assert json.loads((folder / "config.json").read_bytes())["model_type"] == "llama"
