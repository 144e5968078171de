"""Corrections: the right result where it is the result that must be wrong, and nothing where another number may be."""

from __future__ import annotations

import pytest

from midb.detectors.content.equations.claims import find_claims, is_true
from midb.detectors.content.equations.corrections import Corrections


def correct(response: str, task: str = "", source: str = "", locale: str = "de_DE") -> str | None:
    """The correction of the last claim of a response, once the claims before it are known."""
    *before, last = find_claims(response)
    corrections = Corrections(response, task, source, locale)
    for claim in before:
        if is_true(claim):
            corrections.learn(claim)
    assert is_true(last) is False
    return corrections.correct(last)


@pytest.mark.parametrize(
    ("response", "task", "result"),
    [
        ("37 + 85 = 212", "Addiere 37 und 85.", "122"),
        ("37 × 85 = 212", "37 Kisten zu 85 Stück", "3145"),
        ("2,5 × 3,5 = 9,75", "2,5 m mal 3,5 m", "8,75"),
        ("٣٧ + ٨٥ = ٢١٢", "٣٧ و ٨٥", None),  # its digits are not those that it would be put in
        ("10 + 27 = 37. 37 + 85 = 212", "10, 27 und 85", "122"),  # 37 was rightly computed before
    ],
)
def test_given_numbers_prove_the_result_wrong(response: str, task: str, result: str | None) -> None:
    assert correct(response, task) == result


@pytest.mark.parametrize(
    ("response", "task"),
    [
        ("37 + 85 = 212", ""),  # which number is wrong, nobody says
        ("37 + 85 = 212", "Addiere 37 und 58."),
        ("85 + 37 = 48", "37 von 85"),  # another operator explains it
        ("37 + 85 = 137", "37, 85 und 100"),  # another given number explains it
        ("37 + 85 = 212", "37, 85 und 212"),  # asked for
        ("37 + 85 = 212. Also 212.", "37 und 85"),  # used again
        ("1.5 + 2,5 = 3,1", "1.5 und 2,5"),  # two conventions in one equation
        ("37 + 85 = 200 + 12", "37 und 85"),  # an expression
        ("37 + 85 = 1 Stück", "37 und 85"),  # another plural
        ("10 / 3 = 4,5", "10 und 3"),  # does not fit its decimals
    ],
)
def test_a_doubt_corrects_nothing(response: str, task: str) -> None:
    assert correct(response, task) is None


def test_the_source_confirms_the_left_side() -> None:
    assert correct("37 + 85 = 212", source="So 37 + 85 = 122.") == "122"
    assert correct("37 + 85 = 212", source="So 38 + 85 = 123.") is None
    assert correct("37,0 + 85 = 212", source="So 37.0 + 85 = 122.") == "122"


def test_the_same_error_in_the_source_is_seen() -> None:
    (claim,) = find_claims("37 + 85 = 212")
    assert Corrections("37 + 85 = 212", "", "37 + 85 = 213", "de_DE").same_error_in_source(claim)
    assert not Corrections("37 + 85 = 212", "", "37 + 85 = 122", "de_DE").same_error_in_source(claim)
    assert not Corrections("37 + 85 = 212", "", "", "de_DE").same_error_in_source(claim)


def test_too_many_given_numbers_explain_anything() -> None:
    numbers = " ".join(str(number) for number in range(300, 380))
    assert correct("37 + 85 = 212", f"37 und 85 und {numbers}") is None
