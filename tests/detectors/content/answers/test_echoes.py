"""Responses that give back what was given."""

from __future__ import annotations

import pytest
from examining import Examine, evidence

from midb.detectors.content.answers.echoes import ECHO, UNCHANGED, ChangeTasks
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load

KINDS = [UNCHANGED.name, ECHO.name]
WRONG, RIGHT = "She go to school.", "She goes to school."


def make(instruction: str, given: str, response: str) -> InstructionPair:
    return InstructionPair(instruction=instruction, input=given, response=response)


def find(pair: InstructionPair, source: InstructionPair | None, examine: Examine, code: str = "de") -> list[str]:
    findings, repaired = examine(pair, code, source=source, kinds=KINDS)
    assert repaired == pair, "nothing of this can be repaired"
    assert all((found.start, found.end) == (0, len(pair.response or "")) for found in findings)
    return evidence(findings)


CHANGED = ["the response is the input; in the source they differ"]


@pytest.mark.parametrize(
    ("given", "response", "of_source", "expected"),
    [
        ("Sie geht.", "Sie geht.", (WRONG, RIGHT), CHANGED),
        ("Sie geht", "»Sie geht.«", (WRONG, RIGHT), CHANGED),  # marks at the ends do not matter if words changed
        ("sie geht", "Sie geht.", (WRONG, RIGHT), CHANGED),
        ("sie geht", "Sie geht.", ("she goes", "She goes."), []),  # they are what was to be changed
        ("Sie geht.", "Sie geht.", ("She goes, now.", "She goes now."), CHANGED),
        ("Sie geht.", "Sie geht.", ("She goes", "She goes."), []),  # a mark at the end is nothing
        ("Sie geht.", "Sie geht.", (RIGHT, RIGHT), []),
        ("Sie geht.", "Sie ging.", (WRONG, RIGHT), []),
        ("Sie\ngeht", "Sie geht", (WRONG, RIGHT), []),  # one line was to be made of two
        ("Sie geht.", "Sie geht.", ("", RIGHT), []),
    ],
)
def test_the_source_says_whether_something_was_to_change(
    given: str, response: str, of_source: tuple[str, str], expected: list[str], examine: Examine
) -> None:
    source = make("Do it.", *of_source)
    assert find(make("Tu es.", given, response), source, examine) == expected


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_knows_how_a_change_is_asked_for_and_left_open(code: str, examine: Examine) -> None:
    section = load(code).get(ChangeTasks)
    assert section is not None
    for asked in section.asks:
        assert find(make(f"{asked} 1", "abcdef", "abcdef"), None, examine, code) == [
            "asked to change a text, and it is the same"
        ]
        assert find(make(f"{asked} 1", "abcdef", "abcdef."), None, examine, code) == []
        for open_question in section.unless:
            assert find(make(f"{asked} 1, {open_question} 2", "abcdef", "abcdef"), None, examine, code) == []
    assert find(make("12", "abcdef", "abcdef"), None, examine, code) == []


@pytest.mark.parametrize(
    ("instruction", "found"),
    [
        ("Formuliere um: Der Hund schläft im Korb.", 1),
        ("Formuliere um.\nDer Hund schläft im Korb.", 1),
        ("Formuliere „Der Hund schläft im Korb“ um.", 1),
        ("Warum sagt man, dass der Hund schläft im Korb.", 0),  # no part by itself
    ],
)
def test_a_sentence_of_the_instruction(instruction: str, found: int, examine: Examine) -> None:
    pair = InstructionPair(instruction=instruction, response="Der Hund schläft im Korb.")
    source = InstructionPair(instruction="Rephrase: The dog sleeps in the basket.", response="A dog is asleep there.")
    assert len(find(pair, source, examine)) == found
    same = source.model_copy(update={"response": "The dog sleeps in the basket."})
    assert find(pair, same, examine) == []


@pytest.mark.parametrize(
    ("instruction", "given", "response", "expected"),
    [
        ("Nenne drei große Flüsse.", "", "Nenne drei große Flüsse.", ["the response is the instruction"]),
        ("1", "Wie heißt denn der Fluss?", "Wie heißt denn der Fluss?", ["the response is the question of the input"]),
        ("Hallo!", "", "Hallo!", []),
        ("Antworte.", "Wie?", "Wie?", []),
        ("Nenne drei große Flüsse.", "", "Nenne drei große Flüsse. Rhein, Elbe, Donau.", []),
    ],
)  # fmt: skip
def test_the_task_again(instruction: str, given: str, response: str, expected: list[str], examine: Examine) -> None:
    assert find(make(instruction, given, response), None, examine) == expected


def test_a_source_that_repeats_its_task_repeats_it_rightly(examine: Examine) -> None:
    pair = make("Wiederhole diesen Satz bitte.", "", "Wiederhole diesen Satz bitte.")
    assert find(pair, make("Repeat this.", "", "Repeat this."), examine) == []
    assert find(pair, make("Repeat this.", "", "This."), examine) == ["the response is the instruction"]


def test_a_pair_without_a_response_is_no_echo(examine: Examine) -> None:
    assert find(InstructionPair(instruction="x", input="y"), None, examine) == []
