"""English tasks that rest on the English language."""

from __future__ import annotations

import pytest

from midb.detectors.localization.english_bound.tasks import Bond, find_bond


@pytest.mark.parametrize(
    ("instruction", "bond"),
    [
        ("Correct the spelling mistakes in this text.", Bond.CORRECTION),
        ("Find the misspelt word in the sentence.", Bond.CORRECTION),
        ("Locate the error in the following sentence.", Bond.CORRECTION),
        ("Please proofread this.", Bond.CORRECTION),
        ("Compose a limerick.", Bond.RHYME),
        ("Write a rap about rivers.", Bond.RHYME),
        ("Write a haiku.", Bond.SYLLABLES),
        ("Think of a tongue-twister.", Bond.WORDPLAY),
        ("Explain this idiom.", Bond.IDIOM),
        ("Come up with an acronym for the project.", Bond.ACRONYM),
        ("Is this word a palindrome?", Bond.LETTERS),
        ("Name a fruit beginning with K.", Bond.LETTERS),
        ("How many letters does the word have?", Bond.LETTERS),
        ("List a five-letter word.", Bond.LETTERS),
        ("Arrange the names in alphabetical order.", Bond.ALPHABET),
        ("Rewrite it in title case.", Bond.CAPITALS),
        ("Give an antonym.", Bond.WORD),
    ],
)
def test_what_is_bound(instruction: str, bond: Bond) -> None:
    found = find_bond(instruction)
    assert found is not None
    assert found[0] is bond
    assert found[1] in instruction


@pytest.mark.parametrize(
    "instruction",
    [
        "Write a letter to a friend.",
        "Write a cover letter.",
        "Find the errors in this program.",
        "Explain the error message.",
        "Write a poem about snow.",
        "Who is the best rap artist?",
        "What is the capital of France?",
        "Start with an introduction.",
        "What does the acronym NASA stand for?",
        "Translate the rhyme.",
        "Write a Python function that counts vowels.",
        "Write a poem that does not rhyme.",
        "Find a phrase or idiom for this.",
        "Evaluate the business plan.",
        "Correct the spelling. " + "A long text. " * 60,
    ],
)
def test_what_is_not(instruction: str) -> None:
    assert find_bond(instruction) is None
