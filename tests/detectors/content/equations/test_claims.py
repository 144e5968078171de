"""Equations in running text: where one stands, what is claimed, and whether it can be true."""

from __future__ import annotations

import pytest

from midb.detectors.content.equations.claims import Following, find_claims, is_true


def claimed(text: str) -> list[str]:
    return [text[claim.start : claim.end] for claim in find_claims(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Also ist 17 + 25 = 42.", ["17 + 25 = 42"]),
        ("合計は17＋25＝42です。", ["17＋25＝42"]),
        ("المجموع: ١٧ + ٢٥ = ٤٢", ["١٧ + ٢٥ = ٤٢"]),
        ("- 5 + 3 = 8", ["- 5 + 3 = 8"]),  # a bullet or a minus: both are tried
        ("1) 2 + 3 = 5", ["2 + 3 = 5"]),
        ("2 + 3 = 4 + 1 = 5", ["2 + 3 = 4 + 1", "4 + 1 = 5"]),
        ("(2 + 3) = 5 Äpfel", ["(2 + 3) = 5"]),
        ("**2 + 3 = 5**", ["**2 + 3 = 5**"]),
    ],
)
def test_claims(text: str, expected: list[str]) -> None:
    assert claimed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "x = 3",
        "x + 2 = 5",
        "2 + 3 == 5",
        "2 + 3 >= 5",
        "2 + 3 = x",
        "2 + 3 = 5%",
        "2 + 3 = 5...",
        "f(2) + 3 = 5",
        "(2 + 3 = 5",
        "Das Jahr 2024 a + 3 = 5",
        "ohne",
    ],
)
def test_what_could_go_on_is_no_claim(text: str) -> None:
    assert all(is_true(claim) is not False for claim in find_claims(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17 + 25 = 42", True),
        ("17 + 25 = 43", False),
        ("1.500 + 1 = 1501", True),  # under one reading
        ("1.500 + 1 = 2,5", True),  # and under another
        ("10 / 3 = 3", True),  # without its remainder
        ("10 / 3 = 3,33", True),  # rounded
        ("10 / 3 = 3,4", False),
        ("123 * 45 = 5500", True),  # rounded to hundreds
        ("2 / 3 = 0,66", True),  # cut off
        ("- 5 + 3 = 8", True),  # a bullet
        ("2^10 = 1024", True),
        ("2 + 3 = 10 / 2", True),
        ("1 / 0 = 5", None),
    ],
)
def test_truth(text: str, expected: bool | None) -> None:
    (claim,) = find_claims(text)
    assert is_true(claim) is expected


def test_what_stands_around_a_claim() -> None:
    first, second = find_claims("Summe 2 + 3 = 4 + 1 = 5 Äpfel")
    assert (first.after_word, first.inside, first.following) == (True, False, Following.NOTHING)
    assert (second.after_word, second.inside, second.following) == (False, True, Following.WORD)
    assert first.result is None, "an expression is no result"
    assert second.result is not None
    assert second.result.text == "5"


def test_a_negative_number_is_no_result() -> None:
    (claim,) = find_claims("2 - 5 = -3")
    assert claim.result is None
    assert is_true(claim)


@pytest.mark.parametrize("piece", ["1", "1 + ", "=", "1=", "(", " ", "1 = 1 "])
def test_a_long_text_of_one_piece_comes_to_an_end(piece: str) -> None:
    text = piece * (20_000 // len(piece))
    assert all(0 <= claim.start < claim.end <= len(text) for claim in find_claims(text))
