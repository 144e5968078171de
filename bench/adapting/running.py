"""Trains the adapter on the device, and lets base and adapter write what they would reply; nothing is scored there."""

from __future__ import annotations

import contextlib
import copy
import gc
import json
import lzma
import sys
import tarfile
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from midb.domain.errors import MidbError
from midb.kernels import EngineConfig, Request
from midb.kernels.engine.engine import Engine
from midb.training.tuning.batching import cut_batches
from midb.training.tuning.encoded import EncodedExample, read_encoded
from midb.training.tuning.measuring import measure_loss, merge_losses
from midb.training.tuning.running import TuningPace, tune
from midb.training.tuning.settings import TuningSettings
from midb.training.tuning.states import save_adapter
from midb.training.tuning.watching import TuningProgress

#: Steps by which the pace is measured, and those before them, in which memory is set aside and kernels are chosen.
_PACED, _WARM = 12, 4

#: The name of the adapter in the engine.
_TUNED = "tuned"

#: Tokens of the engine's KV cache on a GPU.
_KV_TOKENS = 400_000

#: A step of the training is told each so many seconds.
_TELL = 10.0


@dataclass
class AdaptingRun:
    """One run on the device: what was carried there, and where rows go.

    :param seconds: of training; ``generating`` at the most of each side's replies.
    """

    load: Path
    out: Path
    settings: TuningSettings
    device: torch.device
    seconds: float
    generating: float
    most_requests: int = 0
    _started: float = field(default_factory=time.monotonic)

    def say(self, part: str, **row: Any) -> None:
        """Write a row, at once, and print its beginning."""
        row = {"part": part, "t": round(time.monotonic() - self._started, 1), **row}
        with (self.out / "rows.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, default=str) + "\n")
        print(" ".join(f"{key}={value}" for key, value in row.items())[:240], flush=True)

    @contextlib.contextmanager
    def telling(self, part: str) -> Iterator[None]:
        """Write a row about what fails inside, and go on with the next part."""
        try:
            yield
        except Exception as error:
            where = "".join(traceback.format_exception(error)[-4:])[-1500:]
            self.say(part, error=f"{type(error).__name__}: {error}"[:600], where=where)
        self.free()

    def free(self) -> None:
        """Give back what dropped models held, whose parts know each other."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def unpack(parts: list[Path], folder: Path) -> Path:
    """Put the parts of a load together; returns its folder."""
    whole = folder / "load.tar"
    with whole.open("wb") as file:
        for part in parts:
            file.write(part.read_bytes())
    with tarfile.open(whole) as archive:
        archive.extractall(folder, filter="data")
    whole.unlink()
    return folder / "load"


def load_model(load: Path, device: torch.device) -> Any:
    """The base as a model of transformers, and as a checkpoint that the engine reads (``load/base``)."""
    import transformers

    base = load / "base"
    if not (load / "base.gguf.xz").exists():
        base = load
    elif not base.exists():
        sys.path.insert(0, str(load / "site"))
        file = load / "base.gguf"
        with lzma.open(load / "base.gguf.xz") as read, file.open("wb") as written:
            while data := read.read(1 << 22):
                written.write(data)
        _convert(file, load / "config.json", base)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=dtype, local_files_only=True)
    return model.to(device)


def _convert(file: Path, config: Path, folder: Path) -> None:
    """Write the tensors of a GGUF file as a checkpoint's folder."""
    import safetensors.torch

    from midb.kernels.models.gguf_tensors import GgufTensors

    folder.mkdir()
    with GgufTensors(file, torch.device("cpu"), torch.float32) as tensors:
        values = {name: tensors.get(name, *tensors.read_shape(name)).contiguous() for name in tensors.names}
    safetensors.torch.save_file(values, folder / "model.safetensors", metadata={"format": "pt"})
    described = json.loads(config.read_bytes())
    architecture = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
    described["architectures"] = [architecture[described["model_type"]]]
    (folder / "config.json").write_text(json.dumps(described))


def run_all(run: AdaptingRun) -> None:
    """Train and generate; rows, replies and the adapter go to ``out``."""
    about = json.loads((run.load / "about.json").read_bytes())
    run.say("about", torch=torch.__version__, device=_name(run.device), settings=run.settings.as_dict(), **about)
    model = load_model(run.load, run.device)
    examples = read_encoded(run.load / "train.jsonl.xz")
    held = read_encoded(run.load / "held_out.jsonl.xz")
    run.say("loaded", examples=len(examples), held_out=len(held))
    with run.telling("loss"):
        _measure(run, "before", model, held)
    settings = _fit(run, model, examples)
    tuned = _train(run, model, settings, examples)
    adapter = run.load / "adapter"
    save_adapter(adapter, tuned)
    _export(adapter, run.out)
    run.say("adapter", bytes=(adapter / "adapter_model.safetensors").stat().st_size)
    with run.telling("loss"):
        _measure(run, "after", tuned, held)
    del model, tuned  # the engine needs the memory
    run.free()
    with run.telling("generated"):
        _generate(run, adapter)


def _measure(run: AdaptingRun, when: str, model: Any, held: list[EncodedExample]) -> None:
    started = time.monotonic()
    rows = measure_loss(model, held, run.settings.batch_tokens)
    by_language = defaultdict(list)
    for row in rows:
        by_language[row["language"]].append(row)
    run.say(
        "loss", when=when, loss=merge_losses(rows), seconds=round(time.monotonic() - started, 1),
        languages={language: merge_losses(found) for language, found in by_language.items()}, rows=rows,
    )  # fmt: skip


def _fit(run: AdaptingRun, model: Any, examples: list[EncodedExample]) -> TuningSettings:
    """As many steps as the time has room for, by the pace of a few; smaller batches where memory does not suffice."""
    settings = run.settings
    while True:
        seen: list[TuningProgress] = []
        told = ""
        try:
            _probe(run, model, settings, _find_largest(examples, settings), 2)
            seen = _probe(run, model, settings, examples, _WARM + _PACED)
        except MidbError as error:
            if settings.batch_tokens < 2048:
                raise
            told = error.message
        run.free()
        if told:
            run.say("pace", failed=told, batch_tokens=settings.batch_tokens, peak_GiB=_peak(run.device))
            settings = replace(settings, batch_tokens=settings.batch_tokens // 2, accumulate=settings.accumulate * 2)
            continue
        warm = seen[min(_WARM, len(seen)) - 1]
        paced = max((seen[-1].seconds - warm.seconds) / max(len(seen) - _WARM, 1), 1e-3)
        steps = max(int(run.seconds / paced), 1)
        tokens = (seen[-1].tokens - warm.tokens) / max(seen[-1].seconds - warm.seconds, 1e-3)
        total = sum(len(example.ids) for example in examples)
        run.say(
            "pace", seconds_per_step=paced, tokens_per_second=round(tokens), steps=steps,
            batch_tokens=settings.batch_tokens, accumulate=settings.accumulate, peak_GiB=_peak(run.device),
        )  # fmt: skip
        # Epochs only say how long the sequence of batches is, of which the steps are the beginning.
        epochs = max(1.0, 1.5 * steps * settings.batch_tokens * settings.accumulate / total + 1)
        return replace(settings, max_steps=steps, epochs=epochs)


def _probe(
    run: AdaptingRun, model: Any, settings: TuningSettings, examples: list[EncodedExample], steps: int
) -> list[TuningProgress]:
    """Train a copy of the model for some steps."""
    seen: list[TuningProgress] = []
    folder = run.load / f"pace-{settings.batch_tokens}-{steps}"
    folder.mkdir(exist_ok=True)
    probe = replace(settings, max_steps=steps)
    tune(copy.deepcopy(model), "base", probe, examples, folder, told=seen.append, pace=TuningPace(save_seconds=1e9))
    return seen


def _find_largest(examples: list[EncodedExample], settings: TuningSettings) -> list[EncodedExample]:
    """The examples of the batch whose logits take the most memory."""
    batches = cut_batches([len(example.ids) for example in examples], settings.batch_tokens, settings.seed)
    largest = max(batches, key=lambda batch: sum(examples[number].reply for number in batch))
    return [examples[number] for number in largest]


def _train(run: AdaptingRun, model: Any, settings: TuningSettings, examples: list[EncodedExample]) -> Any:
    """Train the model; returns it with its adapter, also where the training broke off."""
    folder, last = run.load / "training", [0.0]
    kept: list[Any] = []
    folder.mkdir(exist_ok=True)

    def tell(progress: TuningProgress) -> None:
        if progress.seconds - last[0] >= _TELL or progress.step in (1, progress.steps):
            last[0] = progress.seconds
            run.say(
                "step", step=progress.step, steps=progress.steps, loss=round(progress.loss, 4),
                tokens=progress.tokens, seconds=round(progress.seconds, 1), rate=round(progress.rate),
            )  # fmt: skip

    def keep(tuned: Any, step: int, steps: int) -> None:
        kept.append(tuned)

    pace = TuningPace(max_seconds=run.seconds * 1.15, save_seconds=1e9)
    with run.telling("trained"):
        done = tune(model, "base", settings, examples, folder, told=tell, begin=keep, pace=pace)
        run.say(
            "trained", step=done.step, steps=done.steps, tokens=done.tokens, seconds=round(done.seconds, 1),
            epochs=round(done.tokens / sum(len(example.ids) for example in examples), 3), stopped=done.stopped,
            skipped=done.skipped, peak_GiB=_peak(run.device),
        )  # fmt: skip
    (run.out / "loss.jsonl").write_bytes((folder / "loss.jsonl").read_bytes())
    return kept[0]


def _export(adapter: Path, out: Path) -> None:
    """The adapter in bf16, as the engine computes it: half of the bytes."""
    import safetensors.torch

    tensors = safetensors.torch.load_file(adapter / "adapter_model.safetensors")
    half = {name: value.to(torch.bfloat16) for name, value in tensors.items()}
    safetensors.torch.save_file(half, out / "adapter_model.safetensors", metadata={"format": "pt"})
    (out / "adapter_config.json").write_bytes((adapter / "adapter_config.json").read_bytes())


def _generate(run: AdaptingRun, adapter: Path) -> None:
    """Let both sides reply to all requests, greedily and with drafts, and write their ids."""
    with lzma.open(run.load / "requests.jsonl.xz", "rt", encoding="utf-8") as file:
        asked = [json.loads(line) for line in file]
    asked = asked[: run.most_requests or None]
    checkpoint = run.load / "base" if (run.load / "base").exists() else run.load
    longest = max(len(one["prompt"]) + one["max_new"] for one in asked)
    engine = Engine(
        EngineConfig(
            checkpoint=checkpoint, device=run.device.type, dtype="bfloat16" if run.device.type == "cuda" else "float32",
            adapters={_TUNED: adapter}, max_model_len=longest, max_num_seqs=256 if run.device.type == "cuda" else 8,
            num_kv_tokens=_KV_TOKENS if run.device.type == "cuda" else 0,
        )
    )  # fmt: skip
    run.say("engine", requests=len(asked))
    with lzma.open(run.out / "replies.jsonl.xz", "wt", encoding="utf-8") as written:
        for side, name in (("base", None), ("tuned", _TUNED)):
            before, started = engine.stats.as_dict(), time.monotonic()
            numbers = {
                engine.add(
                    Request(
                        one["prompt"], one["reference"], max_new_tokens=one["max_new"], stop_ids=one["stop"],
                        stop_loops=True, adapter=name,
                    )
                ): number
                for number, one in enumerate(asked)
            }  # fmt: skip
            done = 0
            while engine.busy and time.monotonic() - started < run.generating:
                engine.step()
                for result in engine.take_results():
                    done += 1
                    row = {
                        "side": side, "request": numbers[result.index], "ids": result.token_ids,
                        "finish": result.finish_reason.value, "steps": result.steps, "drafted": result.drafted,
                        "accepted": result.accepted,
                    }  # fmt: skip
                    written.write(json.dumps(row) + "\n")
            for index in numbers:
                engine.cancel(index)
            list(engine.take_results())
            after = engine.stats.as_dict()
            run.say(
                "generated", side=side, replies=done, seconds=round(time.monotonic() - started, 1),
                **{key: round(after[key] - before[key], 3) for key in after},
            )  # fmt: skip


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else "CPU"


def _peak(device: torch.device) -> float:
    return round(torch.cuda.max_memory_allocated() / 2**30, 1) if device.type == "cuda" else 0.0
