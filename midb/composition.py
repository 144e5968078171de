"""Builds the engine of a run's model. The only module that joins agent and kernels; importing it loads neither."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midb import __version__
from midb.domain.errors import UsageError
from midb.domain.portability import usable_cores

if TYPE_CHECKING:
    from midb.agent.engines.adapters import Adapter
    from midb.agent.engines.checkpoint import CheckpointFolder
    from midb.agent.engines.protocol import TextEngine
    from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
    from midb.agent.engines.tokens import TokenRequest
    from midb.agent.run.session import RunEngine
    from midb.domain.decisions import Pass
    from midb.kernels import EngineConfig, ModelConfig, Result
    from midb.runs.config import RunConfig

#: Sequences decoded together, by kind of device.
_MAX_NUM_SEQS = {"cuda": 256, "cpu": 16}

#: Tokens of prompt and reply together, unless the user asks for another number. A pair with its prompt takes about a
#: thousand. For a model that takes 131,072, memory would have to be set aside for one sequence of that length.
_MAX_MODEL_LEN = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How a model is run, as the command line asks for it. A server ignores device, dtype and max_length.

    :param device: auto, cpu or cuda (also cuda:1); auto takes a GPU if torch finds one.
    :param devices: several of them, which share the requests: "all" GPUs, or names with commas, such as "0,1"; "": one.
    :param dtype: auto (the checkpoint's own), float32, bfloat16, or on a GPU fp8.
    :param concurrency: requests in flight; 0 is the engine's own default.
    :param timeout: seconds that a server may take for a reply; 0 is the engine's own default.
    :param key_variable: environment variable that holds a server's key.
    :param adapters: LoRA adapters that requests may name, each once.
    :param max_length: tokens of prompt and reply together; 0 is the length that the model was trained for, but 16,384
        at most.
    """

    device: str = "auto"
    devices: str = ""
    dtype: str = "auto"
    concurrency: int = 0
    timeout: float = 0.0
    key_variable: str = "OPENAI_API_KEY"
    adapters: tuple[Adapter, ...] = ()
    max_length: int = 0


@contextmanager
def open_engine(
    config: RunConfig, warn: Callable[[str], None], *, named: Sequence[Adapter] = ()
) -> Iterator[RunEngine | None]:
    """Build the engine of a run's ``model``, not yet started, with an event loop for it; None if the run has no model.

    At the end of ``with`` it is closed, whether it was started or not. Raises what ``build_engine`` raises.

    :param named: adapters that answer no pass, and that requests may name all the same.
    """
    if config.model is None:
        yield None
        return
    from midb.agent.run.session import RunEngine

    adapters = find_adapters(config, warn)
    options = EngineOptions(
        device=config.device,
        devices=config.devices or "",
        dtype=config.dtype,
        concurrency=config.concurrency or 0,
        timeout=config.timeout or 0.0,
        key_variable=config.key_variable,
        adapters=tuple({adapter.name: adapter for adapter in (*adapters.values(), *named)}.values()),
    )
    engine = build_engine(config.model, options=options, warn=warn)
    with asyncio.Runner() as loop:
        try:
            yield RunEngine(engine, loop, warn, adapters)
        finally:
            loop.run(engine.close())


def find_adapters(config: RunConfig, warn: Callable[[str], None]) -> dict[Pass, Adapter]:
    """Find the adapters of a run, by the passes that they answer; raises UsageError."""
    if not config.adapter:
        return {}
    from midb.agent.engines.adapters import find_adapter
    from midb.agent.model.pass_adapters import give_to_passes
    from midb.domain.decisions import REWRITING_PASSES

    passes = [pass_ for pass_ in REWRITING_PASSES if pass_ in config.selected_passes]
    return give_to_passes(config.adapter, passes, partial(find_adapter, served=is_served(config.model or "")), warn)


def is_served(model: str) -> bool:
    """Whether a MODEL is one on a server."""
    return model.startswith("openai:")


def build_engine(
    model: str,
    *,
    options: EngineOptions | None = None,
    warn: Callable[[str], None] = lambda message: None,
) -> TextEngine:
    """Build the engine of a MODEL: ``openai:NAME@URL``, a checkpoint's folder, its name on the hub, or a GGUF file.

    Files are found and checked here. Weights are loaded by ``start()``, whose EngineDown says what is wrong with them.

    :param warn: is called with what the user should know, such as a server's refusal of an option.
    :raises UsageError: one sentence for whatever cannot work.
    """
    options = options or EngineOptions()
    if is_served(model):
        return _build_server_engine(model, options, warn)
    # Before torch is imported, which reads it once. Its threads would else wait for each other by turning in circles,
    # which takes the processors from those that are waited for wherever something else runs as well.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    _check_own_engine(model)
    return _build_pool(model, options, warn) if options.devices else _build_own_engine(model, options, warn)


def _build_pool(model: str, options: EngineOptions, warn: Callable[[str], None]) -> TextEngine:
    """An engine for each device, in a process of its own: also a single one has its interpreter to itself there."""
    from midb.agent.engines.devices.pool import DevicePool
    from midb.kernels import EngineError
    from midb.kernels.devices import list_devices

    if options.device != "auto":
        raise UsageError("--device and --devices are both given.", hint="--devices alone names one device as well.")
    try:
        names = list_devices(options.devices)
    except EngineError as error:
        raise UsageError(f"--devices {options.devices}: {error.args[0]}", hint=error.hint) from error
    each = [
        replace(options, device=name, devices="", concurrency=-(-options.concurrency // len(names))) for name in names
    ]
    one = _build_own_engine(model, each[0], warn)
    labels = [name if names.count(name) == 1 else f"{name} {number}" for number, name in enumerate(names, start=1)]
    makes = [(label, partial(_build_share, model, own, len(names))) for label, own in zip(labels, each, strict=True)]
    described = one.described.replace(f" on {names[0]} ", f" on {', '.join(labels)} ")
    return DevicePool(one, makes, described=described, warn=warn)


def _build_share(model: str, options: EngineOptions, shares: int) -> TextEngine:
    """Build the engine of one device of several, in its own process; CPUs share the cores."""
    if options.device == "cpu":
        import torch

        torch.set_num_threads(max(usable_cores() // shares, 1))
    return _build_own_engine(model, options, lambda message: None)  # the process that began it has warned already


def _build_server_engine(model: str, options: EngineOptions, warn: Callable[[str], None]) -> TextEngine:
    from midb.agent.engines.server.openai import OpenAIEngine
    from midb.agent.engines.server.server_address import parse_spec

    name, url = parse_spec(model)
    asked = {"concurrency": options.concurrency, "timeout": options.timeout}
    given: dict[str, Any] = {setting: value for setting, value in asked.items() if value}
    given["adapters"] = [adapter.name for adapter in options.adapters]
    return OpenAIEngine(name, url, key_variable=options.key_variable, warn=warn, **given)


def _check_own_engine(model: str) -> None:
    """Raise UsageError for what is no checkpoint, and where what is needed to run one is not installed."""
    if "/" not in model and not Path(model).exists():
        server = f"--model openai:{model}@https://HOST/v1"
        missing_folder = f"there is no folder {model}, and it is no OWNER/NAME of the hub."
        raise UsageError(missing_folder, hint=f"If a server serves it, name the server: {server}")
    needed = ("torch", "transformers", "safetensors", *(("gguf",) if Path(model).is_file() else ()))
    missing = [n for n in needed if importlib.util.find_spec(n) is None]
    if missing:
        raise UsageError(
            f"running a model here needs {', '.join(missing)}, which the base install leaves out.",
            hint="pip install '.[engine]' in the folder of midb-agent's source, or use a server: "
            "--model openai:NAME@URL",
        )


def _build_own_engine(model: str, options: EngineOptions, warn: Callable[[str], None]) -> TextEngine:
    from midb.agent.engines import checkpoint
    from midb.agent.engines.adapters import check_base
    from midb.agent.engines.threaded import ThreadedEngine
    from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
    from midb.kernels import EngineError, ModelConfig

    base = checkpoint.find(model, checkpoint.MODEL_FILES)
    checkpoint.check_files(base.folder)
    for adapter in options.adapters:
        check_base(adapter, base, warn)
    try:
        model_config = ModelConfig.from_checkpoint(base.folder)
        config = _make_config(base, model_config, options)
    except EngineError as error:
        raise UsageError(str(error.args[0]), hint=error.hint) from error
    tokenizer = ChatTokenizer(*_find_tokenizer(base))
    dtype = _name_dtype(model_config, config)
    unguided = importlib.util.find_spec("llguidance") is None
    details = ", ".join((dtype, *(["without llguidance"] if unguided else [])))
    return ThreadedEngine(
        lambda: KernelEngine(config),
        tokenizer,
        described=f"{base.name} on {config.device} ({details})",
        concurrency=config.max_num_seqs,
        fingerprint=lambda: _make_fingerprint(base, dtype, config.max_model_len, guided=tokenizer.guides),
        adapters={adapter.name: (adapter.label, f"sha256:{adapter.sha256}") for adapter in options.adapters},
    )


def open_tokenizer(base: CheckpointFolder) -> ChatTokenizer:
    """The tokenizer of a checkpoint, as its engine uses it; raises UsageError."""
    from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
    from midb.kernels import EngineError

    try:
        return ChatTokenizer(*_find_tokenizer(base))
    except EngineError as error:  # of a GGUF file's header
        raise UsageError(str(error.args[0]), hint=error.hint) from error


def _find_tokenizer(base: CheckpointFolder) -> tuple[Path, str, Mapping[str, Any] | None]:
    """Where a checkpoint's tokenizer is: in its folder; of a GGUF file beside it, if there is one, or in it."""
    from midb.agent.engines.tokenizing.tokenizer import VOCABULARIES
    from midb.kernels.gguf.header import read_header

    if not base.folder.is_file():
        return base.folder, base.name, None
    if any((base.folder.parent / name).is_file() for name in VOCABULARIES):
        return base.folder.parent, base.name, None
    return base.folder, base.name, read_header(base.folder).metadata


def _make_config(base: CheckpointFolder, model_config: ModelConfig, options: EngineOptions) -> EngineConfig:
    from midb.kernels import EngineConfig

    device = options.device
    if device == "auto":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and options.dtype == "fp8":
        raise UsageError("a CPU computes fp8 slower than anything else.", hint="--dtype bfloat16, or a GPU.")
    adapters: dict[str, str | Path] = {one.name: one.folder for one in options.adapters if one.folder is not None}
    kind = device.partition(":")[0]
    return EngineConfig(
        checkpoint=base.folder,
        device=device,
        dtype=options.dtype,
        adapters=adapters,
        max_model_len=_choose_length(options, model_config),
        max_num_seqs=options.concurrency or _MAX_NUM_SEQS.get(kind, _MAX_NUM_SEQS["cpu"]),
    )


def _choose_length(options: EngineOptions, model_config: ModelConfig) -> int:
    """Longest prompt and reply together. A model that computes all of its texts in another way once longer ones are
    taken (LongRoPE) takes them only where that was asked for."""
    usual = min(_MAX_MODEL_LEN, model_config.trained_positions)
    return min(options.max_length or usual, model_config.max_positions)


def _name_dtype(model_config: ModelConfig, config: EngineConfig) -> str:
    """Name what the engine computes in; it takes bfloat16 for float16."""
    name = model_config.dtype if config.dtype == "auto" else config.dtype
    return "bfloat16" if name == "float16" else name


def _make_fingerprint(base: CheckpointFolder, dtype: str, max_length: int, *, guided: bool) -> str:
    """Name all that replies depend on: the files, what they are computed in, where a reply is cut, and whether it is
    kept to a schema."""
    from midb.agent.engines import checkpoint

    parts = ["own", base.name, f"sha256:{checkpoint.hash_files(base.folder)}"]
    if guided:
        parts.append("guided")
    return " ".join([*parts, dtype, f"length {max_length}", f"midb {__version__}"])


class KernelEngine:
    """``midb.kernels.Engine`` as a TokenEngine; made on the thread that steps it.

    It translates requests and errors, so that neither package knows the other.

    :raises EngineError: for a checkpoint that cannot be loaded, or a device that cannot hold it.
    """

    def __init__(self, config: EngineConfig) -> None:
        from midb.kernels import Engine

        self._engine = Engine(config)

    @property
    def max_model_len(self) -> int:
        """Most tokens of a prompt and its output together."""
        return self._engine.runner.max_model_len

    @property
    def busy(self) -> bool:
        """Requests are waiting or running."""
        return self._engine.busy

    @property
    def tokens_under_way(self) -> int:
        """New tokens, so far, of the requests that are running."""
        return sum(sequence.num_output_tokens for sequence in self._engine.scheduler.running)

    def add(self, request: TokenRequest) -> int:
        """Take a request; raises RequestRefused."""
        from midb.agent.engines.tokens import RequestRefused
        from midb.kernels import Request, RequestError

        try:
            return self._engine.add(
                Request(
                    request.prompt_ids,
                    request.reference_ids,
                    max_new_tokens=request.max_new_tokens,
                    temperature=request.temperature,
                    seed=request.seed,
                    stop_ids=request.stop_ids,
                    find_end=request.find_end,
                    constraint=request.constraint,
                    stop_loops=True,
                    adapter=request.adapter,
                )
            )
        except RequestError as error:
            too_long = len(request.prompt_ids) + request.max_new_tokens > self.max_model_len
            code = "context-exceeded" if too_long else "refused"
            raise RequestRefused(str(error.args[0]), code=code, hint=error.hint) from error

    def step(self) -> bool:
        """Compute one forward."""
        return self._engine.step()

    def take_results(self) -> Iterable[Result]:
        """Take the results of requests that finished since the last call."""
        return self._engine.take_results()

    def cancel(self, index: int) -> bool:
        """Stop a request."""
        return self._engine.cancel(index)

    def pin(self, prefix_ids: list[int], adapter: str | None = None) -> None:
        """Keep the KV of a common beginning, if there is room for it. The steps to come compute it: nobody waits."""
        from midb.kernels import EngineError

        with suppress(EngineError):  # if there is too little room, it is cached like any other text
            self._engine.pin(prefix_ids, adapter, wait=False)

    def survives(self, error: Exception) -> bool:
        """Whether the engine can go on: not after an error of the device, nor once memory has run out."""
        import torch

        out_of_memory = isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
        return not (out_of_memory or isinstance(error, torch.AcceleratorError) or "CUDA error" in str(error))
