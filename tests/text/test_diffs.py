"""Diffs show exactly what edits do, in whole words or grapheme clusters, in any script."""

from __future__ import annotations

from unittest.mock import patch

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from midb.domain.edits import Edit, apply_to_text
from midb.domain.pairs import Field
from midb.text import diffs
from midb.text.diffs import ALIGNED, compare_texts, find_cluster_boundary, find_edits, find_hunks

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
    found = list(find_hunks(text, edits, context=None))
    assert bool(found) == bool(edits)
    for hunk in found:
        assert "".join(piece.text for piece in hunk.before) == text
        assert "".join(piece.text for piece in hunk.after) == apply_to_text(text, edits)


@given(edited())
def test_every_edit_lies_in_a_hunk_and_what_is_marked_differs(case: tuple[str, list[Edit]]) -> None:
    text, edits = case
    found = list(find_hunks(text, edits, context=3))
    for edit in edits:
        assert any(hunk.start <= edit.start and edit.end <= hunk.end for hunk in found)
    for hunk in found:
        assert [piece.changed for piece in hunk.before] == [piece.changed for piece in hunk.after]
        for before, after in zip(hunk.before, hunk.after, strict=True):
            assert before.changed or before.text == after.text


@pytest.mark.parametrize(
    ("text", "before", "after", "seen"),
    [
        ("Der Wert ist 2.5 Meter.", ".5", ",5", ("2.5", "2,5")),  # the whole number
        ("今日は,いい天気", ",", "、", (",", "、")),
        ("Das Hauß steht.", "ß", "s", ("Hauß", "Haus")),
        ("👨‍👩‍👧 da", "\u200d", "", ("👨‍👩‍👧", "👨👩‍👧")),  # no grapheme cluster is cut
    ],
)
def test_whole_words_and_clusters_differ(text: str, before: str, after: str, seen: tuple[str, str]) -> None:
    start = text.index(before)
    (hunk,) = find_hunks(text, [Edit(Field.RESPONSE, start, start + len(before), before, after, "k")])
    assert (hunk.before[1].text, hunk.after[1].text) == seen


def test_edits_far_from_each_other_have_hunks_of_their_own() -> None:
    text = "a" + " b" * 100 + " c"
    edits = [Edit(Field.RESPONSE, 0, 1, "a", "x", "k"), Edit(Field.RESPONSE, len(text) - 1, len(text), "c", "y", "k")]
    first, last = find_hunks(text, edits, context=4)
    assert [piece.text for piece in first.before] == ["", "a", " b b…"]
    assert [piece.text for piece in last.after] == ["…b b ", "y", ""]
    (both,) = find_hunks(text, edits, context=None)
    assert (both.start, both.end) == (0, len(text))


@given(st.text(ALPHABET, max_size=60), st.text(ALPHABET, max_size=60))
def test_edits_between_two_texts_lead_from_one_to_the_other(before: str, after: str) -> None:
    edits = find_edits(before, after, Field.INPUT)
    assert apply_to_text(before, edits) == after
    assert all(edit.field is Field.INPUT and edit.before != edit.after for edit in edits)
    assert bool(edits) == (before != after)


@given(st.text(ALPHABET, max_size=60), st.text(ALPHABET, max_size=60))
def test_compared_texts_are_whole_on_both_sides(before: str, after: str) -> None:
    for hunk in compare_texts(before, after, context=None):
        assert "".join(piece.text for piece in hunk.before) == before
        assert "".join(piece.text for piece in hunk.after) == after


def test_only_the_words_that_changed_are_edits() -> None:
    edits = find_edits("Das Haus ist rot und alt.", "Das Dach ist rot und neu.", Field.RESPONSE)
    assert [(edit.before, edit.after) for edit in edits] == [("Haus", "Dach"), ("alt", "neu")]


def test_a_passage_too_long_to_be_aligned_is_one_change() -> None:
    before, after = "a " * ALIGNED, "b " * ALIGNED
    (edit,) = find_edits(before, after, Field.RESPONSE)
    assert edit.before == before.rstrip()


@given(st.text(ALPHABET, max_size=60), st.integers(0, 60))
def test_a_boundary_cuts_no_cluster(text: str, position: int) -> None:
    position = min(position, len(text))
    boundary = find_cluster_boundary(text, position)
    assert 0 <= boundary <= position
    assert boundary in {0, *(match.end() for match in regex.finditer(r"\X", text))}


@given(edited(), st.text("a .\n\u0301\u0600\r", max_size=6))
def test_what_two_texts_share_at_their_ends_need_not_be_split(case: tuple[str, list[Edit]], end: str) -> None:
    text, edits = case
    before, after = f"{text}{end}", f"{apply_to_text(text, edits)}{end}"
    found = find_edits(before, after, Field.RESPONSE)
    with patch.object(diffs, "_find_common_ends", return_value=(0, 0)):
        assert find_edits(before, after, Field.RESPONSE) == found
