"""Rhymes and syllables as letters show them."""

from __future__ import annotations

import pytest

from midb.detectors.localization.english_bound.verse import last_letters, may_be_haiku, may_rhyme, rhymes_with


@pytest.mark.parametrize(
    ("one", "other"), [("Das alte Haus,", "eine Maus!"), ("café", "fée"), ("большой дом", "ком"), ("하늘 사랑", "강")]
)
def test_what_ends_alike(one: str, other: str) -> None:
    assert (last_letters(one) == last_letters(other)) is (other != "fée")


def test_a_rhyme_across_lines() -> None:
    assert may_rhyme(["ein Haus", "ein Baum", "die Maus", "der Raum"])
    assert not may_rhyme(["ein Haus", "ein Tal", "die Katze", "der Raum"])


def test_a_word_does_not_rhyme_with_itself() -> None:
    assert not may_rhyme(["im Haus", "aus dem Haus"])


def test_one_line_is_no_verse() -> None:
    assert not may_rhyme(["im Haus"])
    assert not may_rhyme([])


def test_no_words_no_rhyme() -> None:
    assert not rhymes_with("Haus", [])


@pytest.mark.parametrize(
    ("text", "language", "fits"),
    [
        ("La vieja rana\nsalta al agua tranquila:\nruido del agua", "es", True),
        ("Una rana\nsalta", "es", False),
        ("古池や蛙飛びこむ水の音", "ja", True),
        ("とても長い文章がここにありまして俳句とはとても言えない長さになっております", "ja", False),
        ("오래된 연못 개구리 뛰어드네 물소리 퐁당", "ko", True),
        ("물", "ko", False),
        ("ao cũ con ếch nhảy vào vang tiếng nước xao trong chiều vắng lặng", "vi", True),
        ("ao", "vi", False),
        ("قط", "ar", True),
    ],
)
def test_the_length_of_a_haiku(text: str, language: str, fits: bool) -> None:
    assert may_be_haiku(text, language) is fits
