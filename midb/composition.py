"""Makes the engine that `--model` names. The only module that joins agent and kernels; importing it loads neither."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midb import __version__
from midb.domain.errors import UsageError

if TYPE_CHECKING:
    from midb.agent.engines.checkpoint import Checkpoint
    from midb.agent.engines.protocol import TextEngine
    from midb.agent.engines.tokens import TokenRequest
    from midb.agent.run.session import RunEngine
    from midb.kernels import EngineConfig, ModelConfig, Result
    from midb.runs.config import RunConfig

#: Sequences decoded together, by kind of device.
_SEQUENCES = {"cuda": 256, "cpu": 16}

#: Tokens of prompt and reply together, where nothing else is asked for. A pair with its prompt takes about a thousand;
#: a model that takes 131,072 would have KV for one sequence of that length set aside, even on a CPU.
_MAX_LENGTH = 16_384

#: What the adapter of a run is called within the engine.
_ADAPTER = "adapter"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How a model is run. A server ignores device, dtype, adapter and max_length.

    :param device: auto, cpu or cuda (also cuda:1); auto takes a GPU if torch finds one.
    :param dtype: auto (the checkpoint's own), float32 or bfloat16.
    :param concurrency: requests in flight; 0 is the engine's own default.
    :param timeout: seconds that a server may take for a reply; 0 is the engine's own default.
    :param key_variable: environment variable that holds a server's key.
    :param adapter: folder or hub name of a LoRA adapter in peft's layout.
    :param max_length: tokens of prompt and reply together; 0 is the model's own limit, 16,384 at most.
    """

    device: str = "auto"
    dtype: str = "auto"
    concurrency: int = 0
    timeout: float = 0.0
    key_variable: str = "OPENAI_API_KEY"
    adapter: str | None = None
    max_length: int = 0


@contextmanager
def engine_of(config: RunConfig, warn: Callable[[str], None]) -> Iterator[RunEngine | None]:
    """The engine of a run's ``model``, not yet started, with an event loop for it; ``None`` for the embedded default.

    At the end it is closed, started or not. Raises what ``build_engine`` raises.
    """
    if config.model is None:
        yield None
        return
    from midb.agent.run.session import RunEngine

    options = EngineOptions(
        device=config.device,
        dtype=config.dtype,
        concurrency=config.concurrency or 0,
        timeout=config.timeout or 0.0,
        key_variable=config.key_variable,
        adapter=config.adapter,
    )
    engine = build_engine(config.model, options=options, warn=warn)
    with asyncio.Runner() as loop:
        try:
            yield RunEngine(engine, loop, warn)
        finally:
            loop.run(engine.close())


def build_engine(
    model: str,
    *,
    options: EngineOptions | None = None,
    warn: Callable[[str], None] = lambda message: None,
) -> TextEngine:
    """The engine of a MODEL: ``openai:NAME@URL``, a checkpoint's folder, or its name on the hub.

    Files are found and checked here; weights are loaded by ``start()``, whose EngineDown says what is wrong with them.

    :param warn: is told what the user should know, such as a server's refusal of an option.
    :raises UsageError: one sentence for whatever cannot work.
    """
    options = options or EngineOptions()
    if model.startswith("openai:"):
        return _server(model, options, warn)
    return _own(model, options)


def _server(model: str, options: EngineOptions, warn: Callable[[str], None]) -> TextEngine:
    from midb.agent.engines.openai import OpenAIEngine, parse_spec

    name, url = parse_spec(model)
    asked = {"concurrency": options.concurrency, "timeout": options.timeout}
    given: dict[str, Any] = {setting: value for setting, value in asked.items() if value}
    return OpenAIEngine(name, url, key_variable=options.key_variable, warn=warn, **given)


def _own(model: str, options: EngineOptions) -> TextEngine:
    missing = [n for n in ("torch", "transformers", "safetensors") if importlib.util.find_spec(n) is None]
    if missing:
        raise UsageError(
            f"running a model here needs {', '.join(missing)}, which the base install leaves out.",
            hint="pip install 'midb-agent[engine]', or use a server: --model openai:NAME@URL",
        )
    from midb.agent.engines import checkpoint
    from midb.agent.engines.threaded import ThreadedEngine
    from midb.agent.engines.tokenizer import ChatTokenizer
    from midb.kernels import EngineError, ModelConfig

    base = checkpoint.find(model, checkpoint.MODEL_FILES)
    adapter = checkpoint.find(options.adapter, checkpoint.ADAPTER_FILES) if options.adapter else None
    try:
        shape = ModelConfig.from_checkpoint(base.folder)
        config = _settings(base, adapter, shape, options)
    except EngineError as error:
        raise UsageError(str(error.args[0]), hint=error.hint) from error
    tokenizer = ChatTokenizer(base.folder, base.name)
    dtype = _dtype(shape, config)
    kind = ", ".join((dtype, *(["adapter " + adapter.name] if adapter else [])))
    return ThreadedEngine(
        lambda: KernelEngine(config),
        tokenizer,
        described=f"{base.name} on {config.device} ({kind})",
        concurrency=config.max_sequences,
        fingerprint=lambda: _fingerprint(base, adapter, dtype, config.max_model_len),
    )


def _settings(base: Checkpoint, adapter: Checkpoint | None, shape: ModelConfig, options: EngineOptions) -> EngineConfig:
    from midb.kernels import EngineConfig

    device = options.device
    if device == "auto":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    adapters: dict[str, str | Path] = {_ADAPTER: adapter.folder} if adapter else {}
    return EngineConfig(
        checkpoint=base.folder,
        device=device,
        dtype=options.dtype,
        adapters=adapters,
        max_model_len=min(options.max_length or _MAX_LENGTH, shape.max_positions),
        max_sequences=options.concurrency or _SEQUENCES.get(device.partition(":")[0], _SEQUENCES["cpu"]),
    )


def _dtype(shape: ModelConfig, config: EngineConfig) -> str:
    """What the engine computes in: bfloat16 stands in for float16."""
    name = shape.dtype if config.dtype == "auto" else config.dtype
    return "bfloat16" if name == "float16" else name


def _fingerprint(base: Checkpoint, adapter: Checkpoint | None, dtype: str, max_length: int) -> str:
    from midb.agent.engines import checkpoint

    parts = ["own", base.name, f"sha256:{checkpoint.digest(base.folder)}"]
    if adapter:
        parts += ["adapter", adapter.name, f"sha256:{checkpoint.digest(adapter.folder)}"]
    return " ".join([*parts, dtype, f"length {max_length}", f"midb {__version__}"])


class KernelEngine:
    """``midb.kernels.Engine`` as a TokenEngine; made on the thread that steps it.

    :raises EngineError: for a checkpoint that cannot be loaded, or a device that cannot hold it.
    """

    def __init__(self, config: EngineConfig) -> None:
        from midb.kernels import Engine

        self._engine = Engine(config)
        self._adapter = _ADAPTER if config.adapters else None

    @property
    def max_length(self) -> int:
        """Tokens of a prompt and its output together."""
        return self._engine.runner.max_model_len

    @property
    def busy(self) -> bool:
        """Requests are waiting or running."""
        return self._engine.busy

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
                    adapter=self._adapter,
                )
            )
        except RequestError as error:
            long = len(request.prompt_ids) + request.max_new_tokens > self.max_length
            code = "context-exceeded" if long else "refused"
            raise RequestRefused(str(error.args[0]), code=code, hint=error.hint) from error

    def step(self) -> bool:
        """One forward."""
        return self._engine.step()

    def results(self) -> Iterable[Result]:
        """What finished since the last call."""
        return self._engine.results()

    def cancel(self, index: int) -> bool:
        """Stop a request."""
        return self._engine.cancel(index)

    def pin(self, prefix_ids: list[int]) -> None:
        """Keep the KV of a common beginning, if there is room for it."""
        from midb.kernels import EngineError

        with suppress(EngineError):  # too little room: it is cached like any other text
            self._engine.pin(prefix_ids, self._adapter)

    def survives(self, error: Exception) -> bool:
        """Errors of the device leave it in no state to go on, and memory that is short stays short."""
        import torch

        short = isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
        return not (short or isinstance(error, torch.AcceleratorError) or "CUDA error" in str(error))
