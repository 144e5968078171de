"""Words of grammar and letters tell a language where they clearly prevail."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.text.telling.grammar import letter_of, split_lowered, tell_by_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Das ist ein Satz, der nicht sehr lang ist.", "de"),
        ("Le chat dort sur la table et il ne veut pas sortir.", "fr"),
        ("It is in the house, and it is not for you.", "en"),
        ("Xin chào, tôi đang đứng ở đây với bạn của tôi.", "vi"),
        ("Rio de Janeiro, Lima", None),
        ("", None),
        ("der der der der", None),  # one word alone, however often
    ],
)
def test_words_tell_a_language(text: str, expected: str | None) -> None:
    assert tell_by_words(text) == expected


def test_indonesian_and_malay_are_not_told_apart_against_others() -> None:
    assert tell_by_words("Dia tidak akan pergi ke pasar karena hujan dan jalan itu jauh.") in ("id", "ms")


@given(st.text(alphabet="abçİıДé漢ab_1²½٣ -.'’\n"))
def test_a_word_has_letters_alone(text: str) -> None:
    """As one pattern says it, which takes twice the time."""
    plain = re.sub(r"\b[A-Z]\b", "", text).lower()
    assert split_lowered(text) == re.findall(r"\b[^\W\d_]+\b", plain)


def test_a_letter_of_one_language() -> None:
    assert letter_of("cs").findall("kůň a člověk") == ["ů", "ň", "č", "ě"]
