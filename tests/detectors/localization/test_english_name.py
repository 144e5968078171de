"""English placeholder names; the labelled texts are in tests/cases/english-name.json."""

from __future__ import annotations

import pytest
from examining import Examine

from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES

SOURCE = InstructionPair(instruction="Fill in.", response="Name: John Smith")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_evidence_has_native_names(examine: Examine, language: str) -> None:
    pair = InstructionPair(instruction="…", response="John Smith")
    (finding,), repaired = examine(pair, language, source=SOURCE, kinds=["english-name"])
    assert finding.evidence.startswith("John Smith is English; such names here are ")
    assert "Smith" not in finding.evidence.split("are ")[1]
    assert repaired == pair


def test_a_field_whose_source_has_no_such_name_is_not_looked_at(examine: Examine) -> None:
    pair = InstructionPair(instruction="John Smith", response="…")
    assert examine(pair, "de", source=SOURCE, kinds=["english-name"])[0] == []
