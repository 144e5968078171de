"""Diffs show exactly what edits do, in whole words or grapheme clusters, in any script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.domain.edits import Edit, apply_to_text
from midb.domain.pairs import Field
from midb.text.diffs import hunks, render

ALPHABET = "ab é1.,'\n愉の가กำلا‏я👨‍👩‍👧\u200d\u0301[]"


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    text = draw(st.text(ALPHABET, max_size=60))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True)))
    edits = []
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        after = draw(st.text(ALPHABET, max_size=5))
        edits.append(Edit(Field.RESPONSE, start, end, text[start:end], after, "k"))
    return text, edits


@given(edited())
def test_the_whole_text_on_both_sides(case: tuple[str, list[Edit]]) -> None:
    text, edits = case
    found = list(hunks(text, edits, context=None))
    assert bool(found) == bool(edits)
    for hunk in found:
        assert "".join(piece.text for piece in hunk.before) == text
        assert "".join(piece.text for piece in hunk.after) == apply_to_text(text, edits)


@given(edited())
def test_every_edit_lies_in_a_hunk_and_what_is_marked_differs(case: tuple[str, list[Edit]]) -> None:
    text, edits = case
    found = list(hunks(text, edits, context=3))
    for edit in edits:
        assert any(hunk.start <= edit.start and edit.end <= hunk.end for hunk in found)
    for hunk in found:
        assert [piece.changed for piece in hunk.before] == [piece.changed for piece in hunk.after]
        for before, after in zip(hunk.before, hunk.after, strict=True):
            assert before.changed or before.text == after.text


def shown(text: str, before: str, after: str) -> list[str]:
    start = text.index(before)
    edit = Edit(Field.RESPONSE, start, start + len(before), before, after, "k")
    (hunk,) = hunks(text, [edit])
    return [line.plain.translate(dict.fromkeys((0x2068, 0x2069))) for line in render(hunk)]


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
    lines = "\n".join(shown(text, before, after))
    assert all(part in lines for part in seen)
    assert "\x1b" not in lines
    assert "\u202e" not in lines


def test_right_to_left_text_is_isolated_from_its_line() -> None:
    edit = Edit(Field.RESPONSE, 0, 1, "م", "ب", "k")
    (hunk,) = hunks("مرحبا", [edit])
    for line in render(hunk):
        assert line.plain.count("\N{FIRST STRONG ISOLATE}") == line.plain.count("\N{POP DIRECTIONAL ISOLATE}") > 0
