"""Which listener one gets."""

from __future__ import annotations

import io
from typing import Any

import pytest
from run_events import Screen

from midb.dashboard import JsonEvents, LiveDashboard, PlainLines, Quiet, choose_listener


@pytest.mark.parametrize(
    ("screen", "environment", "options", "expected"),
    [
        (True, {}, {}, LiveDashboard),
        (False, {}, {}, PlainLines),
        (False, {"FORCE_COLOR": "1"}, {}, PlainLines),
        (True, {"TERM": "dumb"}, {}, PlainLines),
        (True, {"TTY_INTERACTIVE": "0"}, {}, PlainLines),
        (True, {}, {"quiet": True}, Quiet),
        (True, {}, {"json": True}, JsonEvents),
    ],
)
def test_the_listener_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, screen: bool, environment: dict[str, str], options: dict[str, Any], expected: type
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stderr = Screen() if screen else io.StringIO()
    chosen = choose_listener(**{"quiet": False, "json": False} | options, stderr=stderr, stdout=io.StringIO())
    assert type(chosen) is expected
