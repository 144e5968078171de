"""The letters of a language in their order."""

from __future__ import annotations

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
