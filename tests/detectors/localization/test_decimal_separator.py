"""Decimal separators: what changes is the mark, and all numbers of a pair change together."""

from __future__ import annotations

from decimal import Decimal

import pytest
from examining import Examine
from hypothesis import given
from hypothesis import strategies as st

from midb.detectors.localization import decimal_separator
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES

KIND = [decimal_separator.DECIMAL_SEPARATOR.name]
POINT = {"ar", "ja", "ko", "ms", "th"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_language_decides(examine: Examine, code: str) -> None:
    pair = InstructionPair(response="≈ 12.5 kg")
    findings, repaired = examine(pair, code, source=InstructionPair(response="≈ 12.5 kg"), kinds=KIND)
    assert bool(findings) is (code not in POINT)
    assert repaired.response == ("≈ 12.5 kg" if code in POINT else "≈ 12,5 kg")


@given(st.lists(st.decimals(0, 99, places=2), min_size=1, max_size=5))
def test_only_the_marks_change(examine: Examine, numbers: list[Decimal]) -> None:
    german = "\n".join(f"Das Maß {number} gilt." for number in numbers)
    english = "\n".join(f"The measure {number} holds." for number in numbers)
    _, repaired = examine(InstructionPair(response=german), "de", source=InstructionPair(response=english), kinds=KIND)
    assert repaired.response == "\n".join(
        f"Das Maß {number} gilt.".replace(f"{number}", f"{number}".replace(".", ",")) for number in numbers
    )


def test_one_number_of_unknown_origin_keeps_them_all(examine: Examine) -> None:
    source = InstructionPair(input="It is 2.5.", response="It is 3.5.")
    pair = InstructionPair(input="Es sind 2.5 und 4.5.", response="Es sind 3.5.")
    assert examine(pair, "de", source=source, kinds=KIND) == ([], pair)


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("Version 2.5 ist da.", "Version 2.5 is here."),
        ("Abschnitt 2.5 hilft.", "Section 2.5 helps."),
        ("Web 2.5 ist da.", "Web 2.5 is here."),
        ("um 2.30 Uhr", "at 2.30 pm"),
        ("```\nx = 2.5\n```", "```\nx = 2.5\n```"),
        ("[2.5, 3.5]", "[2.5, 3.5]"),
        ("Punkte: (2.5, 3.5)", "Points: (2.5, 3.5)"),
        ("am 2.5.2020", "on 2.5.2020"),
        ("f(2.5) gilt", "f(2.5) holds"),
        ("Es sind 1,000 und 2.5 km", "It is 1,000 and 2.5 km"),  # English thousands would stay
        ("Es sind 2.5 km", "It is 2.4 km"),
        ("The measure 2.5 holds for all of them.", "The measure 2.5 holds for all of them."),
    ],
)
def test_what_is_no_quantity_of_the_source_stays(examine: Examine, german: str, english: str) -> None:
    pair = InstructionPair(response=german)
    assert examine(pair, "de", source=InstructionPair(response=english), kinds=KIND)[1] == pair


def test_a_name_stays_beside_a_quantity_that_changes(examine: Examine) -> None:
    pair = InstructionPair(response="Python 3.9 braucht 2.5 GB.")
    source = InstructionPair(response="Python 3.9 needs 2.5 GB.")
    findings, repaired = examine(pair, "de", source=source, kinds=KIND)
    assert repaired.response == "Python 3.9 braucht 2,5 GB."
    assert [finding.evidence for finding in findings] == ["2.5 as in English; 2,5 here"]


def test_thousands_and_decimals_change_together(examine: Examine) -> None:
    pair, source = InstructionPair(response="≈ 1,234.5 km"), InstructionPair(response="≈ 1,234.5 km")
    assert examine(pair, "de", source=source, kinds=KIND)[1].response == "≈ 1.234,5 km"


def test_code_that_begins_inside_a_tag_is_data(examine: Examine) -> None:
    pair = InstructionPair(response="<div\nclass='x'>1.5</div> wiegt 1.5 kg")
    assert examine(pair, "de", source=pair, kinds=KIND)[1] == pair


def test_the_number_of_a_heading_is_its_name(examine: Examine) -> None:
    pair = InstructionPair(response="1.5 Einleitung\nDas Maß 2.5 gilt.")
    source = InstructionPair(response="1.5 Introduction\nThe measure 2.5 holds.")
    findings, repaired = examine(pair, "de", source=source, kinds=KIND)
    assert repaired.response == "1.5 Einleitung\nDas Maß 2,5 gilt."
    assert [pair.response[finding.start : finding.end] for finding in findings if pair.response] == ["2.5"]


def test_one_line_that_begins_with_a_number_is_no_heading(examine: Examine) -> None:
    pair, source = InstructionPair(response="1.5 Liter"), InstructionPair(response="1.5 Litres")
    assert examine(pair, "de", source=source, kinds=KIND)[1].response == "1,5 Liter"
