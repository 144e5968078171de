"""The letters of a language in their order."""

from __future__ import annotations

import pytest

from midb.locales import LANGUAGES, load
from midb.text.forms.alphabets import LetterOrder


def test_letters_of_an_alphabet_are_told_once() -> None:
    known = [section for code in LANGUAGES if (section := load(code).get(LetterOrder))]
    assert len(known) > 8
    for section in known:
        assert len(set(section.letters)) == len(section.letters)


def test_accents_that_make_no_letter_do_not_count() -> None:
    order = LetterOrder(letters="abcdñ", undecided=("ä",))
    assert order.read("Ábñ") == [0, 1, 4]
    assert order.read("ä") is None
    assert order.read("x") is None


def test_turkish_has_two_letters_i() -> None:
    order = load("tr").get(LetterOrder)
    assert order is not None
    assert order.read("Iİ") == [order.places["ı"], order.places["i"]]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("vi", ["ai", "ăn", "ấm", "bà", "đá", "em", "ở"]), ("ko", ["가방", "고양이", "공", "자동차"]),
        ("th", ["กา", "เก", "ขา", "แมว", "รถ", "หมา"]), ("ar", ["باب", "تين", "خبز", "قمر"]),
        ("ja", ["いぬ", "さくら", "ざる", "やま"]),
    ],
)  # fmt: skip
def test_words_stand_as_in_the_dictionary(code: str, words: list[str]) -> None:
    order = load(code).get(LetterOrder)
    assert order is not None
    places = [place for word in words if (place := order.read(word)) is not None]
    assert len(places) == len(words)
    assert places == sorted(places)


@pytest.mark.parametrize(("code", "word"), [("ja", "車"), ("ja", "ケーキ"), ("ar", "أسد"), ("ko", "cat"), ("vi", "猫")])
def test_what_stands_in_no_alphabet_is_not_sorted(code: str, word: str) -> None:
    order = load(code).get(LetterOrder)
    assert order is not None
    assert order.read(word) is None
