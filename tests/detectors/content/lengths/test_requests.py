"""Lengths that English instructions ask for."""

from __future__ import annotations

import pytest

from midb.detectors.content.lengths.requests import LengthLimit, Measure, read_limit


@pytest.mark.parametrize(
    ("task", "limit"),
    [
        ("Summarize the text in 50 words or less.", "at most 50 words"),
        ("Write a story in less than 100 words.", "at most 99 words"),
        ("Write a 200-word essay.", "200 words"),
        ("Write a 1,000 word report.", "1000 words"),
        ("Compose a five-line poem.", "5 lines"),
        ("Explain it in two to three sentences.", "2 to 3 sentences"),
        ("Explain it in one sentence.", "1 sentence"),
        ("Summarize it in a single sentence.", "1 sentence"),
        ("Write between 50 and 100 words.", "50 to 100 words"),
        ("Write at least 300 words.", "at least 300 words"),
        ("Use no more than eight words.", "at most 8 words"),
        ("Write a tweet of 140 characters or less.", "at most 140 characters"),
        ("Write three sentences about the sea.", "3 sentences"),
        ("Write one paragraph about the sea.", "1 paragraph"),
        ("Write a poem with 10 lines.", "10 lines"),
    ],
)
def test_what_is_asked_for(task: str, limit: str) -> None:
    assert str(read_limit(task)) == limit


@pytest.mark.parametrize(
    "task",
    [
        "Write a story.",
        "Use these three words.",
        "Make a list of five words.",
        "Write 3 paragraphs of 200 words each.",
        "Describe the main characters in two sentences.",
        "Write a program with 10 lines.",
        "1. Write a title. 2. Use at most 10 words.",
        "a) Write five sentences b) Write two sentences.",
        "Combine these two sentences.",
        "Write a password with 12 characters.",
        "Write in 10 words and in two sentences.",
        "Write it in one word.",
        "In 50 words or less, say it. " + "More of it. " * 80,
    ],
)
def test_what_is_not_plain(task: str) -> None:
    assert read_limit(task) is None


def test_a_number_that_is_only_named() -> None:
    assert str(LengthLimit(Measure.WORDS, 0, 200, named=True)) == "200 words"
