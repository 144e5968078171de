"""One unit again and again: found whole, wherever it stands, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.text.forms.repetitions import BLOCK, STRIDE, Repetition, find_repetitions


@given(
    unit=st.text(st.characters(categories=["Lu", "Ll", "Lo", "Zs"]), min_size=1, max_size=30),
    times=st.integers(4, 60),
    before=st.text(max_size=30),
    after=st.text(max_size=30),
)
def test_a_long_repetition_is_found_whole(unit: str, times: int, before: str, after: str) -> None:
    if len(unit) * (times - 1) < BLOCK + STRIDE:
        return
    text = before + unit * times + after
    start, end = len(before), len(before) + len(unit) * times
    covered = [found for found in find_repetitions(text, 40) if found.start < end and start < found.end]
    assert covered, text
    for found in find_repetitions(text, 40):
        repeated = text[found.start : found.end]
        assert repeated[found.period :] == repeated[: -found.period]
        assert found.times >= 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("so " + "ha" * 30 + "!", [(3, 63, 2)]),
        ("いろは" * 15 + "。", [(0, 45, 3)]),
        ("x" * 60 + " und " + "y" * 60, [(0, 60, 1), (65, 125, 1)]),
        ("ab" * 5, []),  # too short to be sure of
        ("ab" * 30 + "a", [(0, 61, 2)]),  # the last unit is cut off
        ("Kein Wort kommt in diesem Satz zweimal hintereinander vor.", []),
        ("", []),
    ],
)
def test_examples(text: str, expected: list[tuple[int, int, int]]) -> None:
    assert [(found.start, found.end, found.period) for found in find_repetitions(text, 10)] == expected


def test_a_longer_unit_than_asked_for_is_not_looked_for() -> None:
    text = "Immer wieder dasselbe. " * 6
    assert list(find_repetitions(text, 10)) == []
    (found,) = find_repetitions(text, 30)
    assert (found.period, found.times) == (23, 6)


def test_times_counts_whole_units() -> None:
    assert Repetition(0, 7, 2).times == 3


@pytest.mark.parametrize("piece", ["a", "ab", "abc " * 9, "x" * 41 + "y"])
def test_a_huge_text_of_one_piece_comes_to_an_end(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert all(found.end <= len(text) for found in find_repetitions(text, 40))
