"""Instructions that are too long or too short for their source."""

from __future__ import annotations

import pytest
from examining import Examine, evidence

from midb.detectors.translation.translator.lengths import INSTRUCTION_LENGTH
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load
from midb.text.quantities.proportions import TranslationLength

KIND = [INSTRUCTION_LENGTH.name]
SOURCE = InstructionPair(instruction="Write about a river. " * 5, input="", response="x")


def pair_of(code: str, times: float) -> InstructionPair:
    """A pair whose instruction is so many times as long as expected in a language."""
    section = load(code).get(TranslationLength)
    assert section is not None
    letter = {"ja": "川", "ko": "강", "th": "น", "ar": "ن", "ru": "я", "el": "ω"}.get(code, "ö")
    return InstructionPair(instruction=letter * round(times * section.ratio * 104), input="", response="x")


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_is_measured_by_its_own_length(code: str, examine: Examine) -> None:
    def find(times: float) -> list[str]:
        return evidence(examine(pair_of(code, times), code, source=SOURCE, kinds=KIND)[0])

    assert all(find(times) == [] for times in (0.45, 0.6, 1, 1.5, 2.3))
    (longer,), (shorter,) = find(2.6), find(0.35)
    assert longer.startswith("much longer than its source")
    assert shorter.startswith("much shorter than its source")


def test_what_the_evidence_counts(examine: Examine) -> None:
    findings, _ = examine(pair_of("de", 3), "de", source=SOURCE, kinds=KIND)
    assert evidence(findings) == [
        "much longer than its source (371 characters for 104): carried out, or something was added"
    ]


@pytest.mark.parametrize(
    ("instruction", "source"),
    [
        ("Nenne.", "Name one, please."),  # short, and only 40 characters count
        ("Nenne bitte einen Fluss, der durch Berlin fließt, und noch einen.", "Name a river in Berlin."),
        ("", SOURCE.instruction),  # nothing there is another defect
        ("x", ""),
    ],
)
def test_short_and_empty_instructions_say_nothing(instruction: str, source: str, examine: Examine) -> None:
    pair, original = (InstructionPair(instruction=text, input="", response="x") for text in (instruction, source))
    assert examine(pair, "de", source=original, kinds=KIND)[0] == []


@pytest.mark.parametrize(("kept", "found"), [("", 0), ("Der Hund bellt laut und lange in der Nacht. " * 4, 1)])
def test_an_input_that_moved_into_the_instruction_is_no_addition(kept: str, found: int, examine: Examine) -> None:
    text = "Der Hund bellt laut und lange in der Nacht. " * 4
    pair = InstructionPair(instruction=f"Kürze den Text: {text}", input=kept, response="x")
    source = InstructionPair(instruction="Shorten it.", input="The dog barks long in the night. " * 4, response="x")
    assert len(examine(pair, "de", source=source, kinds=KIND)[0]) == found
