"""Adapters in peft's layout: each request gets its own, and none touches another's tokens."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from random_checkpoints import ADAPTED_MODULES, GetCheckpoint, MakePrompts, RandomCheckpoint, write_adapter
from safetensors.torch import load_file, save_file

from midb.kernels import CheckpointError, Engine, EngineConfig, Request, RequestError


def generate_merged(
    made: RandomCheckpoint, adapter: Path, scale: Callable[[str], float], prompt: list[int], count: int
) -> list[int]:
    """What transformers generates with the adapter added to the weights."""
    weights = load_file(adapter / "adapter_model.safetensors")
    saved = {name: value.clone() for name, value in made.model.state_dict().items()}
    for name in [name for name in weights if name.endswith("lora_A.weight")]:
        module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        update = weights[name.replace("lora_A", "lora_B")] @ weights[name]
        made.model.get_submodule(module).weight.data += scale(module) * update
    found = made.generate_greedily(prompt, count)
    made.model.load_state_dict(saved)
    return found


@pytest.mark.parametrize("family_name", ["qwen3", "llama-bias-tied", "gemma3", "cohere2", "phi3-longrope-part"])
def test_each_request_gets_its_own_adapter(
    family_name: str, checkpoint: GetCheckpoint, prompts: MakePrompts, tmp_path: Path
) -> None:
    made = checkpoint(family_name)
    fused = family_name.startswith("phi3")
    every = (
        ("self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj") if fused else ADAPTED_MODULES
    )
    one = write_adapter(tmp_path / "one", made, seed=1, modules=every)
    some = ("self_attn.qkv_proj" if fused else "self_attn.k_proj", "mlp.down_proj")
    two = write_adapter(tmp_path / "two", made, seed=2, modules=some, rank=2, use_rslora=True)
    engine = Engine(EngineConfig(checkpoint=made.folder, adapters={"one": one, "two": two}, block_size=4))
    texts = prompts(seed=3, count=4, shared=11)  # a common beginning: its KV differs by adapter
    scales: dict[str | None, Callable[[str], float]] = {"one": lambda _: 6 / 4, "two": lambda _: 6 / math.sqrt(2)}
    folders = {"one": one, "two": two}
    requests, expected = [], []
    for prompt in texts:
        for name in (None, "one", "two"):
            requests.append(Request(prompt, max_new_tokens=12, adapter=name))
            wanted = (
                generate_merged(made, folders[name], scales[name], prompt, 12)
                if name
                else made.generate_greedily(prompt, 12)
            )
            expected.append(wanted)
    found = sorted(engine.generate(requests), key=lambda result: result.index)
    assert [result.token_ids for result in found] == expected
    assert len({tuple(tokens) for tokens in expected[:3]}) == 3  # the adapters do something


def test_alpha_by_module(checkpoint: GetCheckpoint, prompts: MakePrompts, tmp_path: Path) -> None:
    made = checkpoint("qwen3")
    pattern = {"self_attn.q_proj": 1, "model.layers.1.mlp.up_proj": 12}
    adapter = write_adapter(tmp_path / "a", made, seed=4, alpha_pattern=pattern)

    def scale(module: str) -> float:
        return (1 if "q_proj" in module else 12 if module == "model.layers.1.mlp.up_proj" else 6) / 4

    prompt = prompts(seed=1, count=1)[0]
    engine = Engine(EngineConfig(checkpoint=made.folder, adapters={"a": adapter}))
    result = next(iter(engine.generate([Request(prompt, max_new_tokens=16, adapter="a")])))
    assert result.token_ids == generate_merged(made, adapter, scale, prompt, 16)


def test_an_adapter_of_the_attention_of_a_model_with_experts(
    checkpoint: GetCheckpoint, prompts: MakePrompts, tmp_path: Path
) -> None:
    made = checkpoint("qwen3-moe")
    adapter = write_adapter(tmp_path / "a", made, seed=1, modules=("self_attn.q_proj", "self_attn.o_proj"))
    prompt = prompts(seed=1, count=1)[0]
    engine = Engine(EngineConfig(checkpoint=made.folder, adapters={"a": adapter}))
    result = next(iter(engine.generate([Request(prompt, max_new_tokens=12, adapter="a")])))
    assert result.token_ids == generate_merged(made, adapter, lambda _: 6 / 4, prompt, 12)


def test_an_unknown_adapter(checkpoint: GetCheckpoint) -> None:
    engine = Engine(EngineConfig(checkpoint=checkpoint("qwen3").folder))
    with pytest.raises(RequestError, match='"nobody" is unknown'):
        engine.add(Request([1], max_new_tokens=1, adapter="nobody"))


def damage(folder: Path, kind: str) -> None:
    path = folder / "adapter_model.safetensors"
    weights, config = load_file(path), json.loads((folder / "adapter_config.json").read_text())
    first = next(iter(weights))
    if kind == "dora":
        config["use_dora"] = True
    elif kind == "other":
        config["peft_type"] = "IA3"
    elif kind == "bias":
        config["bias"] = "all"
    elif kind == "modules":
        config["modules_to_save"] = ["lm_head"]
    elif kind == "foreign":
        weights["base_model.model.model.layers.9.mlp.up_proj.lora_A.weight"] = weights[first].clone()
    elif kind == "shape":
        weights[first] = torch.zeros(4, 5)
    elif kind == "half":
        del weights[first.replace("lora_A", "lora_B")]
    elif kind == "empty":
        weights = {}
    elif kind == "rank 0":
        weights[first] = torch.zeros(0, weights[first].shape[1])
    elif kind == "scalar":
        weights[first] = torch.zeros(())
    elif kind.startswith("alpha"):
        config["lora_alpha"] = json.loads(kind.removeprefix("alpha "))
    elif kind == "rank":
        config["r"] = 8
    elif kind == "rank pattern":
        config["rank_pattern"] = {"mlp.up_proj": 2}
    elif kind == "less":
        for side in "AB":
            del weights[f"base_model.model.model.layers.1.self_attn.o_proj.lora_{side}.weight"]
    elif kind == "head":
        weights["base_model.model.lm_head.lora_A.weight"] = weights[first].clone()
    elif kind == "patterns":
        config["alpha_pattern"] = ["q_proj"]
    save_file(weights, path)
    (folder / "adapter_config.json").write_text(json.dumps(config))
    if kind == "pickled":
        path.rename(folder / "adapter_model.bin")
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    elif kind == "no config":
        (folder / "adapter_config.json").unlink()


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("dora", "no plain LoRA"), ("other", "no plain LoRA"), ("bias", "more than linear"), ("modules", "Merge it"),
        ("foreign", "layers.9"), ("shape", "has shape [4, 5]"), ("half", "missing"), ("empty", "no update"),
        ("pickled", "pickled"), ("cut", "cannot be read"), ("no config", "adapter_config.json does not exist"),
        ("rank 0", "has the rank 0"), ("scalar", "has the rank 0"), ("patterns", "alpha_pattern gives no alpha"),
        ("alpha 0", "alpha of"), ('alpha "8"', "is '8', not a number"), ("alpha NaN", "NaN is no number"),
        ("rank", "has the rank 4, and adapter_config.json says 8"), ("rank pattern", "adapter_config.json says 2"),
        ("less", "layers.1.self_attn.o_proj is missing, and adapter_config.json says"),
        ("head", "merge it into the checkpoint"), ("alpha 1e300", "alpha of"),
        ("alpha [8]", "alpha of"), ("alpha true", "alpha of"),
    ],
)  # fmt: skip
def test_adapters_that_cannot_be_served(kind: str, part: str, checkpoint: GetCheckpoint, tmp_path: Path) -> None:
    made = checkpoint("qwen3")
    damage(write_adapter(tmp_path / "a", made, seed=1), kind)
    with pytest.raises(CheckpointError) as caught:
        Engine(EngineConfig(checkpoint=made.folder, adapters={"a": tmp_path / "a"}))
    assert part in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint


def test_an_adapter_names_the_model_that_it_was_trained_on(checkpoint: GetCheckpoint, tmp_path: Path) -> None:
    other = write_adapter(tmp_path / "a", checkpoint("gemma3"), seed=1, base_model_name_or_path="hub/gemma-3-tiny")
    with pytest.raises(CheckpointError, match=r"has shape|belongs to no") as caught:
        Engine(EngineConfig(checkpoint=checkpoint("phi3").folder, adapters={"a": other}))
    assert "trained on hub/gemma-3-tiny" in str(caught.value.hint)


def test_layers_that_an_adapter_leaves_out_on_purpose(checkpoint: GetCheckpoint, tmp_path: Path) -> None:
    made = checkpoint("qwen3")
    adapter = write_adapter(tmp_path / "a", made, seed=1, layers_to_transform=[0, 2])
    weights = load_file(adapter / "adapter_model.safetensors")
    save_file({n: w for n, w in weights.items() if ".layers.1." not in n}, adapter / "adapter_model.safetensors")
    Engine(EngineConfig(checkpoint=made.folder, adapters={"a": adapter}))
    config = json.loads((adapter / "adapter_config.json").read_text()) | {"layers_to_transform": None}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"layers\.1\..* is missing"):
        Engine(EngineConfig(checkpoint=made.folder, adapters={"a": adapter}))
