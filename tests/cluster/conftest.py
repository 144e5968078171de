"""What the tests of runs on many machines share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small corpora have several batches, between which runs are stopped, lost and told of."""
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 32)
