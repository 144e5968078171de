"""The decoder against transformers: logits of every family, in one piece and in pieces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from midb.kernels import EngineConfig, ModelConfig
from midb.kernels.engine.block_pool import BlockPool
from midb.kernels.engine.runner import Runner
from midb.kernels.engine.scheduler import Work
from midb.kernels.engine.sequence import Sequence
from midb.kernels.engine.step_batch import prepare
from midb.kernels.models.decoder import adapter_rows
from midb.kernels.request import Request

#: Largest difference of logits in fp32; the sums have other orders.
LOGITS = 1e-4


def logits(folder: Any, prompts: list[list[int]], chunk: int, page_size: int = 4) -> list[torch.Tensor]:
    """Logits of each position of several prompts, computed together in chunks of so many rows of each."""
    runner = Runner(EngineConfig(checkpoint=folder, page_size=page_size), ModelConfig.from_checkpoint(folder))
    pool = BlockPool(runner.num_pages, page_size)
    sequences = []
    for index, prompt in enumerate(prompts):
        request = Request(prompt, max_new_tokens=1)
        sequences.append(Sequence(index, request, request.sampling(()), 0, list(prompt)))
        sequences[-1].table = pool.allocate(prompt, len(prompt))
    found: list[list[torch.Tensor]] = [[] for _ in prompts]
    with torch.inference_mode():
        for start in range(0, max(map(len, prompts)), chunk):
            works = [
                Work(s, start, min(chunk, len(s.tokens) - start), False) for s in sequences if start < len(s.tokens)
            ]
            batch = prepare(works, page_size, runner.device)
            values = runner.model.logits(runner.hidden(batch))
            for work, part in zip(batch.works, values.split([work.rows for work in batch.works]), strict=True):
                found[work.sequence.index].append(part)
    return [torch.cat(parts) for parts in found]


@pytest.mark.parametrize("chunk", [160, 7, 1])
def test_logits_are_those_of_transformers(
    family: str, chunk: int, checkpoint: Callable[[str], Any], prompts: Callable[..., list[list[int]]]
) -> None:
    made = checkpoint(family)
    texts = prompts(seed=chunk, count=4, longest=50) if chunk > 1 else prompts(seed=0, count=2, longest=20)
    for prompt, found in zip(texts, logits(made.folder, texts, chunk), strict=True):
        with torch.no_grad():
            expected = made.model(torch.tensor([prompt])).logits[0]
        torch.testing.assert_close(found, expected, atol=LOGITS, rtol=0)


def test_bfloat16_differs_from_float32_by_rounding_only(
    fresh: Callable[..., Any], prompts: Callable[..., list[list[int]]]
) -> None:
    made = fresh("qwen3")
    prompt = prompts(seed=5, count=1)[0]
    config = EngineConfig(checkpoint=made.folder, dtype="bfloat16")
    runner = Runner(config, ModelConfig.from_checkpoint(made.folder))
    request = Request(prompt, max_new_tokens=1)
    sequence = Sequence(0, request, request.sampling(()), 0, list(prompt))
    sequence.table = BlockPool(runner.num_pages, 16).allocate(prompt, len(prompt))
    with torch.inference_mode():
        batch = prepare([Work(sequence, 0, len(prompt), False)], 16, runner.device)
        ours = runner.model.logits(runner.hidden(batch))
        exact = made.model(torch.tensor([prompt])).logits[0]
        theirs = made.model.to(torch.bfloat16)(torch.tensor([prompt])).logits[0].float()
    assert (ours - exact).norm() <= 2 * (theirs - exact).norm()


def test_adapter_rows_join_neighbours() -> None:
    names = ["a", "a", None, "b", "a"]
    assert adapter_rows(names, [0, 2, 3, 5, 6, 9]) == [("a", 0, 3), ("b", 5, 6), ("a", 6, 9)]
