"""The console that listeners print on: no markup, no colours of its own, patient with a stream that goes away."""

from __future__ import annotations

import io
import re

import pytest
from rich.text import Text
from run_events import Clock, Screen, end, plan

from midb.dashboard import JsonEvents, PlainLines
from midb.dashboard.console import Fact, Part, PatientStream, has_cursor, is_screen, open_terminal, print_parts


class Gone(io.StringIO):
    """A terminal that was closed."""

    asked = 0

    def write(self, text: str, /) -> int:
        self.asked += 1
        raise BrokenPipeError

    def flush(self) -> None:
        self.asked += 1


def test_a_run_outlives_its_display_but_not_its_data(clock: Clock) -> None:
    with PlainLines(open_terminal(Gone()), clock=clock) as lines:
        lines.handle(plan())
        lines.handle(end())
    with pytest.raises(BrokenPipeError):
        JsonEvents(Gone()).handle(end())


def test_nothing_is_read_into_what_is_printed() -> None:
    stream = io.StringIO()
    open_terminal(stream).print("[bold]x[/bold] :smile: 12", soft_wrap=True)
    assert stream.getvalue() == "[bold]x[/bold] :smile: 12\n"


@pytest.mark.parametrize(
    ("stream", "environment", "screen", "cursor"),
    [
        (Screen(), {}, True, True),
        (Screen(), {"TERM": "dumb"}, True, False),
        (io.StringIO(), {}, False, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, False, False),  # the log of a CI job has colours and no reader
    ],
)
def test_a_screen_is_one_that_a_person_looks_at(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, environment: dict[str, str], screen: bool, cursor: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    console = open_terminal(stream)
    assert (is_screen(console), has_cursor(console)) == (screen, cursor)


def printed(stream: io.StringIO, *parts: Part) -> list[str]:
    """Parts as they come out, without colours."""
    print_parts(open_terminal(stream), parts)
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()


LONG = "word " * 40


def test_a_file_is_searched_by_line_so_that_none_is_broken() -> None:
    assert printed(io.StringIO(), Fact("label", Text(LONG)), Text(LONG)) == [f"label      {LONG}", LONG]


def test_a_terminal_gets_lines_that_fit_but_for_a_command() -> None:
    lines = printed(Screen(), Fact("label", Text(LONG)), Fact("next", Text(LONG), command=True))
    command = next(n for n, line in enumerate(lines) if line.startswith("next"))
    assert command > 1
    assert all(len(line) <= 80 for line in lines[:command])
    assert all(line.startswith(" " * 11) for line in lines[1:command]), "below the first line, not below the label"
    assert lines[command:] == [f"next       {LONG}"], "a person copies it"


def test_a_stream_that_went_away_is_not_asked_again() -> None:
    stream = Gone()
    patient = PatientStream(stream)
    assert patient.write("abc") == 3
    patient.flush()
    assert (patient.isatty(), stream.asked) == (False, 1)
