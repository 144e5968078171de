"""The engine and its peers answering known outputs at the pace of their models: requests, a random checkpoint, sides.

Random weights accept no draft, so the forward runs at its real size, and each sampled token is then replaced by the
next one of a known output: the compute is true, and the acceptance is that of the texts.
"""

from __future__ import annotations

import itertools
import json
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from drafting.texts import edit, train_tokenizer

from midb.kernels import EngineConfig, ModelConfig, Request
from midb.kernels.dispatch import Ops
from midb.kernels.engine.drafting.memory import OutputMemory
from midb.kernels.engine.engine import Engine
from midb.kernels.engine.graphs import StepGraphs
from midb.kernels.engine.model_runner import ModelRunner
from midb.kernels.engine.padding import pad_plan
from midb.kernels.engine.step_batch import LEAST_CASCADE, Staging
from midb.kernels.engine.step_plan import StepPlan
from midb.kernels.models import decoder
from midb.kernels.models.weights import CheckpointTensors

#: Tokens of the beginning that all prompts share: half of a prompt.
SHARED_TOKENS = 200

#: Least and most tokens of the rest of a prompt, its reference included.
OWN_TOKENS = (130, 270)

#: Tokens of an output.
NEW_TOKENS = 128

#: Tokens that prompt lookup drafts: the default of transformers.
LOOKUP_TOKENS = 10

#: Seconds of a step of Qwen3-8B in bf16 on an H200, and those that each row adds: 256 rows took it 9 ms, 2,000 rows 51.
STEP_SECONDS, ROW_SECONDS = 4e-3, 2.3e-5

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


def read_known(plan: StepPlan, outputs: list[list[int]], first: int = 0) -> list[int]:
    """The known tokens in place of those that the sample rows of a step drew.

    :param first: index of the request that the first output is of.
    """
    ids: list[int] = []
    for work in plan.works:
        if work.samples:
            place = work.sequence.num_output_tokens
            known = outputs[work.sequence.index - first][place : place + len(work.draft) + 1]
            ids += known + [0] * (len(work.draft) + 1 - len(known))
    return ids


class ReplayRunner(ModelRunner):
    """A runner whose samples are replaced by known outputs, after they were computed and copied to the host."""

    outputs: list[list[int]]
    first: int

    def read_sampled(self, plan: StepPlan, sampled: torch.Tensor) -> list[int]:
        """The known tokens in place of those that the sample rows drew."""
        super().read_sampled(plan, sampled)
        return read_known(plan, self.outputs, self.first)


class ReplayEngine(Engine):
    """An engine that answers with known outputs, at the pace of its model."""

    runner: ReplayRunner

    def _make_runner(self, ops: Ops | None) -> ReplayRunner:
        return ReplayRunner(self.config, self.model_config, ops=ops)

    def replay(self, outputs: list[list[int]], keep_prefixes: bool = False) -> None:
        """Answer the requests that are added next with these, from an empty prefix cache unless it is to be kept.

        Outputs of before are forgotten: benchmarks serve the same ones again, which would be drafted whole.
        """
        self._memory = OutputMemory()
        if not keep_prefixes:
            self.pool.forget_idle()
        self.runner.outputs, self.runner.first = outputs, self._next_index

    def measure_seconds(self, requests: list[Request], outputs: list[list[int]]) -> float:
        """Measure the seconds for all requests, from an empty prefix cache."""
        self.replay(outputs)
        started = time.perf_counter()
        results = list(self.generate(requests))
        taken = time.perf_counter() - started
        assert all(result.token_ids == outputs[result.index] for result in results)
        assert len(results) == len(requests)
        return taken


class HostRunner:
    """Does what a runner on a GPU does on the host, computes nothing, and answers with known outputs.

    :ivar now: seconds on the clock that the engine learns from: it counts what an H200 took for steps of that size.
    """

    shared, prefill_rows, max_model_len = LEAST_CASCADE["cuda"], 0, 1024

    def __init__(self, config: EngineConfig, model: ModelConfig) -> None:
        self.config, self.model_config = config, model
        self.num_blocks = self.max_model_len * (config.max_num_seqs + 2) // config.block_size
        self.staging = Staging(torch.device("cpu"))
        self.outputs: list[list[int]] = []
        self.now = 0.0
        never: Any = None
        owner: Any = self
        self._graphs = StepGraphs(never, owner)

    def on_device(self) -> AbstractContextManager[object]:
        """There is no device."""
        return nullcontext()

    def capture(self, plan: StepPlan) -> None:
        """There is nothing to capture."""

    def run(self, plan: StepPlan) -> list[int]:
        """Lay a step out as for a graph, and answer."""
        bucket = self._graphs.find_bucket(plan)
        self.staging.put(plan if bucket is None else pad_plan(plan, bucket))
        self.now += STEP_SECONDS + ROW_SECONDS * len(plan.token_ids)
        return read_known(plan, self.outputs)


class HostEngine(Engine):
    """An engine without a model, for what the host does in a step."""

    runner: Any

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config, clock=lambda: self.runner.now)

    def _make_runner(self, ops: Ops | None) -> Any:
        return HostRunner(self.config, self.model_config)


@dataclass(frozen=True)
class Load:
    """Requests and their outputs."""

    requests: list[Request]
    outputs: list[list[int]]


def read_texts(corpora: Path) -> list[list[int]]:
    """Read the responses of each corpus, one after the other, as tokens."""
    tokenizer = train_tokenizer(corpora)
    texts = []
    for path in sorted(corpora.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            responses = [json.loads(line)["output"] for line in itertools.islice(lines, 200)]
        texts.append(tokenizer.encode("\n\n".join(responses)).ids)
    return texts


def draw_texts(vocab_size: int, count: int = 8, length: int = 6000) -> list[list[int]]:
    """Draw texts of random ids, for a machine that no corpora are on: nothing in them repeats."""
    chance = random.Random(0)
    return [[chance.randrange(vocab_size) for _ in range(length)] for _ in range(count)]


def make_load(texts: list[list[int]], count: int, share: float, seed: int = 0, new_tokens: int = 0) -> Load:
    """Make rewriting requests of real tokens: a shared beginning, an instruction, and the text to rewrite.

    :param new_tokens: of each output, and of the text to rewrite; 0 means ``NEW_TOKENS``.
    """
    chance = random.Random(seed)
    new = new_tokens or NEW_TOKENS

    def cut(length: int) -> list[int]:
        text = chance.choice([text for text in texts if len(text) > length])
        start = chance.randrange(len(text) - length)
        return text[start : start + length]

    shared = cut(SHARED_TOKENS)
    requests, outputs = [], []
    for _ in range(count):
        reference = cut(new)
        output = cut(new) if share == 1.0 else edit(reference, share, cut(2 * new), chance) + cut(new)
        prompt = shared + cut(chance.randint(*OWN_TOKENS) - NEW_TOKENS) + reference
        requests.append(Request(prompt, reference, max_new_tokens=new, ignore_eos=True))
        outputs.append(output[:new])
    return Load(requests, outputs)


def make_model(shape: dict[str, Any], dtype: str, device: str) -> Any:
    """Make a Qwen3 of this shape with random weights, on the device itself."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with torch.device(device):
            model: Any = Qwen3ForCausalLM(
                Qwen3Config(**{"max_position_embeddings": 4096, **shape, "eos_token_id": None})
            )
    finally:
        torch.set_default_dtype(torch.float32)
    return model.eval()


def write_settings(folder: Path, shape: dict[str, Any]) -> Path:
    """Write the config.json of a Qwen3 of this shape, which is all that an engine without a model reads."""
    from transformers import Qwen3Config

    Qwen3Config(
        **{"max_position_embeddings": 4096, **shape, "eos_token_id": None}, architectures=["Qwen3ForCausalLM"]
    ).save_pretrained(folder)
    return folder


def make_checkpoint(folder: Path, shape: dict[str, Any], dtype: str, device: str) -> Path:
    """Write a Qwen3 of this shape with random weights."""
    make_model(shape, dtype, device).save_pretrained(folder)
    return folder


@contextmanager
def serve_from(model: Any) -> Iterator[Path]:
    """Yield a folder with a model's settings alone: engines that are made of it meanwhile take its weights from memory.

    So 16 GB need not go over the disk for each engine.
    """
    state = model.state_dict()

    class StateTensors(CheckpointTensors):
        """The tensors of a model in memory, as if they stood in a file."""

        def __init__(self, folder: Path, device: torch.device, dtype: torch.dtype) -> None:
            self.folder, self.device, self.dtype = folder, device, dtype
            self._open = ExitStack()
            self._files = state

        def read_shape(self, name: str) -> tuple[int, ...]:
            return tuple(state[name].shape)

        def get(self, name: str, *shape: int) -> torch.Tensor:
            assert self.read_shape(name) == shape, f"{name} has shape {self.read_shape(name)}, not {shape}"
            tensor: torch.Tensor = state[name]
            return tensor.to(self.device, self.dtype)

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(decoder, "open_tensors", StateTensors):
        model.config.save_pretrained(folder)
        yield Path(folder)


class KnownOutput:
    """A processor of logits that makes transformers draw the tokens of a known output."""

    def __init__(self, prompt: int, output: list[int]) -> None:
        self._prompt, self._output = prompt, output

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Raise the score of the next token above all others; after the end of the output, change nothing."""
        place = input_ids.shape[1] - self._prompt
        if place < len(self._output):
            scores[:, self._output[place]] = torch.inf
        return scores


class Peer:
    """transformers on the same weights: ``generate``, padded or with prompt lookup, or its continuous batching."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def measure_generate(self, requests: list[Request], batch: int) -> float:
        """Measure the seconds for all requests in padded batches."""
        started = time.perf_counter()
        for first in range(0, len(requests), batch):
            prompts = [list(request.prompt_ids) for request in requests[first : first + batch]]
            width = max(map(len, prompts))
            ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts], device=self.model.device)
            mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.model.device)
            with torch.inference_mode():
                out = self.model.generate(
                    ids,
                    attention_mask=mask,
                    max_new_tokens=NEW_TOKENS,
                    do_sample=False,
                    pad_token_id=0,
                    eos_token_id=None,
                )
            assert out.shape[1] == width + NEW_TOKENS
        return time.perf_counter() - started

    def measure_lookup(self, requests: list[Request], outputs: list[list[int]]) -> float:
        """Measure the seconds for all requests with prompt lookup, one by one as it knows no batches; by replay."""
        started = time.perf_counter()
        for request, output in zip(requests, outputs, strict=True):
            prompt = torch.tensor([request.prompt_ids], device=self.model.device)
            with torch.inference_mode():
                out = self.model.generate(
                    prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=NEW_TOKENS, do_sample=False,
                    pad_token_id=0, eos_token_id=None, prompt_lookup_num_tokens=LOOKUP_TOKENS,
                    logits_processor=[KnownOutput(prompt.shape[1], output)],
                )  # fmt: skip
            assert out[0, prompt.shape[1] :].tolist() == output
        return time.perf_counter() - started

    def measure_continuous(self, requests: list[Request], batch: int) -> float:
        """Measure the seconds for all requests by continuous batching; a batch of one serves one after the other."""
        from transformers import ContinuousBatchingConfig, GenerationConfig

        # Room for all at once. By itself it would take most of the memory, and spend minutes on a CPU to clear it.
        room = ContinuousBatchingConfig(num_blocks=4 * batch + 4, max_batch_tokens=1024)
        make_settings: Any = GenerationConfig  # transformers gives it no types
        settings = make_settings(max_new_tokens=NEW_TOKENS, do_sample=False, eos_token_id=-1, pad_token_id=0)
        prompts = [list(request.prompt_ids) for request in requests]
        started = time.perf_counter()
        for part in [prompts] if batch > 1 else [[prompt] for prompt in prompts]:
            out = self.model.generate_batch(part, generation_config=settings, continuous_batching_config=room)
            assert all(len(one.generated_tokens) == NEW_TOKENS for one in out.values())
        return time.perf_counter() - started
