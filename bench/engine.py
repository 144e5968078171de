"""The engine against what its users would pick instead, on rewriting requests, by replay.

Random weights accept no draft, so the forward runs at its real size and each sampled token is then replaced by the next
one of a known output: the compute is true, and the acceptance is that of the texts. So it is with prompt lookup; the
other peers compute as many tokens, whatever they are. References are cut from the corpora, with seeded edits; half of
each prompt is a beginning that all share.
"""

from __future__ import annotations

import functools
import itertools
import json
import logging
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from drafter import edited, tokenizer
from registry import Row, benchmark

from midb.kernels import EngineConfig, Request
from midb.kernels.dispatch import Ops
from midb.kernels.engine.engine import Engine
from midb.kernels.engine.runner import Runner
from midb.kernels.engine.step_batch import StepBatch

#: Tokens of the shared beginning, of the rest of a prompt (least and most, its reference included), and of an output.
SHARED, OWN, NEW = 200, (130, 270), 128

#: Share of tokens that are edited; 1 is new text.
EDITS = (0.03, 0.12, 1.0)

#: The peer that drafts as well, and how many tokens: transformers' own default.
LOOKUP, LOOKED_UP = "generate, prompt lookup", 10

#: Rounds of each side, in turn with the others; the median is quoted.
ROUNDS = 3

#: About 100 million parameters with the vocabulary of the drafters' benchmark.
SMALL = {
    "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 10, "num_attention_heads": 12,
    "num_key_value_heads": 4, "head_dim": 64, "vocab_size": 48_000, "tie_word_embeddings": True,
}  # fmt: skip

#: The shapes of Qwen3-8B.
LARGE = {
    "hidden_size": 4096, "intermediate_size": 12_288, "num_hidden_layers": 36, "num_attention_heads": 32,
    "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936, "tie_word_embeddings": False,
}  # fmt: skip


class ReplayRunner(Runner):
    """A runner whose samples are replaced by known outputs, after they were computed and brought to the host."""

    outputs: list[list[int]]
    first: int

    def chosen(self, batch: StepBatch, sampled: torch.Tensor) -> list[int]:
        """What each sample row is said to have drawn."""
        super().chosen(batch, sampled)
        ids: list[int] = []
        for work in batch.works:
            if work.samples:
                place = work.sequence.generated
                known = self.outputs[work.sequence.index - self.first][place : place + len(work.draft) + 1]
                ids += known + [0] * (len(work.draft) + 1 - len(known))
        return ids


class ReplayEngine(Engine):
    """An engine that answers with known outputs, at the pace of its model."""

    runner: ReplayRunner

    def _make_runner(self, ops: Ops | None) -> ReplayRunner:
        return ReplayRunner(self.config, self.model_config, ops=ops)

    def replay(self, outputs: list[list[int]]) -> None:
        """Answer the requests that are added next with these, from an empty prefix cache."""
        self.pool.forget_idle()
        self.runner.outputs, self.runner.first = outputs, self._next_index

    def seconds(self, requests: list[Request], outputs: list[list[int]]) -> float:
        """Seconds for all requests, from an empty prefix cache."""
        self.replay(outputs)
        started = time.perf_counter()
        results = list(self.generate(requests))
        taken = time.perf_counter() - started
        assert all(result.token_ids == outputs[result.index] for result in results)
        assert len(results) == len(requests)
        return taken


@dataclass(frozen=True)
class Load:
    """Requests and their outputs."""

    requests: list[Request]
    outputs: list[list[int]]


def streams(corpora: Path) -> list[list[int]]:
    """The responses of each corpus behind one another, as tokens."""
    made = tokenizer(corpora)
    texts = []
    for path in sorted(corpora.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            responses = [json.loads(line)["output"] for line in itertools.islice(lines, 200)]
        texts.append(made.encode("\n\n".join(responses)).ids)
    return texts


def load(texts: list[list[int]], count: int, share: float, seed: int = 0) -> Load:
    """Rewriting requests over real tokens: shared beginning, own instruction, and the text to rewrite."""
    chance = random.Random(seed)

    def cut(length: int) -> list[int]:
        text = chance.choice([text for text in texts if len(text) > length])
        start = chance.randrange(len(text) - length)
        return text[start : start + length]

    shared = cut(SHARED)
    requests, outputs = [], []
    for _ in range(count):
        reference = cut(NEW)
        output = cut(NEW) if share == 1.0 else edited(reference, share, cut(2 * NEW), chance) + cut(NEW)
        prompt = shared + cut(chance.randint(*OWN) - NEW) + reference
        requests.append(Request(prompt, reference, max_new_tokens=NEW, ignore_eos=True))
        outputs.append(output[:NEW])
    return Load(requests, outputs)


def checkpoint(folder: Path, shape: dict[str, Any], dtype: str, device: str) -> Path:
    """A Qwen3 of this shape with random weights."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with torch.device(device):
            model = Qwen3ForCausalLM(Qwen3Config(**shape, max_position_embeddings=4096, eos_token_id=None))
    finally:
        torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    return folder


class Known:
    """Makes transformers draw the tokens of a known output, as a processor of its logits."""

    def __init__(self, prompt: int, output: list[int]) -> None:
        self._prompt, self._output = prompt, output

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """``scores`` with the next token's beyond all others; past the end of the output as they are."""
        place = input_ids.shape[1] - self._prompt
        if place < len(self._output):
            scores[:, self._output[place]] = torch.inf
        return scores


class Peer:
    """transformers on the same weights: ``generate``, padded or with prompt lookup, or its continuous batching."""

    def __init__(self, folder: Path, dtype: str, device: str) -> None:
        from transformers import AutoModelForCausalLM

        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
        self.model = model.to(device).eval()

    def generate(self, requests: list[Request], batch: int) -> float:
        """Seconds for all requests in padded batches."""
        started = time.perf_counter()
        for first in range(0, len(requests), batch):
            prompts = [list(request.prompt_ids) for request in requests[first : first + batch]]
            width = max(map(len, prompts))
            ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts], device=self.model.device)
            mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.model.device)
            with torch.inference_mode():
                out = self.model.generate(
                    ids, attention_mask=mask, max_new_tokens=NEW, do_sample=False, pad_token_id=0, eos_token_id=None
                )
            assert out.shape[1] == width + NEW
        return time.perf_counter() - started

    def lookup(self, requests: list[Request], outputs: list[list[int]]) -> float:
        """Seconds for all requests, one after another, with prompt lookup, which knows no batches; by replay."""
        started = time.perf_counter()
        for request, output in zip(requests, outputs, strict=True):
            prompt = torch.tensor([request.prompt_ids], device=self.model.device)
            with torch.inference_mode():
                out = self.model.generate(
                    prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=NEW, do_sample=False,
                    pad_token_id=0, eos_token_id=None, prompt_lookup_num_tokens=LOOKED_UP,
                    logits_processor=[Known(prompt.shape[1], output)],
                )  # fmt: skip
            assert out[0, prompt.shape[1] :].tolist() == output
        return time.perf_counter() - started

    def continuous(self, requests: list[Request], batch: int) -> float:
        """Seconds for all requests by continuous batching; a batch of one serves one after another."""
        from transformers import ContinuousBatchingConfig, GenerationConfig

        # Room for all at once; left alone it takes most of the memory and spends minutes clearing it on a CPU.
        room = ContinuousBatchingConfig(num_blocks=4 * batch + 4, max_batch_tokens=1024)
        settings = GenerationConfig(max_new_tokens=NEW, do_sample=False, eos_token_id=-1, pad_token_id=0)
        prompts = [list(request.prompt_ids) for request in requests]
        started = time.perf_counter()
        for part in [prompts] if batch > 1 else [[prompt] for prompt in prompts]:
            out = self.model.generate_batch(part, generation_config=settings, continuous_batching_config=room)
            assert all(len(one.generated_tokens) == NEW for one in out.values())
        return time.perf_counter() - started


def compare(
    folder: Path, texts: list[list[int]], *, device: str, dtypes: tuple[str, ...], batch: int, count: int
) -> Iterator[Row]:
    """One table: every side at one batch size, in turn; requests/s, and ratios to the better dtype of each peer."""
    # A seed for each, so that each is a pass of its own: its beginning tells the engine what to learn apart.
    loads = {share: load(texts, count, share, seed=number) for number, share in enumerate(EDITS)}
    sides: dict[tuple[str, str, float], Callable[[], float]] = {}
    engines = {}
    for dtype in dtypes:
        config = functools.partial(
            EngineConfig, checkpoint=folder, device=device, dtype=dtype, max_sequences=batch, max_model_len=1024
        )
        for name, draft in (("engine", True), ("engine, no drafts", False)):
            engine = engines[name, dtype] = ReplayEngine(config(draft=draft))
            for share in EDITS if draft else (1.0,):
                one = loads[share]
                sides[name, dtype, share] = functools.partial(engine.seconds, one.requests, one.outputs)
        peer = Peer(folder, dtype, device)
        for share in EDITS if batch == 1 else ():
            one = loads[share]
            sides[LOOKUP, dtype, share] = functools.partial(peer.lookup, one.requests, one.outputs)
        # New text or old, the other peers compute the same.
        requests = loads[0.03].requests
        sides["generate", dtype, 0.03] = functools.partial(peer.generate, requests, batch)
        sides["continuous batching", dtype, 0.03] = functools.partial(peer.continuous, requests, batch)
    seconds: dict[tuple[str, str, float], list[float]] = {key: [] for key in sides}
    totals = {}
    for turn in range(ROUNDS + 1):
        for key, run in sides.items():
            if key[0] == "continuous batching" and device == "cpu" and turn != 1:
                continue  # it takes a minute or two there
            before = engines[key[:2]].stats.as_dict() if key[:2] in engines else {}
            taken = run()
            if turn:  # the first round warms up
                seconds[key].append(taken)
            if before:
                after = engines[key[:2]].stats.as_dict()
                totals[key] = {name: after[name] - before[name] for name in after}
    medians = {key: statistics.median(values) for key, values in seconds.items()}

    def times(peer: str, share: float, taken: float) -> Row:
        best = min((value for (name, _, edits), value in medians.items() if (name, edits) == (peer, share)), default=0)
        return {f"times_{peer.replace(', ', '_').replace(' ', '_')}": round(best / taken, 2)} if best else {}

    for key, taken in medians.items():
        name, dtype, share = key
        row: Row = {
            "side": name,
            "dtype": dtype,
            "batch": batch,
            "requests": count,
            "edits": share if "engine" in name or name == LOOKUP else "any",
            "requests_per_s": round(count / taken, 3),
            "tokens_per_s": round(count * NEW / taken, 1),
            "rounds": len(seconds[key]),
            "range_s": [round(min(seconds[key]), 2), round(max(seconds[key]), 2)],
        }
        if key in totals:
            done = totals[key]
            row |= {
                **times("generate", 0.03, taken),
                **times("continuous batching", 0.03, taken),
                **times(LOOKUP, share, taken),
                "tokens_per_step": round(done["generated"] / done["steps"], 2),
                "rows_per_token": round(done["verified"] / done["generated"], 2),
                "prefix_hits": round(done["prefix_hits"] / done["prompt_tokens"], 2),
            }
        yield row


@benchmark("engine-cpu", "requests/s of the engine and of transformers on a CPU, 100M parameters, by replay")
def on_cpu(corpora: Path) -> Iterator[Row]:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    logging.getLogger("ContinuousBatchingLogger").setLevel(logging.CRITICAL)
    texts = streams(corpora)
    with tempfile.TemporaryDirectory() as name:
        folder = checkpoint(Path(name), SMALL, "float32", "cpu")
        for batch, count in ((16, 16), (1, 3)):
            yield from compare(folder, texts, device="cpu", dtypes=("float32", "bfloat16"), batch=batch, count=count)


@benchmark("engine-gpu", "the same on a GPU at the shapes of Qwen3-8B in bf16, batch 1 to 256", needs="gpu")
def on_gpu(corpora: Path) -> Iterator[Row]:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    texts = streams(corpora)
    with tempfile.TemporaryDirectory() as name:
        folder = checkpoint(Path(name), LARGE, "bfloat16", "cuda")
        for batch in (1, 8, 32, 128, 256):
            torch.cuda.reset_peak_memory_stats()
            for row in compare(folder, texts, device="cuda", dtypes=("bfloat16",), batch=batch, count=max(batch, 4)):
                yield row | {"peak_GiB": round(torch.cuda.max_memory_allocated() / 2**30, 1)}


#: Names of torch's operators, by what they are for; the first that fits.
PARTS = {
    "linear layers": ("_linear_pointwise", "linear", "addmm", "mm", "packed"),
    "attention": ("scaled_dot_product", "flash", "bmm"),
    "sampling": ("max", "argmax", "where"),
    "copies and indexing": ("copy_", "index", "cat", "embedding", "clone"),
    "norms, rotary, activations": ("mul", "add", "silu", "pow", "mean", "rsqrt", "sub", "neg", "sum"),
}


@benchmark("engine-shares", "where a step's time goes on a CPU, bf16, batch 16, 3 % edits")
def shares(corpora: Path) -> Iterator[Row]:
    from torch.profiler import ProfilerActivity, profile

    texts = streams(corpora)
    with tempfile.TemporaryDirectory() as name:
        folder = checkpoint(Path(name), SMALL, "float32", "cpu")
        one = load(texts, 16, 0.03)
        engine = ReplayEngine(EngineConfig(checkpoint=folder, dtype="bfloat16", max_sequences=16, max_model_len=1024))
        engine.seconds(one.requests, one.outputs)
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            taken = engine.seconds(one.requests, one.outputs)
    left = taken
    found = dict.fromkeys([*PARTS, "other operators"], 0.0)
    for event in seen.key_averages():
        part = next((p for p, names in PARTS.items() if any(n in event.key for n in names)), "other operators")
        found[part] += event.self_cpu_time_total / 1e6
    for part, spent in found.items():
        left -= spent
        yield {"part": part, "share": f"{100 * spent / taken:.1f}%", "seconds": round(spent, 2)}
    yield {
        "part": "Python: scheduling, drafting, calls",
        "share": f"{100 * left / taken:.1f}%",
        "seconds": round(left, 2),
    }
