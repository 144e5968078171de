"""Brackets that prose opens and never closes, and all those that need no closing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.text.forms.brackets import find_unclosed_brackets
from midb.text.protection import find_protected_spans


def unclosed(text: str) -> list[tuple[int, str]]:
    return list(find_unclosed_brackets(text, find_protected_spans(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Es liegt (im Norden.", [(9, "(")]),
        ("（山の向こう", [(0, "（")]),
        ("彼は「はいと言った。", [(2, "「")]),
        ("(a [b) c", [(3, "[")]),
        ("Das (eine) und (das andere", [(15, "(")]),
        ("`(` und (wort", [(8, "(")]),
    ],
)
def test_open_brackets(text: str, expected: list[tuple[int, str]]) -> None:
    assert unclosed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Es liegt (im Norden).",
        "（山の向こう)",  # full and half width close each other
        "a) eins b) zwei 1) drei",
        "schade :( und schön :)",
        "das Intervall [0, 1)",
        "zwischen ]0, 1[",
        'das Zeichen "(" ist eine Klammer',
        "f(x; (a",  # code
        "x_1 = (a",  # a formula
        "if (x {",
        "`(wort`",
        "\\(a",
        "( ... und so weiter",  # no word behind it
        "(wort " * 9,  # so many are no prose
        "",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert unclosed(text) == []


def test_a_crossed_bracket_is_one_slip() -> None:
    """The closing one finds its partner, so that the brackets around it do not count as open as well."""
    assert unclosed("(eins (zwei [drei) vier) fünf") == [(12, "[")]


@given(st.text(alphabet="ab ()[]（）「」:;\n`", max_size=40))
def test_what_is_found_is_an_opening_bracket_of_prose(text: str) -> None:
    for start, bracket in unclosed(text):
        assert text[start] == bracket
        assert bracket in "([（「"
        assert not find_protected_spans(text).holds(start)
