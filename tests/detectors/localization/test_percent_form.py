"""Percentages: the side is CLDR's to say, the blank only typography's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.detectors.localization import percent_form
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES

KIND = [percent_form.PERCENT_FORM.name]


@pytest.mark.parametrize("code", LANGUAGES)
def test_without_typography_only_turkish_changes(examine: Any, code: str) -> None:
    pair = InstructionPair(response="(12%) (12 %)")
    _, repaired = examine(pair, code, kinds=KIND)
    assert repaired.response == ("(%12) (%12)" if code == "tr" else pair.response)


@given(st.integers(0, 200), st.integers(0, 9))
def test_turkish_signs_go_before_the_number(examine: Any, whole: int, tenth: int) -> None:
    pair = InstructionPair(response=f"Oran {whole},{tenth}% oldu.")
    _, repaired = examine(pair, "tr", kinds=KIND)
    assert repaired.response == f"Oran %{whole},{tenth} oldu."


@pytest.mark.parametrize("code", ["fr", "de", "cs", "es", "ru"])
def test_a_plain_blank_becomes_a_no_break_space(examine: Any, code: str) -> None:
    pair = InstructionPair(response="(12 %)")
    assert examine(pair, code, typography=True, kinds=KIND)[1].response == "(12\N{NO-BREAK SPACE}%)"
