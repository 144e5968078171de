"""A chat template gets its text rendered, and what no template needs it does not get."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from midb.agent.engines.tokenizing import template_bounds
from midb.agent.engines.tokenizing.template_bounds import LONGEST, TemplateOutOfBoundsError, render_bounded, try_out

resource = pytest.importorskip("resource")

bounded_memory = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system does not tell how much memory a process has"
)


def spin() -> str:
    while True:
        pass


def test_what_is_in_bounds_is_rendered() -> None:
    assert render_bounded(lambda: "a chat") == try_out(lambda: "a chat") == "a chat"
    assert len(render_bounded(lambda: "x" * LONGEST)) == LONGEST


def test_a_text_may_not_be_longer_than_any_model_reads() -> None:
    with pytest.raises(TemplateOutOfBoundsError, match="more than 32 MiB"):
        render_bounded(lambda: "x" * (LONGEST + 1))


@bounded_memory
def test_memory_is_bounded_while_it_renders_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    monkeypatch.setattr(template_bounds, "MEMORY", 64 << 20)
    with pytest.raises(TemplateOutOfBoundsError, match="of memory"):
        render_bounded(lambda: "x" * (200 << 20))
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert len("x" * (200 << 20)) == 200 << 20
    with pytest.raises(KeyError):
        render_bounded(lambda: dict[str, str]()["error of its own"])
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_where_nobody_tells_what_a_process_has_nothing_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_bounds, "_measure_data", lambda: None)
    monkeypatch.setattr(template_bounds, "MEMORY", 0)
    assert render_bounded(lambda: "x" * 1000) == "x" * 1000


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no such timers")
def test_a_trial_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_bounds, "TRIAL_SECONDS", 0.02)
    with pytest.raises(TemplateOutOfBoundsError, match=r"more than 0\.02 s"):
        try_out(spin)
