"""Thai: marks and vowels in the order in which they are stored."""

from __future__ import annotations

import pytest

from midb.detectors.translation.orthography.thai import find_in_thai


def repair(text: str) -> str:
    for place in reversed(sorted(find_in_thai(text), key=lambda place: place.start)):
        assert text[place.start : place.end] == place.before
        text = text[: place.start] + (place.before if place.after is None else place.after) + text[place.end :]
    return text


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("น\u0e4d\u0e49\u0e32", "น้ำ"),
        ("น\u0e49\u0e4d\u0e32", "น้ำ"),
        ("ค\u0e4d\u0e32", "คำ"),
        ("ค\u0e32\u0e4d", "คำ"),
        ("ก\u0e25\u0e32\u0e49", "กล้า"),
        ("ข\u0e49\u0e36น", "ขึ้น"),
        ("เก\u0e47\u0e47บ", "เก็บ"),
        ("ศักด\u0e4c\u0e34", "ศักดิ์"),
        ("น\u0e30\u0e48", "น่ะ"),
        ("เเก", "แก"),
    ],
)
def test_what_no_word_has(typed: str, right: str) -> None:
    assert repair(typed) == right
    assert repair(f"คำว่า {typed}ครับ") == f"คำว่า {right}ครับ"


@pytest.mark.parametrize(
    "text",
    [
        "ทำน้ำค้าง เก็บที่ชั้นสิทธิ์ แม่ค้า ป้า เข้ม ศักดิ์",
        "พุทฺธํ สรณํ",
        "ไม่\u0e48\u0e48",  # drawn out
        "เ เ",
        "า้า",  # no consonant to bear the tone
        "ค้า\u0e49า",
        "Ação é plana",
    ],
)
def test_what_is_left(text: str) -> None:
    assert repair(text) == text


def test_two_different_tones_are_told() -> None:
    assert [(place.before, place.after) for place in find_in_thai("ที\u0e48\u0e49")] == [("\u0e48\u0e49", None)]
