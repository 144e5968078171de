"""Percentages: the side is CLDR's to say, the blank only typography's."""

from __future__ import annotations

import pytest
from examining import Examine
from hypothesis import given
from hypothesis import strategies as st

from midb.detectors.localization import percent_form
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES

KIND = [percent_form.PERCENT_FORM.name]


@pytest.mark.parametrize("code", LANGUAGES)
def test_without_typography_only_turkish_changes(examine: Examine, code: str) -> None:
    pair = InstructionPair(response="(12%) (12 %)")
    _, repaired = examine(pair, code, kinds=KIND)
    assert repaired.response == ("(%12) (%12)" if code == "tr" else pair.response)


@given(st.integers(0, 200), st.integers(0, 9))
def test_turkish_signs_go_before_the_number(examine: Examine, whole: int, tenth: int) -> None:
    pair = InstructionPair(response=f"Oran {whole},{tenth}% oldu.")
    _, repaired = examine(pair, "tr", kinds=KIND)
    assert repaired.response == f"Oran %{whole},{tenth} oldu."


@pytest.mark.parametrize("code", ["fr", "de", "cs", "es", "ru"])
def test_a_plain_blank_becomes_a_no_break_space(examine: Examine, code: str) -> None:
    pair = InstructionPair(response="(12 %)")
    assert examine(pair, code, typography=True, kinds=KIND)[1].response == "(12\N{NO-BREAK SPACE}%)"


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("Oran 10-15% arası.", "Oran %10-15 arası."),
        ("Oran 10%-15% arası.", "Oran %10-%15 arası."),
        ("Oran % 12 oldu.", "Oran % 12 oldu."),
        ("Oran yüzde 12% oldu.", "Oran yüzde 12% oldu."),
        ("a % b, 12%2, %s", "a % b, 12%2, %s"),
        ("| 12% | 13% |", "| 12% | 13% |"),
        ("`12%`", "`12%`"),
        ("2 × 12% = x", "2 × 12% = x"),
    ],
)
def test_ranges_follow_and_code_and_formulas_stay(examine: Examine, text: str, repaired: str) -> None:
    assert examine(InstructionPair(response=text), "tr", kinds=KIND)[1].response == repaired


def test_what_was_not_translated_keeps_its_form(examine: Examine) -> None:
    pair = InstructionPair(response="Üründe 12% cotton var.")
    assert examine(pair, "tr", source=InstructionPair(response="It has 12% cotton."), kinds=KIND)[1] == pair
    assert examine(pair, "tr", kinds=KIND)[1].response == "Üründe %12 cotton var."


def test_a_text_that_sets_no_blank_keeps_its_manner(examine: Examine) -> None:
    pair = InstructionPair(response="12% und 13%")
    assert examine(pair, "de", typography=True, kinds=KIND)[1] == pair


def test_one_manner_for_all_of_a_text(examine: Examine) -> None:
    narrow = "\N{NARROW NO-BREAK SPACE}"
    pair = InstructionPair(response=f"12{narrow}% et 13 %")
    assert examine(pair, "fr", typography=True, kinds=KIND)[1].response == f"12{narrow}% et 13{narrow}%"
