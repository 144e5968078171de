"""Fixtures of the tests of the command line."""

from __future__ import annotations

import pytest
import scripted
from model_runs import Reply, Serve
from replay_server import ReplayServer, ReplayServers


@pytest.fixture
def served(replay_server: ReplayServers) -> Serve:
    def serve(answer: Reply, *, model: str = "replay", models: list[dict[str, str]] | None = None) -> ReplayServer:
        return replay_server(
            lambda messages, body: answer(scripted.request_of(messages, body)), model=model, models=models
        )

    return serve
