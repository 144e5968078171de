"""The live dashboard: it takes the screen late, gives it back always, and needs no colours."""

from __future__ import annotations

import contextlib
import re
import threading

import pytest
from run_events import Clock, Screen, batch, end, plan, show

from midb.dashboard.console import open_terminal
from midb.dashboard.live import LIVE_AFTER, LiveDashboard
from midb.domain.events import LineRejected, Waiting, Warned

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
def test_what_is_waited_for_stands_in_a_line_from_the_first_moment_and_leaves_no_trace(
    clock: Clock, ending: str
) -> None:
    stream = Screen()
    expected = pytest.raises(RuntimeError) if ending == "error" else contextlib.nullcontext()
    with expected, LiveDashboard(open_terminal(stream), clock=clock, ticking=False) as live:
        live.handle(Waiting(what="loading"))
        assert re.search("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] loading", stream.getvalue())
        live.handle(Waiting(what="reading c.jsonl"))
        live.handle(plan())
        live.handle(Waiting(what="starting 2 workers"))
        assert stream.getvalue().count("corpora/translated.jsonl") == 1
        if ending == "error":
            raise RuntimeError("the run broke")
        live.handle(batch())
        assert "160 / 1,000 records" in stream.getvalue()
        clock.now += LIVE_AFTER
        live.handle(batch())
        assert stream.getvalue().count(ENTER) == 1
        live.handle(end())
    shown = read_screen(stream.getvalue().partition(ENTER)[0])
    assert "corpora/translated.jsonl" in shown
    assert not re.search("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]|loading|reading|starting", shown), "the line is wiped away"
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l"), "the cursor is back"


def test_the_line_moves_by_itself(clock: Clock) -> None:
    """A thread draws it; the main one may be busy with imports."""
    stream = Screen()
    drawn = threading.Event()
    moved = Moving(clock, drawn)
    with LiveDashboard(open_terminal(stream), clock=moved) as live:
        live.handle(Waiting(what="loading"))
        moved.counting = True
        assert drawn.wait(60), "it is drawn again and again while nothing is told"


class Moving:
    """A clock that is looked at by the drawing thread, which it tells of."""

    def __init__(self, clock: Clock, drawn: threading.Event) -> None:
        self.clock, self.drawn, self.counting, self.looks = clock, drawn, False, 0

    def __call__(self) -> float:
        if self.counting and threading.current_thread() is not threading.main_thread():
            self.looks += 1
            if self.looks >= 4:
                self.drawn.set()
        return self.clock()


def read_screen(written: str) -> str:
    """What a terminal shows in the end: lines, with what was wiped away gone."""
    lines, at = [""], 0
    for part in re.findall(r"\x1b\[(\d*)([A-Za-z])|(\r)|(\n)|(\x1b\[\?\w+)|([^\x1b\r\n]+)", written):
        count, letter, home, down, _, text = part
        if letter == "A":
            at = max(at - int(count or 1), 0)
        elif letter == "K":
            lines[at] = ""
        elif down:
            at += 1
            lines += [""] * (at + 1 - len(lines))
        elif text:
            lines[at] += text
        assert home in ("", "\r")
    return "\n".join(lines)


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
