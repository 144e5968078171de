"""What is left in texts, for every language."""

from __future__ import annotations

import pytest

from midb.injectors.words import words_of
from midb.locales import LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_own_words(language: str) -> None:
    words = words_of(language)
    assert words
    assert set(words.keywords) == {"if", "else", "for", "while", "return", "print", "def"}
    assert set(words.units) == {"mile", "pound", "fahrenheit"}
    assert len(words.refusals) == len(set(words.refusals)) == 2
    assert len(words.announced) == 2
    for other in LANGUAGES:
        theirs = words_of(other)
        assert other == language or (theirs and theirs.paragraph != words.paragraph)


def test_of_another_language_nothing_is_known() -> None:
    assert words_of("und") is None
