"""Foreign text made fit for a terminal, and figures made fit for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from midb.dashboard.text import (
    LONGEST,
    crop,
    fit,
    flow_counts,
    format_count,
    format_duration,
    format_share,
    make_one_line,
    pluralize,
    rank_counts,
    render_edit,
    shorten,
    show_blanks,
)

MARK = "\N{LEFT-TO-RIGHT MARK}"


def test_what_is_very_long_is_cut_before_it_is_looked_at() -> None:
    assert make_one_line("a" * LONGEST) == "a" * LONGEST
    assert make_one_line("a" * 10_000_000) == "a" * LONGEST + "…"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb\tc", "a⏎b␉c"),
        ("\N{COMBINING ACUTE ACCENT}e", "◌\N{COMBINING ACUTE ACCENT}e"),  # a mark needs something to stand on
        ("❤\N{VARIATION SELECTOR-16}", "❤"),  # terminals disagree on how wide it makes the heart
        ("o" + "\u0301" * 5, "o" + "\u0301" * 4 + "\\u0301"),
    ],
)
def test_one_line_is_one_line(text: str, line: str) -> None:
    assert make_one_line(text) == line


@pytest.mark.parametrize(
    ("text", "width", "start", "end"),
    [
        ("abcdef", 6, "abcdef", "abcdef"),
        ("abcdef", 4, "abc…", "…def"),
        ("日本語", 5, "日本…", "…本語"),
        ("日本語", 4, "日…", "…語"),  # half a character is none
        ("abc", 1, "…", "…"),
        ("abc", 0, "", ""),
        ("abe\u0301", 1, "…", "…"),  # a mark is not left without its letter
    ],
)
def test_a_crop_keeps_one_end(text: str, width: int, start: str, end: str) -> None:
    assert crop(text, width) == start
    assert crop(text, width, tail=True) == end


def test_text_from_right_to_left_is_closed() -> None:
    assert fit("سجل-7") == f"سجل-7{MARK}"
    assert fit("record-7") == "record-7"
    assert fit("سجل" * 10, 5).endswith(f"…{MARK}")
    assert fit("abc" * 10, 5, tail=True) == "…cabc"


def test_blanks_are_news_in_an_edit() -> None:
    assert show_blanks("") == "∅"
    assert show_blanks("  a ") == "␣␣a␣"
    assert show_blanks("a b") == "a b", "not within"
    assert show_blanks("a\u00a0b") == "a\\u00a0b"


@pytest.mark.parametrize("width", [12, 20, 40, 80])
def test_the_change_comes_before_its_context(width: int) -> None:
    line = render_edit("left " * 20, "wenn", "if", " right" * 20, width)
    assert line.cell_len <= width
    if width >= 20:
        assert "[wenn → if]" in line.plain
    styles = {line.plain[span.start : span.end]: str(span.style) for span in line.spans}
    assert styles["if"] == "green"


@pytest.mark.parametrize(
    ("number", "short"),
    [
        (0, "0"), (9_999, "9,999"), (99_999, "99,999"), (100_000, "100k"), (999_499, "999k"), (999_500, "1.0M"),
        (9_999_999, "10.0M"), (99_949_999, "99.9M"), (99_950_000, "100M"),
    ],
)  # fmt: skip
def test_a_short_number_has_six_cells_at_most(number: int, short: str) -> None:
    assert shorten(number) == short
    assert len(short) <= 6
    assert format_count(1_234_567) == "1,234,567"


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_all_and_none_are_said_only_where_they_are_true(part: int, whole: int) -> None:
    part = min(part, whole)
    said = format_share(part, whole)
    assert (said == "100.0 %") is (part == whole)
    assert (said == "0.0 %") is (part == 0)
    assert abs(float(said.removesuffix(" %")) - 100 * part / whole) <= 0.1


def test_times_and_plurals_are_written_for_people() -> None:
    assert [format_duration(n) for n in (0, 59.9, 3_600, 90_061, -5)] == [
        "0:00:00", "0:00:59", "1:00:00", "25:01:01", "0:00:00",
    ]  # fmt: skip
    assert (pluralize(1, "call"), pluralize(0, "call"), pluralize(2_000, "reply", "replies")) == (
        "1 call", "0 calls", "2,000 replies",
    )  # fmt: skip


def test_counts_are_ranked_by_number_then_name() -> None:
    assert rank_counts({"b": 2, "a": 2, "c": 9, "none": 0}) == [("c", 9), ("a", 2), ("b", 2)]


def test_counts_flow_over_lines_and_the_rest_is_counted() -> None:
    counts = {f"kind-{n}": 100 - n for n in range(9)}
    assert flow_counts(counts, 40, 1, "open: ") == ["open: kind-0 100 · kind-1 99 · 7 more"]
    first, second = flow_counts(counts, 40, 2, "open: ")
    assert first == "open: kind-0 100 · kind-1 99 · kind-2 98"
    assert second == "      kind-3 97 · kind-4 96 · 4 more"
    assert flow_counts({}, 40, 2, "open: ") == []
    assert all(cell_len(line) <= 40 for line in (first, second))
