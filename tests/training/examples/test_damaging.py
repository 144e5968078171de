"""Defects of a pass's family, such that the pair they were put into is known from what is left."""

from __future__ import annotations

import pytest

from midb.detectors import kinds
from midb.domain.decisions import REWRITING_PASSES, Pass
from midb.domain.pairs import InstructionPair
from midb.training.examples.damaging import put_in

PAIR = InstructionPair(
    instruction="Wie groß ist der Turm, und was kostet der Eintritt?",
    response="Der Turm ist 3,5 Meter hoch. Der Eintritt kostet 12,50 Euro, für Schüler 20 % weniger.\n\n"
    "1. Rot.\n2. Blau.\n3. Grün.",
)
SOURCE = InstructionPair(
    instruction="How high is the tower, and what is the fee?",
    response="The tower is 3.5 metres high. The fee is 12.50 euros, 20% less for pupils.\n\n"
    "1. Red.\n2. Blue.\n3. Green.",
)


@pytest.mark.parametrize("pass_", REWRITING_PASSES)
def test_a_defect_is_of_the_family_of_the_pass(pass_: Pass) -> None:
    found = [put_in(PAIR, "de", SOURCE, pass_, seed) for seed in range(12)]
    made = [one for one in found if one is not None]
    assert made
    assert len({name for name, _ in made}) > 1
    for name, damaged in made:
        assert kinds()[name].family is pass_.family
        assert not kinds()[name].convention
        assert damaged != PAIR
    assert found == [put_in(PAIR, "de", SOURCE, pass_, seed) for seed in range(12)]  # the same seed gives the same


def test_nobody_learns_to_invent_an_answer() -> None:
    made = [put_in(PAIR, "de", None, Pass.CONTENT, seed) for seed in range(40)]
    assert {one[0] for one in made if one} & {"refusal", "empty-response", "echoed-task", "wrong-answer"} == set()
