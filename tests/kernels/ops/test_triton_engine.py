"""The whole engine on the Triton kernels: the same tokens as on plain torch."""

from __future__ import annotations

from dataclasses import replace

import pytest
from random_checkpoints import GetCheckpoint, MakePrompts

pytest.importorskip("triton", reason="the kernels need Triton, which is made for Linux")

from midb.kernels import Engine, EngineConfig, Request
from midb.kernels.dispatch import Ops
from midb.kernels.ops.gated_activation import gated_activation
from midb.kernels.ops.paged_attention import merge_states, paged_attention
from midb.kernels.ops.rms_norm import add_rms_norm
from midb.kernels.ops.rotary_kv import rotary_kv_write
from midb.kernels.ops.sample import sample_chunk

OPS = Ops(add_rms_norm, rotary_kv_write, paged_attention, merge_states, gated_activation, sample_chunk)


@pytest.mark.parametrize("family_name", ["qwen3", "gemma2", "mistral", "cohere2"])
def test_the_tokens_are_those_of_plain_torch(
    family_name: str, checkpoint: GetCheckpoint, prompts: MakePrompts, device: str
) -> None:
    made = checkpoint(family_name)
    texts = prompts(21, 3, longest=6, shared=17)  # more than a block in common: attention is cascaded
    requests = [
        Request(text, made.generate_greedily(text, 4), max_new_tokens=4, temperature=temperature, seed=3)
        for text, temperature in zip(texts, (0.0, 0.0, 0.8), strict=True)
    ]
    # On a GPU it would take most of the memory by itself, of which other tests beside it need some.
    config = EngineConfig(checkpoint=made.folder, dtype="float32", max_model_len=64, num_kv_tokens=1024)
    expected = {result.index: result.token_ids for result in Engine(config).generate(requests)}
    engine = Engine(replace(config, device=device), ops=OPS)
    engine.pin(texts[0][:16])
    assert {result.index: result.token_ids for result in engine.generate(requests)} == expected
    assert engine.stats.prefix_hits == 48
