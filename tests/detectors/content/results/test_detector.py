"""Wrong answers as findings; the labelled texts are in tests/cases/wrong-answer.json."""

from __future__ import annotations

from examining import Examine

from midb.domain.pairs import InstructionPair


def test_the_evidence_says_what_is_right(examine: Examine) -> None:
    pair = InstructionPair(instruction="Berechne 3 + 4 * 5.", response="35")
    source = InstructionPair(instruction="Calculate 3 + 4 * 5.", response="35")
    findings, repaired = examine(pair, "de", source=source, kinds=["wrong-answer"])
    assert [finding.evidence for finding in findings] == ["3 + 4 * 5 is 23, not 35; the English source is wrong too"]
    assert repaired.response == "23"


def test_a_false_equation_is_told_once(examine: Examine) -> None:
    pair = InstructionPair(instruction="Addiere 17 und 25.", response="17 + 25 = 43")
    source = InstructionPair(instruction="Add 17 and 25.", response="17 + 25 = 42")
    findings, _ = examine(pair, "de", source=source, kinds=["wrong-answer"])
    assert [finding.kind for finding in findings] == ["wrong-answer"]
    findings, _ = examine(pair, "de", source=source, kinds=["wrong-answer", "false-equation"])
    assert [finding.kind for finding in findings] == ["false-equation"]
