"""Group separators; the labelled texts are in tests/cases/group-separator.json."""

from __future__ import annotations

import pytest
from examining import Examine

from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load
from midb.text.quantities.numbers import number_format


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_own_mark(examine: Examine, language: str) -> None:
    convention = number_format(load(language).default_locale)
    assert convention is not None
    pair, source = InstructionPair(response="12,500"), InstructionPair(response="12,500")
    findings, repaired = examine(pair, language, source=source, kinds=["group-separator"])
    if convention.decimal == ",":
        assert repaired.response == f"12{convention.group}500"
    else:
        assert findings == []


def test_all_numbers_of_a_pair_or_none(examine: Examine) -> None:
    source = InstructionPair(instruction="Are 3.5 litres more than 1,500 ml?", response="No, 1,500 ml are less.")
    pair = InstructionPair(instruction="Sind 3.5 Liter mehr als 1,500 ml?", response="Nein, 1,500 ml sind weniger.")
    findings, repaired = examine(pair, "de", source=source, kinds=["group-separator"])
    assert len(findings) == 2
    assert repaired == pair


def test_the_decimals_of_a_pair_are_not_touched(examine: Examine) -> None:
    source = InstructionPair(response="It is 1,234.5 m and 1,234 kg.")
    pair = InstructionPair(response="Es sind 1,234.5 m und 1,234 kg.")
    findings, repaired = examine(pair, "de", source=source, kinds=["group-separator"])
    assert [finding.fix for finding in findings] == [()]
    assert repaired == pair
