"""Texts that lost all accents."""

from __future__ import annotations

import unicodedata

import pytest
from examining import Examine, field_text, respond

from midb.detectors.translation.orthography.accents import LOST_ACCENTS, LostAccents, find_lost_accents
from midb.locales import LANGUAGES, load
from midb.text.words import function_words

GREEK = "ο ανθρωπος περπατουσε στην πολη και ηταν πολυ ευτυχισμενος γιατι ειδε τη θαλασσα"
VIETNAMESE = "Toi khong biet nguoi nay nhung nguoi ban cua toi duoc moi den va toi rat vui."


def strip(text: str) -> str:
    apart = unicodedata.normalize("NFD", text.replace("đ", "d").replace("ı", "i"))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


@pytest.mark.parametrize("code", [code for code in LANGUAGES if load(code).get(LostAccents)])
def test_a_text_that_lost_them_is_told_and_one_that_has_them_is_not(code: str) -> None:
    words = [word for word in function_words(code) if not word.isascii()] or GREEK.split()
    bare = " ".join(strip(word) for word in words * 2)
    assert find_lost_accents(field_text(bare), load(code)) is not None
    if code != "el":
        assert find_lost_accents(field_text(" ".join(words * 2)), load(code)) is None


def test_one_accent_is_enough() -> None:
    assert find_lost_accents(field_text(GREEK), load("el")) == (2, 10, "9 words without an accent, and none with one")
    assert find_lost_accents(field_text(GREEK.replace("πολη", "πόλη")), load("el")) is None
    assert find_lost_accents(field_text(VIETNAMESE + " Hà Nội"), load("vi")) is None


def test_few_words_and_other_languages() -> None:
    assert find_lost_accents(field_text("καλημερα φιλε μου"), load("el")) is None
    assert find_lost_accents(field_text("Toi khong biet"), load("vi")) is None
    assert find_lost_accents(field_text("The cat is in the house and it can be seen from here."), load("vi")) is None
    assert find_lost_accents(field_text(VIETNAMESE), load("id")) is None


def test_a_long_text_needs_one_word_of_grammar() -> None:
    turkish = "Bu kitapta bir adam evden gidiyor ve onun icin bir mektup bekliyor ama mektup gelmiyor. "
    assert find_lost_accents(field_text(turkish[:60]), load("tr")) is None
    assert find_lost_accents(field_text(turkish * 2), load("tr")) is not None
    assert find_lost_accents(field_text(turkish.replace("icin", "ile") * 2), load("tr")) is None
    english = "They went home once, and the house that they had was not in a town but in the country. "
    assert find_lost_accents(field_text(english * 3), load("tr")) is None


def test_nothing_is_repaired(examine: Examine) -> None:
    findings, pair = examine(respond(VIETNAMESE), "vi", kinds=[LOST_ACCENTS.name])
    assert [finding.fix for finding in findings] == [()]
    assert pair.response == VIETNAMESE


def test_a_task_may_ask_for_it(examine: Examine) -> None:
    assert examine(respond(VIETNAMESE, "Viết không dấu."), "vi", kinds=[LOST_ACCENTS.name])[0] == []
