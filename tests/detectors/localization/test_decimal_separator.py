"""Decimal separators: what changes is the mark, and all numbers of a pair change together."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midb.detectors.localization import decimal_separator
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES

KIND = [decimal_separator.DECIMAL_SEPARATOR.name]
POINT = {"ar", "ja", "ko", "ms", "th"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_language_decides(examine: Any, code: str) -> None:
    pair = InstructionPair(response="≈ 12.5 kg")
    findings, repaired = examine(pair, code, source=InstructionPair(response="≈ 12.5 kg"), kinds=KIND)
    assert bool(findings) is (code not in POINT)
    assert repaired.response == ("≈ 12.5 kg" if code in POINT else "≈ 12,5 kg")


@settings(deadline=None)
@given(st.lists(st.decimals(0, 99, places=2), min_size=1, max_size=5))
def test_only_the_marks_change(examine: Any, numbers: list[Decimal]) -> None:
    german = "\n".join(f"Das Maß {number} gilt." for number in numbers)
    english = "\n".join(f"The measure {number} holds." for number in numbers)
    _, repaired = examine(InstructionPair(response=german), "de", source=InstructionPair(response=english), kinds=KIND)
    assert repaired.response == "\n".join(
        f"Das Maß {number} gilt.".replace(f"{number}", f"{number}".replace(".", ",")) for number in numbers
    )


def test_one_number_of_unknown_origin_keeps_them_all(examine: Any) -> None:
    source = InstructionPair(input="It is 2.5.", response="It is 3.5.")
    pair = InstructionPair(input="Es sind 2.5 und 4.5.", response="Es sind 3.5.")
    assert examine(pair, "de", source=source, kinds=KIND) == ([], pair)
