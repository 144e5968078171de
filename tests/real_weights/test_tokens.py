"""Token for token what transformers generates: six languages, batches, drafts, caches, an adapter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from midb.agent.engines.protocol import Message
from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
from midb.kernels import Engine, EngineConfig, Request
from midb.kernels.gguf.header import read_header

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("real weights")]

TASKS = (
    "Write two sentences about the sea.", "Correct this: He go home.",
    "Nenne drei Städte in Deutschland.", "Schreibe einen kurzen Satz über den Winter.",
    "Écris une phrase sur la pluie.", "Qu'est-ce qu'un pont ?", "Escribe una frase sobre el mar.",
    "¿Cuántos días tiene una semana?", "Scrivi una frase sulla neve.", "Elenca tre mestieri.",
    "Напиши одно предложение о лете.", "Сколько будет 7 + 8?",
)  # fmt: skip

NEW = 8


@pytest.fixture(scope="module")
def prompts(weights: Path) -> list[list[int]]:
    tokenizer = ChatTokenizer(weights, "smollm2", read_header(weights).metadata)
    return [tokenizer.encode_chat([Message("user", task)]) for task in TASKS]


def generate_greedily(model: Any, prompt: list[int]) -> list[int]:
    ids = torch.tensor([prompt])
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW, do_sample=False)
    found: list[int] = out[0, len(prompt) :].tolist()
    return found


@pytest.fixture(scope="module")
def expected(reference: Any, prompts: list[list[int]]) -> list[list[int]]:
    return [generate_greedily(reference, prompt) for prompt in prompts]


def serve(engine: Engine, prompts: list[list[int]], references: list[list[int]], **more: Any) -> list[list[int]]:
    requests = [
        Request(prompt, text, max_new_tokens=NEW, **more) for prompt, text in zip(prompts, references, strict=True)
    ]
    return [result.token_ids for result in sorted(engine.generate(requests), key=lambda result: result.index)]


@pytest.mark.parametrize(("batch", "draft", "cache"), [(8, True, True), (1, False, False)])
def test_tokens_are_those_of_transformers(
    batch: int, draft: bool, cache: bool, weights: Path, prompts: list[list[int]], expected: list[list[int]]
) -> None:
    """The references are right for some requests, and for others those of another request."""
    engine = Engine(
        EngineConfig(
            checkpoint=weights, dtype="float32", max_num_seqs=batch, draft=draft, enable_prefix_caching=cache,
            max_model_len=256,
        )
    )  # fmt: skip
    references = [expected[number if number % 2 else number - 1] for number in range(len(prompts))]
    assert serve(engine, prompts, references) == expected
    assert (engine.stats.accepted > 0) is draft
    assert (engine.stats.prefix_hits > 0) is cache


def test_an_adapter_gives_the_tokens_of_the_weights_it_makes(
    weights: Path, reference: Any, prompts: list[list[int]], expected: list[list[int]], tmp_path: Path
) -> None:
    """Requests with and without it in one batch."""
    generator = torch.Generator().manual_seed(7)
    modules = ("self_attn.q_proj", "self_attn.o_proj", "mlp.down_proj")
    tensors: dict[str, torch.Tensor] = {}
    changed = []
    for layer in range(0, 30, 6):
        for module in modules:
            weight = reference.get_submodule(f"model.layers.{layer}.{module}").weight
            down = torch.randn(4, weight.shape[1], generator=generator) * 0.05
            up = torch.randn(weight.shape[0], 4, generator=generator) * 0.05
            name = f"base_model.model.model.layers.{layer}.{module}"
            tensors |= {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}
            changed.append((weight, up @ down * 2))
    (tmp_path / "style").mkdir()
    save_file(tensors, tmp_path / "style" / "adapter_model.safetensors")
    settings = {
        "peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": list(modules),
        "layers_to_transform": list(range(0, 30, 6)),
    }  # fmt: skip
    (tmp_path / "style" / "adapter_config.json").write_text(json.dumps(settings))
    some = prompts[::4]
    with torch.no_grad():
        for weight, update in changed:
            weight += update
        try:
            adapted = [generate_greedily(reference, prompt) for prompt in some]
        finally:
            for weight, update in changed:
                weight -= update
    assert adapted != expected[::4]
    engine = Engine(
        EngineConfig(
            checkpoint=weights, dtype="float32", adapters={"style": tmp_path / "style"}, max_model_len=256,
            max_num_seqs=8,
        )
    )  # fmt: skip
    requests = [Request(prompt, max_new_tokens=NEW, adapter=name) for prompt in some for name in ("style", None)]
    found = [result.token_ids for result in sorted(engine.generate(requests), key=lambda result: result.index)]
    assert found[::2] == adapted
    assert found[1::2] == expected[::4]
