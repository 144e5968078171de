"""Where the tone of a Vietnamese syllable belongs."""

from __future__ import annotations

import pytest

from midb.detectors.translation.orthography.syllables import find_misplaced_tones


def found(text: str) -> list[tuple[str, str | None]]:
    return [(place.before, place.after) for place in find_misplaced_tones(text)]


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("tóan", "toán"), ("hòang", "hoàng"), ("Hùynh", "Huỳnh"), ("qúa", "quá"), ("qủy", "quỷ"), ("gíao", "giáo"),
        ("gỉai", "giải"), ("đừơng", "đường"), ("tíêng", "tiếng"), ("TÓAN", "TOÁN"), ("ngừơi", "người"),
        ("khỏang", "khoảng"),
        ("baú", None), ("caó", None), ("muả", None),
    ],
)  # fmt: skip
def test_what_no_way_of_writing_has(word: str, right: str | None) -> None:
    assert found(word) == [(word, right)]


RIGHT = """
    hòa hoà khỏe khoẻ thủy thuỷ quý quá giá già gì gìn giếng giữa đường tiếng người rượu khuỷu huỳnh toán của mía múa
    thuở huế quốc quyển yếu tuổi khoái ngoèo xoáy oái ươn uống ỉa ủa lũy tía cứu khuya xoong
"""


@pytest.mark.parametrize("word", RIGHT.split())
def test_syllables_that_are_right(word: str) -> None:
    assert found(word) == []


@pytest.mark.parametrize(
    "word", ["Chloé", "José", "Haití", "Bogotá", "café", "Raúl", "naïve", "Beyoncé", "São", "olá", "cÃo"]
)
def test_words_of_other_languages(word: str) -> None:
    assert found(word) == []
