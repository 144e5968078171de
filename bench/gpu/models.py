"""Random models of real shapes, and what transformers says about tokens that an engine chose."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import torch
from replay import LARGE, make_model
from torch import Tensor

from gpu.context import GpuRun

#: For a CPU: everything runs in a second.
TINY = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 1000, "tie_word_embeddings": False,
}  # fmt: skip

#: The shapes of Qwen3-0.6B, with a head of its own so that embedding and logits differ.
SMALL_QWEN = {
    "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936, "tie_word_embeddings": False,
}  # fmt: skip


def make_small(run: GpuRun) -> Any:
    """Make the model that is compared token by token."""
    return make_model(TINY if run.smoke else SMALL_QWEN, run.dtype, run.device)


def make_large(run: GpuRun) -> Any:
    """Make the model that is measured, or take the one that an earlier part made."""
    if "large" not in run.kept:
        run.kept["large"] = make_model(TINY if run.smoke else LARGE, run.dtype, run.device)
    return run.kept["large"]


@dataclass
class Judged:
    """How good the tokens of a case were, by a model in fp32, next to what transformers chooses in the same dtype.

    Random weights have near ties, which any other order of sums may flip. So a token is judged by how far its logit
    lies below the best one, in fp32 and after the same tokens.

    :param gaps: of each token that the engine chose, in standard deviations of the logits.
    :param peer_gaps: of the token that transformers chooses there.
    """

    gaps: list[float] = field(default_factory=list)
    peer_gaps: list[float] = field(default_factory=list)
    worst_logit: float = 0.0
    flips: int = 0
    peer_flips: int = 0
    first_flips: int = 0

    def describe(self) -> dict[str, Any]:
        """What is told in a row; ``suspect`` are tokens that are worse than near ties explain."""
        ordered, peers = sorted(self.gaps), sorted(self.peer_gaps)
        allowed = max(3 * peers[-1], 0.1)
        return {
            "suspect": sum(gap > allowed for gap in ordered),
            "tokens": len(ordered),
            "flips": self.flips,
            "peer_flips": self.peer_flips,
            "first_flips": self.first_flips,
            "worst_gap_std": round(ordered[-1], 5),
            "peer_worst_gap_std": round(peers[-1], 5),
            "worst_gap_logit": round(self.worst_logit, 5),
        }


class Oracle:
    """transformers in the model's dtype and in fp32, on whole texts at once."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.exact = model if model.dtype == torch.float32 else copy.deepcopy(model).float()

    @torch.inference_mode()
    def compute(self, model: Any, prompt: list[int], output: list[int]) -> Tensor:
        """Compute the logits, fp32, from which each token of an output is chosen: ``[tokens, vocabulary]``."""
        ids = torch.tensor([prompt + output[:-1]], device=model.device)
        logits: Tensor = model(ids, logits_to_keep=len(output), use_cache=False).logits[0]
        return logits.float()

    def judge(self, prompts: list[list[int]], outputs: list[list[int]]) -> Judged:
        """Judge outputs token by token."""
        judged = Judged()
        for prompt, output in zip(prompts, outputs, strict=True):
            exact, plain = (self.compute(model, prompt, output) for model in (self.exact, self.model))
            chosen = torch.tensor(output, device=exact.device)
            best, first = exact.max(dim=-1)
            spread = exact.std(dim=-1)
            gaps = best - exact.gather(1, chosen[:, None])[:, 0]
            peers = plain.argmax(dim=-1)
            peer_gaps = best - exact.gather(1, peers[:, None])[:, 0]
            judged.gaps += (gaps / spread).tolist()
            judged.peer_gaps += (peer_gaps / spread).tolist()
            judged.worst_logit = max(judged.worst_logit, float(gaps.max()))
            wrong = chosen != first
            judged.flips += int(wrong.sum())
            judged.first_flips += int(wrong[0])
            judged.peer_flips += int((peers != first).sum())
        return judged

    def measure_errors(self, prompt: list[int], output: list[int], logits: Tensor) -> tuple[float, float]:
        """Measure the errors against fp32 of logits and of transformers' own: root mean squares, in its spread."""
        exact, plain = (self.compute(model, prompt, output) for model in (self.exact, self.model))
        spread = float(exact.std())
        ours, theirs = (float((one - exact).square().mean().sqrt()) / spread for one in (logits.float(), plain))
        return ours, theirs
