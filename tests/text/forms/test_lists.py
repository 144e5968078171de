"""The one list of a text, and texts that have none or several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.text.forms.lists import find_only_list, lists_words


@given(st.integers(2, 40), st.sampled_from(["{}. a", "{}) a", "{}、a", "- a", "* a", "• a", "**{}.** a"]))
def test_a_list_has_as_many_items_as_were_written(count: int, style: str) -> None:
    text = "a\n" + "\n".join(style.format(number) for number in range(1, count + 1)) + "\nb"
    found = find_only_list(text)
    assert found is not None
    assert len(found) == count
    assert text[found.start : found.end] == text.removeprefix("a\n").removesuffix("\nb")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1. a",
        "1. a\n1. b",
        "1. a\n3. b",
        "- a\nb\n- c",
        "- a\n* b",
        "1.5 kg\n2.5 kg",
        "- a\n    - b",
        "--\n--",
        "**a**\n**b**",
        "1. a\n2. b\n3 c",
        "1. a\n2. b\nc\n 3「d」",
    ],
)
def test_what_is_no_one_list(text: str) -> None:
    assert find_only_list(text) is None


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("Hier:\n1. Tee\n   - grün\n2. Milch", ("Tee", "Milch")),
        ("1．お茶\n2．牛乳", ("お茶", "牛乳")),
        ("・お茶\n・牛乳", ("お茶", "牛乳")),
        ("- eins\n  weiter\n- zwei", ("eins", "zwei")),
        ("• eins\n - zwei\n• drei", None),
        ("1: één\n2: twee", ("één", "twee")),
        ("1. a\n2. b\n3.5 kg", ("a", "b")),
        ("1. a\n2. b\n4 c", ("a", "b")),
    ],
)
def test_items_without_their_marks(text: str, items: tuple[str, ...] | None) -> None:
    found = find_only_list(text)
    assert (found.items if found else None) == items


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1. груша\n2. слива\n3. вишня", True), ("груша\nслива", False), ("a b\nc d\ne f", False), ("", False)],
)
def test_lists_of_single_words(text: str, expected: bool) -> None:
    assert lists_words(text) is expected
