"""Inverted marks; the labelled texts are in tests/cases/inverted-marks.json."""

from __future__ import annotations

from examining import Examine

from midb.domain.pairs import InstructionPair


def test_each_question_is_judged_alone(examine: Examine) -> None:
    text = "¿Qué es? Cómo se hace? Vienes a la fiesta? ¡Qué bien!"
    findings, repaired = examine(InstructionPair(response=text), "es", kinds=["inverted-marks"])
    assert [bool(finding.fix) for finding in findings] == [True, False]
    assert repaired.response == "¿Qué es? ¿Cómo se hace? Vienes a la fiesta? ¡Qué bien!"


def test_a_sentence_without_an_end_in_sight_is_left_alone(examine: Examine) -> None:
    text = "la casa de la abuela " * 30 + "es grande?"
    assert examine(InstructionPair(response=text), "es", kinds=["inverted-marks"])[0] == []


def test_a_repaired_question_is_not_found_again(examine: Examine) -> None:
    _, once = examine(InstructionPair(response="Cuál es la hora?"), "es", kinds=["inverted-marks"])
    findings, twice = examine(once, "es", kinds=["inverted-marks"])
    assert once.response == "¿Cuál es la hora?"
    assert (findings, twice) == ([], once)
