"""Prices in dollars; the labelled texts are in tests/cases/foreign-currency.json."""

from __future__ import annotations

import pytest
from examining import Examine

from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load

KIND = ["foreign-currency"]
SOURCE = InstructionPair(instruction="What do 2 pens at $3 cost?", response="$6")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sign_is_read_in_every_language_but_one(examine: Examine, language: str) -> None:
    findings, _ = examine(InstructionPair(instruction="2 × $3", response="…"), language, source=SOURCE, kinds=KIND)
    assert len(findings) == ("foreign-currency" not in load(language).abstain)


def test_the_evidence_says_what_is_usual(examine: Examine) -> None:
    (finding,), _ = examine(InstructionPair(instruction="2 Stifte zu 3 $"), "de", source=SOURCE, kinds=KIND)
    assert finding.evidence == "3 $, not EUR as in de_DE"


def test_an_amount_of_the_response_alone_may_be_a_fact(examine: Examine) -> None:
    pair = InstructionPair(instruction="Was kosten 2 Stifte?", response="6 $")
    assert examine(pair, "de", source=SOURCE, kinds=KIND)[0] == []
