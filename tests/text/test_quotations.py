"""Quotations: where they begin and end, in the marks of every language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.text.quotations import find_quotations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("er sagte „ja“ und “no”", ["ja", "no"]),
        ("«Oui» et »nein«", ["Oui", "nein"]),
        ("「はい」と『いいえ』", ["はい", "いいえ"]),
        ('a "b" c "d"', ["b", "d"]),
        ("it's the dogs' and 'cats' bowl", ["cats"]),
        ("5' 10\" tall", []),
        ("an open “quote", []),
        ("one “line\nbreak”", []),
        ("“" + "x" * 301 + "”", []),
        ("‹a› und »b« und ‘c’", ["a", "b", "c"]),
        ("《紅樓夢》", ["紅樓夢"]),
        ("“”", []),
    ],
)
def test_quotations(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in find_quotations(text)] == expected


@given(text=st.text(alphabet="ab «»“”„\"'「」‘’\n", max_size=60))
def test_quotations_of_any_text_are_sorted_and_inside_it(text: str) -> None:
    position = 0
    for start, end in find_quotations(text):
        assert position <= start <= end < len(text)
        position = end
