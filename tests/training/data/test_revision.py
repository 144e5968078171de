"""What rows are called: translations of one row alike, whatever file they stand in."""

from __future__ import annotations

from midb.domain.pairs import InstructionPair
from midb.training.data.revision import Origin, Revision, identify_row

ENGLISH = InstructionPair(instruction="Name a colour.", input="", response="Red.")
GERMAN = InstructionPair(instruction="Nenne eine Farbe.", input="", response="Rot.")


def test_translations_have_one_name() -> None:
    """The English words decide; case and blanks do not, nor does the response, which a revision may change."""
    other = InstructionPair(instruction=" name a  COLOUR.", input="", response="Blue.")
    names = {
        identify_row(GERMAN, ENGLISH, "de-1"),
        identify_row(ENGLISH, ENGLISH, None),
        identify_row(GERMAN, other, "x"),
    }
    assert len(names) == 1
    assert identify_row(GERMAN, None, "de-0417") == identify_row(ENGLISH, None, "tr-417")
    assert identify_row(GERMAN, None, "417") == identify_row(GERMAN, None, None) != identify_row(ENGLISH, None, None)


def test_a_revision_may_leave_a_pair_alone() -> None:
    made = Revision(name="a", row="b", language="de", origin=Origin.MEB, raw=GERMAN, revised=GERMAN)
    assert made.unchanged
