"""Looks at the files of a model and its adapters without loading them: could a run use them?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from midb.composition import open_engine
from midb.domain.errors import UsageError
from midb.runs.config import RunConfig


def check_model(config: RunConfig, warn: Callable[[str], None]) -> str:
    """Look at the files of a run's model and its adapters, and load none; returns what people call them.

    A server is not asked. Raises UsageError where a run could not use them.
    """
    from midb.agent.model.pass_adapters import choose_prompts, describe_adapters
    from midb.kernels import EngineError
    from midb.prompts import parse_prompts

    with open_engine(config, warn) as engine:
        assert engine is not None
        try:
            for adapter in {found.name: found for found in engine.adapters.values()}.values():
                if adapter.folder is not None:
                    _check_adapter(adapter.folder, config.model or "")
        except EngineError as error:
            raise UsageError(str(error.args[0]), hint=error.hint) from error
        prompts = parse_prompts(str(config.prompts) if config.prompts else None)[1]
        adapters = describe_adapters(choose_prompts(engine.adapters, prompts, warn))
        return f"{engine.text.described}, {adapters}" if adapters else engine.text.described


def _check_adapter(folder: Path, model: str) -> None:
    """Read an adapter as the engine does, without keeping a number of it."""
    import torch

    from midb.agent.engines import checkpoint
    from midb.kernels import ModelConfig
    from midb.kernels.models.lora import read_adapter

    base = checkpoint.find(model, checkpoint.MODEL_FILES).folder
    read_adapter(folder, ModelConfig.from_checkpoint(base), torch.device("meta"), torch.float32)
