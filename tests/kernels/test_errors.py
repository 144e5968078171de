"""Errors of the engine: a sentence and a hint, for whoever prints them."""

from __future__ import annotations

import pytest

from midb.kernels import CheckpointError, EngineError, RequestError


@pytest.mark.parametrize("kind", [EngineError, CheckpointError, RequestError])
def test_the_hint_is_printed_behind_the_sentence(kind: type[EngineError]) -> None:
    error = kind("It is cut short.", hint="Fetch it again.")
    assert isinstance(error, EngineError)
    assert str(error) == "It is cut short. Fetch it again."
    assert (error.args, error.hint) == (("It is cut short.",), "Fetch it again.")


def test_without_a_hint_it_is_the_sentence_alone() -> None:
    assert str(EngineError("It is cut short.")) == "It is cut short."
