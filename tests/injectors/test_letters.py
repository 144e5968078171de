"""Defects of single letters: which ones, in which languages."""

from __future__ import annotations

import pytest
from clean_pairs import clean_pairs, defects, pair

from midb.injectors import Expectation, inject, injectors
from midb.locales import LANGUAGES


@pytest.mark.parametrize(
    ("language", "text", "made"),
    [
        ("ru", "сегодня", "cегодня"),
        ("el", "κόσμος", "κόσμoς"),
        ("de", "Katzen", "Kаtzen"),
        ("ja", "Python です", "Pythоn です"),
    ],
)
def test_look_alikes_of_another_alphabet(language: str, text: str, made: str) -> None:
    assert made in defects(injectors()["mixed-script-word"], pair(language, text), seeds=40)["one letter"]


def test_what_may_stand_for_its_sound_is_only_to_be_found() -> None:
    expected = set()
    for seed in range(60):
        made = inject("mixed-script-word", pair("ru", "сегодня"), seed)
        assert made
        (edit,) = made.edits
        if made.form == "one letter":
            assert (edit.after[0] == "c") is (made.expected is Expectation.FLAGGED)
        expected.add(made.expected)
    assert expected == set(Expectation)


@pytest.mark.parametrize(
    ("language", "text", "form", "made"),
    [
        ("th", "แมวน้ำ", "two vowels for one", "เเมวน้ำ"),
        ("th", "ทำ", "vowel in two parts", "ท\u0e4d\u0e32"),
        ("el", "ο άνθρωπος εδώ", "sigma inside for final sigma", "ο άνθρωποσ εδώ"),
        ("el", "Έχω", "accent beside its capital", "\u0384Εχω"),
        ("tr", "dışarıda şarkı", "read as Western European", "dýþarýda þarký"),
        ("vi", "đi xa", "eth", "ði xa"),
    ],
)
def test_wrong_letters_of_a_language(language: str, text: str, form: str, made: str) -> None:
    assert made in defects(injectors()["wrong-letter"], pair(language, text))[form]


def test_a_persian_keyboard_has_no_arabic_kaf() -> None:
    made = defects(injectors()["wrong-letter"], pair("ar", "في المكتبة كل الكتب على الرفوف"))["Persian keyboard"]
    assert made == {"في المکتبة کل الکتب على الرفوف"}


def test_accents_are_lost_throughout() -> None:
    clean = clean_pairs("el")["market"]
    made = inject("lost-accents", clean, 1)
    assert made
    assert not set(made.applied(clean.pair).response or "") & set("άέήίόύώ")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_piece_of_another_script_is_of_no_script_of_the_language(language: str) -> None:
    own = {"ru": "опыт", "th": "ประสบการณ์", "ar": "تجربة", "ja": "体验", "ko": "경험"}.get(language)
    pieces = set()
    for seed in range(40):
        made = inject("foreign-script", clean_pairs(language)["market" if language != "ja" else "letter"], seed)
        if made:
            pieces.add(made.edits[0].after.strip())
    assert len(pieces) > 3
    assert own not in pieces


def test_a_word_of_the_source_strays_into_a_sentence_of_another_script() -> None:
    clean = pair("ru", "Мы видели старый маяк вчера.", source="We saw the ancient lighthouse (see https://a.example).")
    made = defects(injectors()["stray-english-word"], clean, seeds=20)["in place of a word"]
    assert made == {
        f"Мы {before} маяк вчера.".replace("видели старый", replaced)
        for before in ("видели старый",)
        for word in ("ancient", "lighthouse")
        for replaced in (f"{word} старый", f"видели {word}")
    } | {f"Мы видели старый {word} вчера." for word in ("ancient", "lighthouse")}
    assert inject("stray-english-word", clean_pairs("de")["market"], 1) is None
