"""Which listener one gets, and what each of them tells from the plan to the end."""

from __future__ import annotations

import io
import json
import re
import shlex
from typing import Any

import pytest
from rich.console import Console

from midb.dashboard import JsonEvents, LiveDashboard, PlainLines, Quiet, listener
from midb.dashboard.console import terminal
from midb.dashboard.live import LIVE_AFTER
from midb.dashboard.plain import EVERY_SECONDS, TOLD_IN_FULL
from midb.domain.decisions import Outcome
from midb.domain.events import Event, LineRejected, Warned

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


def told(console: Console, clock: Any, *events: Event, by: type[PlainLines] = PlainLines) -> str:
    """What a listener prints."""
    with by(console, clock=clock) as lines:
        for event in events:
            lines.handle(event)
    return console.file._stream.getvalue()  # type: ignore[attr-defined,no-any-return]


def in_file(clock: Any, *events: Event) -> str:
    return told(terminal(io.StringIO()), clock, *events)


def end_of(text: str) -> str:
    """The last screen without the blanks that align it."""
    return "\n".join(re.sub(" +", " ", line).strip() for line in text.splitlines())


# Which listener.


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
    monkeypatch: pytest.MonkeyPatch, story: Any, screen: bool, environment: Any, options: Any, expected: type
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stderr = story.Screen() if screen else io.StringIO()
    chosen = listener(**{"quiet": False, "json": False} | options, stderr=stderr, stdout=io.StringIO())
    assert type(chosen) is expected


# Plain lines.


def test_a_log_file_gets_the_plan_a_line_now_and_then_and_the_end(clock: Any, story: Any) -> None:
    events: list[Event] = [story.plan(layout="Alpaca " * 20)]
    stream = io.StringIO()
    lines = PlainLines(terminal(stream), clock=clock)
    lines.handle(events[0])
    assert (
        f"corpus     corpora/translated.jsonl   1,000 records, JSON Lines, {'Alpaca ' * 20}".strip()
        in stream.getvalue()
    )
    for _ in range(5):
        clock.now += EVERY_SECONDS * 0.4
        lines.handle(story.batch())
    progress = [line for line in stream.getvalue().splitlines() if "pairs/s" in line]
    assert progress == [
        "480 / 1,000   48.0 %   40 pairs/s   ETA 0:00:13   unchanged 384   improved 93   reverted 3   rejected 0   "
        "open findings 63"
    ]
    lines.handle(story.end())
    assert "800 / 1,000" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_only_the_first_rejected_lines_are_told_in_full(clock: Any, story: Any) -> None:
    lines = [LineRejected(line=n, reason="invalid-json", message="not valid JSON") for n in range(1, 26)]
    warnings = [Warned(message=f"fallback {n}") for n in range(25)]
    done = story.batch(rejected=25)
    text = in_file(clock, story.plan(), *lines, *warnings, done, story.end(done))
    assert "rejected: corpora/translated.jsonl, line 10: not valid JSON\n" in text
    assert text.count("not valid JSON") == text.count("warning: fallback") == TOLD_IN_FULL
    assert "more rejected lines: from here on they are only counted\n" in text
    assert "rejected lines: invalid-json 25\n" in text
    assert "25 warnings; the audit log holds them all\n" in text


# The last screen.


@pytest.mark.parametrize("width", [80, 160])
def test_the_end_accounts_for_every_record_and_says_where_everything_is(
    monkeypatch: pytest.MonkeyPatch, clock: Any, story: Any, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    done = story.batch(rejected=3)
    text = end_of(in_file(clock, story.plan(), done, story.end(done)))
    assert "language read unchanged improved reverted rejected" in text
    assert "\nde 10 8 2 0" in text
    assert "\nja 10 8 1 1" in text
    assert "\nunreadable 3 3" in text
    assert "\ntotal 163 128 31 1 3" in text
    assert "translated-code 31 –" in text
    assert "untranslated-text – 17" in text
    assert "ledger balances: 163 read = 128 unchanged + 31 improved + 1 reverted + 3 rejected\n" in text
    assert "21 findings left open, for a model or a person" in text
    assert "finished in 0:02:05\n" in text
    assert "\noutput out.jsonl\naudit log out.jsonl.audit.db\nrejected out.jsonl.rejected.jsonl 3 lines\n" in text
    assert text.endswith(
        "next midb-agent audit summary --db out.jsonl.audit.db\nmidb-agent audit show de-0029 --db out.jsonl.audit.db"
    )


@pytest.mark.parametrize(
    ("changes", "loud"),
    [
        ({"read": 162}, "162 read, but 128 unchanged + 31 improved + 1 reverted + 0 rejected = 160 (2 missing)"),
        ({"read": 159}, "159 read, but 128 unchanged + 31 improved + 1 reverted + 0 rejected = 160 (1 too many)"),
        ({"balanced": False}, "160 read and accounted for, but the output does not agree with the audit log"),
    ],
)
def test_a_ledger_that_is_off_is_loud(clock: Any, story: Any, changes: Any, loud: str) -> None:
    text = in_file(clock, story.plan(), story.batch(), story.end(**changes))
    assert f"THE LEDGER DOES NOT BALANCE: {loud}. Do not use this output.\n" in text
    assert "ledger balances" not in text


def test_an_interrupted_run_says_how_to_go_on_in_one_line_that_can_be_copied(clock: Any, story: Any) -> None:
    command = f"midb-agent run {'folder/' * 30}corpus.jsonl"
    ended = story.end(status="interrupted", output="out.jsonl.partial", resume_command=command)
    stream = story.Screen()
    text = told(terminal(stream), clock, story.plan(resumed_at=12_000), ended)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "resuming at record 12,000" in plain
    assert "interrupted after 0:02:05" in plain
    assert "out.jsonl.partial   (not finished)" in plain
    assert f"next       {command}\n" in plain
    finished = in_file(clock, story.plan(), story.end(resume_command=command))
    assert command not in finished


def test_errors_of_our_own_are_not_hidden(clock: Any, story: Any) -> None:
    text = in_file(clock, story.plan(), story.batch(), story.end(internal_errors=2))
    assert "2 records hit an internal error and were kept unchanged" in text
    assert "FAILED after 0:02:05" in in_file(clock, story.end(status="failed"))


def test_paths_and_keys_come_as_one_can_type_them(clock: Any, story: Any) -> None:
    done = story.batch(edits=(story.edit(1, record="de-1"), story.edit(2, record="--db; rm -rf ~")))
    text = in_file(clock, story.plan(), done, story.end(done, database="my runs/día 1.db"))
    command = text.splitlines()[-1].strip()
    assert shlex.split(command) == ["midb-agent", "audit", "show", "de-1", "--db", "my runs/día 1.db"]


# The live dashboard.


def test_a_short_run_never_takes_the_screen(clock: Any, story: Any) -> None:
    text = told(terminal(story.Screen()), clock, story.plan(), story.batch(), story.end(), by=LiveDashboard)
    assert ENTER not in text
    assert "ledger balances" in text


@pytest.mark.parametrize("ending", ["end", "error"])
def test_the_screen_is_given_back_and_what_must_stay_is_printed_after_it(clock: Any, story: Any, ending: str) -> None:
    stream = story.Screen()
    try:
        with LiveDashboard(terminal(stream), clock=clock) as live:
            live.handle(story.plan())
            clock.now += LIVE_AFTER
            live.handle(story.batch())
            live.handle(LineRejected(line=7, reason="not-utf8", message="not UTF-8"))
            if ending == "error":
                raise RuntimeError("the run broke")
            live.handle(story.end())
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


def test_colours_carry_meaning_and_are_not_needed(monkeypatch: pytest.MonkeyPatch, clock: Any, story: Any) -> None:
    def page() -> str:
        stream = story.Screen()
        return told(terminal(stream), clock, story.plan(), story.batch(), story.end())

    coloured = page()
    assert re.search(r"\x1b\[32m *2\x1b\[0m", coloured), "improved is green"
    assert re.search(r"\x1b\[31m *1\x1b\[0m", coloured), "reverted is red"
    assert re.search(r"\x1b\[33m *17\x1b\[0m", coloured), "open is yellow"
    monkeypatch.setenv("NO_COLOR", "1")
    plain = page()
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", plain)
    assert re.sub(r"\x1b\[[0-9;]*m", "", plain) == re.sub(r"\x1b\[[0-9;]*m", "", coloured)


# Quiet, and JSON.


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"balanced": False}, r"THE LEDGER DOES NOT BALANCE: .*\n"),
        ({"rejected": 2, "read": 162}, r"ledger balances: 162 read = .* \+ 2 rejected\nrejected   out.*\n"),
        ({"internal_errors": 1}, r"1 record hit an internal error and was kept unchanged.*\n"),
        (
            {"status": "interrupted", "resume_command": "midb-agent run x"},
            r"interrupted.*\nnext       midb-agent run x\n",
        ),
    ],
)
def test_quiet_speaks_only_when_it_must(story: Any, changes: Any, expected: str) -> None:
    stream = io.StringIO()
    with Quiet(terminal(stream)) as quiet:
        for event in (story.plan(), Warned(message="w"), story.batch(), story.end(**changes)):
            quiet.handle(event)
    assert re.fullmatch(expected, stream.getvalue())


USAGE_NAMES = (
    "calls reused prompt_tokens completion_tokens cached_tokens drafted accepted steps retries attempts_failed "
    "calls_failed"
)

#: Fixed: scripts rely on them.
JSON_NAMES = {
    "plan": "corpus total format layout language passes engine output database rejected_path workers resumed_at "
    "model budget",
    "batch": "records pairs unchanged improved reverted rejected languages passes repaired open edits",
    "usage": f"{USAGE_NAMES} passes in_flight ahead seconds budget_left",
    "rejected": "line reason message",
    "warning": "message",
    "end": "status read unchanged improved reverted rejected balanced languages repaired open output database "
    "rejected_path internal_errors seconds resume_command usage",
}


def test_json_events_have_the_names_they_promise(story: Any) -> None:
    stream = io.StringIO()
    sent = [
        story.plan(), LineRejected(line=2, reason="r", message="m"), Warned(message="w"), story.batch(rejected=1),
        story.used(), story.end(usage=story.USAGE),
    ]  # fmt: skip
    with JsonEvents(stream) as events:
        for event in sent:
            events.handle(event)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["plan", "rejected", "warning", "batch", "usage", "end"]
    for line in lines:
        assert set(line) == set(JSON_NAMES[line["event"]].split()) | {"event"}
    assert lines[3]["improved"] == 31
    assert lines[3]["languages"]["ja"] == {"unchanged": 8, "improved": 1, "reverted": 1}
    assert lines[3]["passes"]["translation"] == {"skipped": 8, "applied": 31, "rejected": 1}
    assert lines[3]["edits"][1]["record"] == "de-0001"
    assert set(lines[4]["passes"]["translation"]) == set(lines[5]["usage"]) == set(USAGE_NAMES.split())
    assert lines[4]["completion_tokens"] == lines[4]["passes"]["translation"]["completion_tokens"] == 388_000
    assert lines[5]["languages"]["it"][Outcome.IMPROVED] == 2


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, text: str, /) -> int:
        raise BrokenPipeError


def test_a_run_outlives_its_display_but_not_its_data(clock: Any, story: Any) -> None:
    with PlainLines(terminal(Gone()), clock=clock) as lines:
        lines.handle(story.plan())
        lines.handle(story.end())
    with pytest.raises(BrokenPipeError):
        JsonEvents(Gone()).handle(story.end())
