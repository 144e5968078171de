"""The engine's errors: each is one clear sentence, most with a hint."""

from __future__ import annotations


class EngineError(Exception):
    """The engine cannot do what was asked; ``hint`` says what would help."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.hint}" if self.hint else message


class CheckpointError(EngineError):
    """A checkpoint or adapter that cannot be loaded, or whose parts contradict one another."""


class RequestError(EngineError):
    """A request that this engine can never serve."""
