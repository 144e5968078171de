"""The live dashboard: it takes the screen late, gives it back always, and needs no colours."""

from __future__ import annotations

import re

import pytest
from run_events import Clock, Screen, batch, end, plan, show

from midb.dashboard.console import open_terminal
from midb.dashboard.live import LIVE_AFTER, LiveDashboard
from midb.domain.events import LineRejected, Warned

#: Takes the terminal's alternate screen.
ENTER = "\x1b[?1049h"

#: Gives it back.
LEAVE = "\x1b[?1049l"


def test_a_short_run_never_takes_the_screen(clock: Clock) -> None:
    stream = Screen()
    show(open_terminal(stream), clock, plan(), batch(), end(), by=LiveDashboard)
    assert ENTER not in stream.getvalue()
    assert "ledger balances" in stream.getvalue()


@pytest.mark.parametrize("ending", ["end", "error"])
def test_the_screen_is_given_back_and_what_must_stay_is_printed_after_it(clock: Clock, ending: str) -> None:
    stream = Screen()
    try:
        with LiveDashboard(open_terminal(stream), clock=clock) as live:
            live.handle(plan())
            clock.now += LIVE_AFTER
            live.handle(batch())
            live.handle(LineRejected(line=7, reason="not-utf8", message="not UTF-8"))
            if ending == "error":
                raise RuntimeError("the run broke")
            live.handle(end())
            assert LEAVE in stream.getvalue(), "the end does not wait for whoever holds the listener"
    except RuntimeError:
        assert ending == "error"
    before, _, rest = stream.getvalue().partition(ENTER)
    during, _, after = rest.partition(LEAVE)
    assert "corpora/translated.jsonl" in before
    assert "latest edits" in during
    assert "\n" * 24 not in during
    assert "line 7: not UTF-8" in after
    assert ("ledger balances" in after) is (ending == "end")
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l"), "the cursor is back"
    assert stream.getvalue().rindex("\x1b[?7h") > stream.getvalue().rindex("\x1b[?7l"), "lines wrap again"


def test_colours_carry_meaning_and_are_not_needed(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    def page() -> str:
        stream = Screen()
        show(open_terminal(stream), clock, plan(), batch(), end())
        return stream.getvalue()

    coloured = page()
    assert re.search(r"\x1b\[32m *2\x1b\[0m", coloured), "improved is green"
    assert re.search(r"\x1b\[31m *1\x1b\[0m", coloured), "reverted is red"
    assert re.search(r"\x1b\[33m *17\x1b\[0m", coloured), "open is yellow"
    monkeypatch.setenv("NO_COLOR", "1")
    plain = page()
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", plain)
    assert re.sub(r"\x1b\[[0-9;]*m", "", plain) == re.sub(r"\x1b\[[0-9;]*m", "", coloured)


def test_the_terminal_wraps_no_lines_while_the_screen_is_up(clock: Clock) -> None:
    stream = Screen()
    with LiveDashboard(open_terminal(stream), clock=clock, ticking=False) as live:
        live.handle(plan())
        assert "\x1b[?7l" not in stream.getvalue()
        clock.now += LIVE_AFTER
        live.handle(batch())
        assert stream.getvalue().count("\x1b[?7l") == 1
        assert "\x1b[?7h" not in stream.getvalue()
    assert stream.getvalue().count("\x1b[?7h") == 1


def test_without_ticking_it_is_drawn_at_each_batch_and_only_then(clock: Clock) -> None:
    stream = Screen()
    with LiveDashboard(open_terminal(stream), clock=clock, ticking=False) as live:
        live.handle(plan())
        clock.now += LIVE_AFTER
        live.handle(batch(records=160))
        first = stream.getvalue()
        assert "160 / 1,000" in first
        live.handle(LineRejected(line=7, reason="r", message="m"))
        assert stream.getvalue() == first
        live.handle(batch(records=160))
        assert "320 / 1,000" in stream.getvalue()[len(first) :]


def test_leaving_twice_gives_the_screen_back_once(clock: Clock) -> None:
    stream = Screen()
    with LiveDashboard(open_terminal(stream), clock=clock, ticking=False) as live:
        live.handle(plan())
        clock.now += LIVE_AFTER
        live.handle(batch())
        live.handle(end())
        live.handle(Warned(message="late"))
    assert stream.getvalue().count(LEAVE) == 1
    assert "warning: late" in stream.getvalue().partition(LEAVE)[2]
