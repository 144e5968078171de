"""Hunks as lines for a terminal: both sides are read without colours, and nothing in them steers."""

from __future__ import annotations

import pytest

from midb.domain.edits import Edit
from midb.domain.pairs import Field
from midb.text.diffs import Hunk, compare_texts, find_hunks
from midb.text.rendering import INLINE, LONGEST, render_hunk, render_passage

ISOLATES = dict.fromkeys((0x2068, 0x2069))


def hunk_of(text: str, before: str, after: str) -> Hunk:
    start = text.index(before)
    (hunk,) = find_hunks(text, [Edit(Field.RESPONSE, start, start + len(before), before, after, "k")])
    return hunk


def lines(text: str, before: str, after: str, *, full: bool = False, inline: bool = False) -> list[str]:
    rendered = render_hunk(hunk_of(text, before, after), full=full, inline=inline)
    return [line.plain.translate(ISOLATES) for line in rendered]


@pytest.mark.parametrize(
    ("text", "before", "after", "seen"),
    [
        ("Der Wert ist 2.5 Meter.", ".5", ",5", ["2.5", "2,5", "Der Wert ist"]),
        ("今日は,いい天気", ",", "、", [",", "、", "いい天気"]),
        ("مرحبا, كيف الحال", ",", "،", [",", "،", "كيف الحال"]),
        ("a\x1b[31m b", "b", "\u202e", ["␛[31m", "\\u202e"]),
    ],
)
def test_before_and_after_are_both_read(text: str, before: str, after: str, seen: list[str]) -> None:
    shown = "\n".join(lines(text, before, after))
    assert all(part in shown for part in seen)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_right_to_left_text_is_isolated_from_its_line() -> None:
    for line in render_hunk(hunk_of("مرحبا", "م", "ب"), inline=True):
        assert line.plain.count("\N{FIRST STRONG ISOLATE}") == line.plain.count("\N{POP DIRECTIONAL ISOLATE}") > 0


def test_a_short_change_fits_on_one_line() -> None:
    assert lines("Der Wert ist 2.5 Meter.", "2.5", "2,5", inline=True) == ["  Der Wert ist [2.5] → [2,5] Meter."]
    assert len(lines("Der Wert ist 2.5 Meter.", "2.5", "2,5")) == 2
    assert len(lines(f"Der Wert {'x' * INLINE} gilt.", "x" * INLINE, "y", inline=True)) == 2
    assert len(lines("مرحبا", "م", "ب", inline=True)) == 2, "an arrow in it would point the wrong way"


def test_lines_that_stayed_are_shown_once() -> None:
    assert lines("eins\nzwei\ndrei", "zwei", "2") == ["  eins⏎", "- [zwei]⏎", "+ [2]⏎", "  drei"]


def test_changed_blanks_do_not_hide() -> None:
    assert lines("a b", " ", "\u00a0", inline=True) == ["  [a b] → [a\\u00a0b]"]
    assert lines("ab  ", "  ", "", inline=True) == ["  [ab␣␣] → [ab]"]


def test_a_long_passage_is_cut_in_the_middle_unless_all_is_asked_for() -> None:
    long = "x" * (LONGEST + 100)
    cut = lines(f"a {long} b", long, "y")[0]
    assert f"{100:,} characters" in cut
    assert len(cut) < LONGEST + 60
    assert long in lines(f"a {long} b", long, "y", full=True)[0]


def test_a_passage_stands_in_brackets() -> None:
    assert render_passage("Das Wort steht hier im Satz.", 4, 8, context=4).plain == "  Das [Wort] ste…"
    assert render_passage("Das", 0, 3).plain == "  [Das]"


def test_texts_without_a_difference_have_no_lines() -> None:
    assert list(compare_texts("gleich", "gleich")) == []
