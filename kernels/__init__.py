"""The rewriting engine: batched decoding of decoder-only models. Token ids in, token ids out.

Importing this package loads no torch; the first use of ``Engine`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from midb.kernels.config import EngineConfig, ModelConfig
from midb.kernels.errors import CheckpointError, EngineError, RequestError
from midb.kernels.request import Request, Result, SamplingParams, SequenceFinishReason

if TYPE_CHECKING:
    from midb.kernels.engine.engine import Engine

__all__ = [
    "CheckpointError",
    "Engine",
    "EngineConfig",
    "EngineError",
    "ModelConfig",
    "Request",
    "RequestError",
    "Result",
    "SamplingParams",
    "SequenceFinishReason",
]


def __getattr__(name: str) -> object:
    if name == "Engine":
        from midb.kernels.engine.engine import Engine

        return Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
