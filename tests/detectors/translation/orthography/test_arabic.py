"""Arabic: Persian letters in its words, and lines inside them."""

from __future__ import annotations

import pytest

from midb.detectors.translation.orthography.arabic import find_in_arabic

#: Words that only Arabic has: without them a text may be anything that is written in its letters.
ARABIC = "المدينة الجميلة في الدولة. "


def found(text: str) -> list[tuple[str, str | None]]:
    return [(place.before, place.after) for place in find_in_arabic(text)]


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("کتاب", "كتاب"),
        ("مکتبة", "مكتبة"),
        ("کبیر", "كبير"),
        ("فی", "في"),
        ("حتی", "حتى"),
        ("علی", None),
        ("علیٍّ", None),
    ],
)
def test_persian_letters(word: str, right: str | None) -> None:
    assert found(f"{ARABIC}{word} آخر") == [(word, right)]


@pytest.mark.parametrize(
    "text",
    [
        f"{ARABIC}(کتاب)",
        f"{ARABIC}«کتاب»",
        f"{ARABIC}\nاین کتاب است",
        f"{ARABIC}\nپدر کتاب",
        "کتاب کبیر",  # nothing says that this is Arabic
        ARABIC,
    ],
)
def test_what_may_be_persian_is_left(text: str) -> None:
    assert found(text) == []


def test_a_line_between_two_letters_is_told() -> None:
    assert found("مرحبـــا") == [("بـــ", None)]
    assert found('هـ، بـ 5، لـ "أحمد", ــ') == []
