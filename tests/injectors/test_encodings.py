"""Defects of encodings are made by encoding and decoding."""

from __future__ import annotations

import unicodedata

import pytest
from clean_pairs import defects, pair

from midb.injectors import injectors
from midb.injectors.encodings import shape


@pytest.mark.parametrize(
    ("language", "text", "page", "misread"),
    [
        ("fr", "un café", "sloppy-windows-1252", "un cafÃ©"),
        ("ru", "Да", "cp1251", "Р”Р°"),
        ("ar", "ما", "cp1256", "ظ…ط§"),
    ],
)
def test_text_is_read_in_another_encoding(language: str, text: str, page: str, misread: str) -> None:
    made = defects(injectors()["mojibake"], pair(language, text))
    assert made[f"whole text read as {page}"] == {misread}


def test_ascii_survives_every_encoding() -> None:
    assert defects(injectors()["mojibake"], pair("id", "Selamat pagi")) == {}


def test_letters_are_taken_apart_as_unicode_does() -> None:
    made = defects(injectors()["decomposed-text"], pair("ko", "한국 사람"))
    assert made["whole text"] == {unicodedata.normalize("NFD", "한국 사람")}
    assert made["one word"] == {
        unicodedata.normalize("NFD", "한국") + " 사람",
        "한국 " + unicodedata.normalize("NFD", "사람"),
    }


def test_a_break_that_scripts_without_blanks_use_is_not_hidden_in_them() -> None:
    hidden = injectors()["invisible-character"]
    assert "zero width space beside a blank" not in defects(hidden, pair("th", "ดีมาก ครับ"))
    assert "zero width space beside a blank" in defects(hidden, pair("de", "sehr gut"))
    assert defects(hidden, pair("de", "sehr gut"))["byte order mark"] == {"\ufeffsehr gut"}


def test_arabic_is_joined_letter_by_letter() -> None:
    shaped = shape("باب كتاب")
    assert shaped == "\ufe91\ufe8e\ufe8f \ufedb\ufe98\ufe8e\ufe8f"
    assert unicodedata.normalize("NFKC", shaped) == "باب كتاب"


@pytest.mark.parametrize(
    ("language", "text", "form", "made"),
    [
        ("it", "la definizione", "ligature", "la deﬁnizione"),
        ("el", "το κόμμα μας", "micro sign", "το κόμ\u00b5α μας"),
        ("ja", "このドアを", "half-width kana", None),
        ("ja", "パソコンで", "half-width kana", "\uff8a\uff9f\uff7f\uff7a\uff9d\u3067"),
        ("ko", "한국", "single jamo", "ㅎㅏㄴㄱㅜㄱ"),
    ],
)
def test_characters_of_old_fonts(language: str, text: str, form: str, made: str | None) -> None:
    found = defects(injectors()["legacy-character"], pair(language, text)).get(form, set())
    assert (made in found) if made else not found
