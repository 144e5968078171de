"""Plain arithmetic: exact values under every reading of a numeral, bounded, and no eval."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.text.quantities.arithmetic import TokenSort, find_values, split_tokens, to_ascii_signs


def values(text: str) -> set[str] | None:
    text = to_ascii_signs(text)
    found = find_values(split_tokens(text, 0, len(text)))
    return None if found is None else {str(value) for value in found}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3 × 4", {"14"}),
        ("(2 + 3) · 4", {"20"}),
        ("20 ÷ 2 ÷ 5", {"2"}),
        ("2^3 + 3²", {"17"}),
        ("2 ** 3", None),
        ("2**3", {"8"}),
        ("-5 + 3", {"-2"}),
        ("1.500 + 1", {"5/2", "1501"}),
        ("10^-2", {"1/100"}),
        ("٤ + ١", {"5"}),
        ("３ × （１ ＋ ２）", {"9"}),
        ("**7** + $3", {"10"}),
        ("3 x 4", {"12"}),
        ("2^3^2", None),
        ("-3^2", None),
        ("2^(1/2)", None),
        ("9^999999999", None),
        ("1 / 0", None),
        ("6 (1 + 2)", None),
        ("2 1/2", None),
        ("(1 + 2", None),
        ("a + 1", None),
        ("", None),
        ("(" * 50 + "1" + ")" * 50, None),
    ],
)
def test_values(text: str, expected: set[str] | None) -> None:
    assert values(text) == expected


@pytest.mark.parametrize("text", [" + ".join(["1"] * 100), " * ".join(["999999999"] * 20), " + ".join(["1.500"] * 6)])
def test_an_expression_beyond_all_bounds_has_no_value(text: str) -> None:
    assert values(text) is None


def test_a_few_ambiguous_numerals_have_a_value_for_every_reading() -> None:
    assert values("1.500 + 2.000") == {"7/2", "4003/2", "1502", "3500"}


@given(st.text(max_size=40))
def test_signs_are_replaced_one_for_one(text: str) -> None:
    assert len(to_ascii_signs(text)) == len(text)


def test_look_alikes_become_ascii() -> None:
    assert to_ascii_signs("２－１＝１ × ٣ ÷ ๔") == "2-1=1 * 3 / 4"


def test_tokens_know_their_sort_and_place() -> None:
    text = "x: **12** * (3+y)²"
    found = split_tokens(text, 2, len(text))
    assert [(token.sort, token.text) for token in found] == [
        (TokenSort.MARK, "**"),
        (TokenSort.NUMBER, "12"),
        (TokenSort.MARK, "**"),
        (TokenSort.OPERATOR, "*"),
        (TokenSort.OPEN, "("),
        (TokenSort.NUMBER, "3"),
        (TokenSort.OPERATOR, "+"),
        (TokenSort.OTHER, "y"),
        (TokenSort.CLOSE, ")"),
        (TokenSort.OPERATOR, "^"),
        (TokenSort.NUMBER, "2"),
    ]
    assert [text[token.start : token.end] for token in found if token.sort is TokenSort.NUMBER] == ["12", "3", "²"]


@given(st.integers(0, 99), st.integers(1, 99), st.sampled_from("+-*/"))
def test_values_are_exact(left: int, right: int, operator: str) -> None:
    one, other = Fraction(left), Fraction(right)
    expected = {"+": one + other, "-": one - other, "*": one * other, "/": one / other}[operator]
    assert values(f"{left} {operator} {right}") == {str(expected)}
