"""Letters in parts: what composes, and what does not."""

from __future__ import annotations

import unicodedata

import pytest

from midb.detectors.translation.orthography.decomposed import find_decomposed
from midb.locales import LANGUAGES, load
from midb.text.forms.plain_readings import own_alphabet


def repair(text: str) -> str:
    for place in reversed(list(find_decomposed(text))):
        assert text[place.start : place.end] == place.before
        assert place.after is not None
        text = text[: place.start] + place.after + text[place.end :]
    return text


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_letter_of_every_alphabet_is_composed(code: str) -> None:
    text = " ".join(sorted(own_alphabet(load(code))))
    assert repair(unicodedata.normalize("NFD", text)) == text


@pytest.mark.parametrize("text", ["한국어 각 뷁 힣", "ガギグゲゴ ぱぴぷぺぽ", "أإآؤئ", "ΐΰ ΏΊ", "йёЙЁ ўї"])
def test_other_scripts(text: str) -> None:
    assert repair(unicodedata.normalize("NFD", text)) == text


def test_letters_side_by_side_are_one_place() -> None:
    assert [place.before for place in find_decomposed(unicodedata.normalize("NFD", "한국 가나"))] == [
        unicodedata.normalize("NFD", "한국"),
        unicodedata.normalize("NFD", "가나"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "été",
        "x\u0304",  # no such character
        "a\u0301\u0302\u0303\u0304",  # decoration
        "ردّ\u064bا",  # vowel signs, which normalization puts into another order
        "\u0301",
        "\u1100\u1100",
        "TALi\u0307MAT",  # small or not?
        "i\u0307\u0301",  # Lithuanian keeps the dot below an accent
    ],
)
def test_what_is_left(text: str) -> None:
    assert list(find_decomposed(text)) == []


def test_the_dot_of_a_small_turkish_letter() -> None:
    assert repair("İSTANBUL İZMİR".lower()) == "istanbul izmir"
    assert repair("I\u0307zmir Di\u0307yarbakır") == "İzmir Diyarbakır"
