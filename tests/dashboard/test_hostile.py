"""Whatever stands in a corpus, it never steers the terminal and never takes more room than it was given."""

from __future__ import annotations

import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from run_events import Clock, Screen, batch, edit, end, plan, used

from midb.dashboard import JsonEvents, LiveDashboard, PlainLines, Quiet
from midb.dashboard.console import open_terminal
from midb.dashboard.text import crop, fit, flow_counts, make_one_line, render_edit
from midb.domain.decisions import Outcome
from midb.domain.events import Event, LineRejected, Warned

#: Clears the screen, sets a title, turns the reading direction, rings, breaks lines, speaks rich's markup.
HOSTILE = "\x1b[2J\x1b]0;gone\x07\x9b31m\u202e\u2066\r\n\t\x7f\u2028[bold]x[/bold]:smile:\ud800\u200d"

#: What a listener itself may send: colours, the alternate screen, home, the cursor, wrapping of lines.
SEQUENCES = re.compile(r"\x1b\[(?:[0-9;]*m|\?1049[hl]|\?25[hl]|\?7[hl]|H)")

LEFT_TO_RIGHT_MARK = "\N{LEFT-TO-RIGHT MARK}"


def steering(text: str) -> set[str]:
    """The characters of a text that a terminal acts on, line ends apart."""
    found = {character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    return found - {"\n", LEFT_TO_RIGHT_MARK}


def hostile_run() -> list[Event]:
    """A run in which everything that can come from outside is hostile."""
    names = ("record", "language", "pass_", "kind", "field", "before", "after", "left", "right")
    done = batch(
        records=3,
        rejected=1,
        outcomes={(HOSTILE, Outcome.IMPROVED): 2, ("de", Outcome.REVERTED): 1},
        repaired={HOSTILE: 2},
        open={HOSTILE: 3},
        edits=(edit(0, **dict.fromkeys(names, HOSTILE)),) * 5,
    )
    paths = {"output": HOSTILE, "database": HOSTILE}
    texts = dict.fromkeys(("corpus", "format", "layout", "language", "engine", "rejected"), HOSTILE)
    return [
        plan(**texts, **paths, passes=(HOSTILE,), model=True, budget=HOSTILE),
        Warned(message=HOSTILE),
        LineRejected(line=1, reason=HOSTILE, message=HOSTILE),
        used(budget_left=HOSTILE),
        done,
        end(done, rejected_path=HOSTILE, resume_command=HOSTILE, status=HOSTILE, **paths),
    ]


@pytest.mark.parametrize("size", [("80", "24"), ("140", "40")], ids=str)
@pytest.mark.parametrize("kind", [LiveDashboard, PlainLines])
def test_data_cannot_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, kind: type[PlainLines], size: tuple[str, str]
) -> None:
    monkeypatch.setenv("COLUMNS", size[0])
    monkeypatch.setenv("LINES", size[1])
    stream = Screen()
    with kind(open_terminal(stream), clock=clock) as listener:
        for event in hostile_run():
            clock.now += 20
            listener.handle(event)
    text = stream.getvalue()
    assert steering(SEQUENCES.sub("", text)) == set()
    assert text.count("␛[2J␛]0;gone␇") > 10, "it is shown all the same"
    assert "[bold]x[/bold]:smile:" in text


def test_neither_can_it_in_quiet_or_json() -> None:
    quiet, json = io.StringIO(), io.StringIO()
    for event in hostile_run():
        Quiet(open_terminal(quiet)).handle(event)
        JsonEvents(json).handle(event)
    assert steering(quiet.getvalue()) == steering(json.getvalue()) == set()
    assert "␛[2J" in quiet.getvalue()
    assert json.getvalue().isascii()


TEXT = st.text(
    alphabet=st.characters() | st.sampled_from("日本한국مرحبا\u0301\u200d\ufe0f\x1b \u00a0❤👍🏽"), max_size=60
)


@given(left=TEXT, before=TEXT, after=TEXT, right=TEXT, width=st.integers(8, 90))
def test_an_edit_fits_its_line(left: str, before: str, after: str, right: str, width: int) -> None:
    line = render_edit(left, before, after, right, width)
    assert line.cell_len <= width
    assert steering(line.plain) == set()
    assert "[" in line.plain
    assert " → " in line.plain


@given(text=TEXT, width=st.integers(1, 40), tail=st.booleans())
def test_a_crop_fits_and_keeps_one_end(text: str, width: int, tail: bool) -> None:
    whole = make_one_line(text)
    cut = crop(whole, width, tail=tail)
    assert cell_len(cut) <= width
    if cut != whole:
        assert whole.endswith(cut[1:]) if tail else whole.startswith(cut[:-1])


@given(st.dictionaries(TEXT, st.integers(0, 10**7), max_size=12), st.integers(20, 90), st.integers(1, 3))
def test_flowing_counts_fit(counts: dict[str, int], width: int, most: int) -> None:
    lines = flow_counts(counts, width, most, "kinds: ")
    assert len(lines) <= most
    assert all(cell_len(line) <= width for line in lines)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "\u202f", "il[∅ → \\u202f]?"),
        (" ", "", "il[␣ → ∅]?"),
        ("a\n", "b", "il[a⏎ → b]?"),
        ("夜" * 30, "昼", f"[{'夜' * 13}… → 昼]"),
    ],
)
def test_what_is_changed_can_be_seen(before: str, after: str, expected: str) -> None:
    assert render_edit("il", before, after, "?", 34).plain == expected


def test_long_contexts_give_way_to_the_change() -> None:
    assert (
        render_edit("abcdefghij" * 9, "12.5", "12,5", "klmnopqrst" * 9, 31).plain == "…cdefghij[12.5 → 12,5]klmnopqr…"
    )


def test_right_to_left_text_leaves_the_arrow_and_the_columns_where_they_are() -> None:
    line = render_edit("نص ", "قديم", "جديد", " نص", 60).plain
    assert (
        line == f"نص {LEFT_TO_RIGHT_MARK}[قديم{LEFT_TO_RIGHT_MARK} → جديد{LEFT_TO_RIGHT_MARK}] نص{LEFT_TO_RIGHT_MARK}"
    )
    assert fit("سجل-7").endswith(LEFT_TO_RIGHT_MARK)
    assert fit("record-7") == "record-7"


def test_stacked_marks_do_not_smear_over_other_lines() -> None:
    assert fit("o" + "\u0301" * 40).count("\u0301") == 4
