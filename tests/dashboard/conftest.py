"""A clock that the tests turn, and a terminal of a known size."""

from __future__ import annotations

import pytest
from run_events import Clock


@pytest.fixture
def clock() -> Clock:
    """Time passes when a test adds to ``now``."""
    return Clock()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 by 24 cells, whatever the tests themselves run in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "80"), ("LINES", "24")):
        monkeypatch.setenv(name, value)
