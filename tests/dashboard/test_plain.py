"""Lines that never go back: the plan, a line now and then, the end; or next to nothing."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from run_events import Clock, batch, edit, end, plan, show_in_file, used

from midb.dashboard.console import open_terminal
from midb.dashboard.plain import EVERY_SECONDS, SHOWN_IN_FULL, PlainLines, Quiet
from midb.domain.events import Event, LineRejected, Waiting, Warned


def test_a_log_file_gets_the_plan_a_line_now_and_then_and_the_end(clock: Clock) -> None:
    events: list[Event] = [plan(layout="Alpaca " * 20)]
    stream = io.StringIO()
    lines = PlainLines(open_terminal(stream), clock=clock)
    lines.handle(events[0])
    assert (
        f"corpus     corpora/translated.jsonl   1,000 records, JSON Lines, {'Alpaca ' * 20}".strip()
        in stream.getvalue()
    )
    for _ in range(5):
        clock.now += EVERY_SECONDS * 0.4
        lines.handle(batch())
    progress = [line for line in stream.getvalue().splitlines() if "pairs/s" in line]
    assert progress == [
        "480 / 1,000 records   48.0 %   40 pairs/s   ETA 0:00:13   unchanged 384   improved 93   reverted 3   "
        "rejected 0   open findings 63"
    ]
    lines.handle(end())
    assert "800 / 1,000" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_log_file_is_told_of_what_may_take_minutes_and_of_no_other_wait(clock: Clock) -> None:
    stream = io.StringIO()
    lines = PlainLines(open_terminal(stream), clock=clock)
    lines.handle(Waiting(what="reading c.jsonl"))
    lines.handle(Waiting(what="starting large\x1b[2J on cuda", slow=True))
    assert stream.getvalue() == "starting large␛[2J on cuda\n"
    stream.seek(0)
    stream.truncate()
    Quiet(open_terminal(stream)).handle(Waiting(what="starting large on cuda", slow=True))
    assert not stream.getvalue()


def test_only_the_first_rejected_lines_are_told_in_full(clock: Clock) -> None:
    lines = [LineRejected(line=n, reason="invalid-json", message="not valid JSON") for n in range(1, 26)]
    warnings = [Warned(message=f"fallback {n}") for n in range(25)]
    done = batch(rejected=25)
    text = show_in_file(clock, plan(), *lines, *warnings, done, end(done, reasons={"invalid-json": 25}))
    assert "rejected: corpora/translated.jsonl, line 10: not valid JSON\n" in text
    assert text.count("not valid JSON") == text.count("warning: fallback") == SHOWN_IN_FULL
    assert "more rejected lines: from here on they are only counted\n" in text
    assert "rejected lines: invalid-json 25\n" in text
    assert "25 warnings; the audit log holds them all\n" in text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"balanced": False}, r"THE LEDGER DOES NOT BALANCE: .*\n"),
        ({"rejected": 2, "read": 162}, r"ledger balances: 162 read = .* \+ 2 rejected\nrejected   out.*\n"),
        ({"unexamined": 1}, r"1 record was not examined and stays as it is.*\n"),
        ({"too_slow": 2}, r"2 pairs took too long and were kept unchanged.*\n"),
        ({"no_usable_reply": 2}, r"2 pairs got no usable reply from the model and were kept unchanged.*\n"),
        ({"internal_errors": 1}, r"1 record hit an internal error and was kept unchanged.*\n"),
        (
            {"status": "interrupted", "resume_command": "midb-agent run x"},
            r"interrupted.*\nnext       midb-agent run x\n",
        ),
    ],
)
def test_quiet_speaks_only_when_it_must(changes: dict[str, Any], expected: str) -> None:
    stream = io.StringIO()
    with Quiet(open_terminal(stream)) as quiet:
        for event in (plan(), Warned(message="w"), batch(), end(**changes)):
            quiet.handle(event)
    assert re.fullmatch(expected, stream.getvalue())


def test_a_line_comes_when_it_is_due_and_not_before() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = PlainLines(open_terminal(stream), clock=clock, every=5.0)
    lines.handle(plan())
    for _ in range(9):
        clock.now += 1
        lines.handle(batch(records=16))
    assert stream.getvalue().count("pairs/s") == 1
    lines.handle(end())
    assert stream.getvalue().count("pairs/s") == 2, "what was not written yet comes with the end"
    written = stream.getvalue().splitlines()
    last = max(n for n, line in enumerate(written) if "pairs/s" in line)
    assert written[last].startswith("144 / 1,000")


def test_nothing_new_is_not_written_twice() -> None:
    clock = Clock()
    text = show_in_file(clock, plan(), end())
    assert "pairs/s" not in text
    assert "ledger balances" in text


def test_quiet_says_nothing_of_edits_and_warnings() -> None:
    stream = io.StringIO()
    with Quiet(open_terminal(stream)) as quiet:
        for event in (plan(), used(), Warned(message="slow"), batch(edits=(edit(),)), end()):
            quiet.handle(event)
    assert stream.getvalue() == ""
