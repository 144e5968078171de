"""Responses that stop before their source ends."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.content.answers.cuts import TRUNCATED

KIND = [TRUNCATED.name]
SOURCE = "The river comes from the mountains. It flows through the town and past the mill. It ends in the wide sea."
WHOLE = "Der Fluss kommt aus den Bergen. Er fließt durch die Stadt und an der Mühle vorbei. Er endet im weiten Meer."


@pytest.mark.parametrize("length", [30, 36, 43, 50, 64, 72])
def test_wherever_a_response_is_cut_inside_a_word_it_is_found(length: int, examine: Examine) -> None:
    cut = WHOLE[:length]
    findings, repaired = examine(respond(cut), "de", source=respond(SOURCE), kinds=KIND)
    assert len(findings) == (cut[-1].isalpha())
    assert repaired == respond(cut), "what is missing nobody knows"
    assert [(found.start, found.end) for found in findings] in ([], [(max(0, length - 40), length)])


def test_the_evidence_says_how_far_it_got(examine: Examine) -> None:
    findings, _ = examine(respond(WHOLE[:36]), "de", source=respond(SOURCE), kinds=KIND)
    assert evidence(findings) == ["stops in the middle of a sentence, at 29% of the length that its source lets expect"]


@pytest.mark.parametrize(
    ("response", "source"),
    [
        (WHOLE.rstrip("."), SOURCE),  # only the mark is missing
        (WHOLE[:31], SOURCE),  # shorter, and at the end of a sentence
        ("Der Fluss", "The river."),  # short
        (WHOLE[:36], SOURCE.rstrip(".")),  # the source ends in the same way
        ("Rufe so auf: `pip install fluss`\n```\nfluss start", SOURCE),  # a line of code has no mark
        (WHOLE[:34] + "5", SOURCE),  # a number
    ],
)
def test_what_proves_nothing(response: str, source: str, examine: Examine) -> None:
    assert examine(respond(response), "de", source=respond(source), kinds=KIND)[0] == []


def test_nothing_is_said_without_a_source_and_in_thai(examine: Examine) -> None:
    assert examine(respond(WHOLE[:36]), "de", kinds=KIND)[0] == []
    assert examine(respond("แม่น้ำมาจากภูเขา"), "th", source=respond(SOURCE), kinds=KIND)[0] == []
