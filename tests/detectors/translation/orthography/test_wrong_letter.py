"""Which rules hold in which language, and for which tasks none does."""

from __future__ import annotations

import pytest
from examining import Examine, inspection, respond

from midb.detectors.translation.orthography.wrong_letter import (
    WRONG_LETTER,
    LetterRules,
    WrongLetters,
    find_wrong_letters,
)
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load

KIND = [WRONG_LETTER.name]


def test_each_rule_has_a_language() -> None:
    sections = {code: load(code).get(WrongLetters) for code in LANGUAGES}
    used = [rule for section in sections.values() if section for rule in section.rules]
    assert sorted(used) == sorted(LetterRules)
    assert {code for code, section in sections.items() if section} == {"ar", "el", "th", "tr", "vi"}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("th", "เเมว"),
        ("el", "ο λόγοσ του"),
        ("vi", "Môn tóan"),
        ("ar", "هذه الکتب المفيدة في المکتبة العامة."),
    ],
)
def test_mistakes_of_a_writer_are_left_in_tasks_about_mistakes(code: str, text: str, examine: Examine) -> None:
    about = {"th": "ข้อผิดพลาด", "el": "Διόρθωσε τα λάθη.", "vi": "Sửa lỗi.", "ar": "صحح الأخطاء."}[code]
    assert len(examine(respond(text), code, kinds=KIND)[0]) == 1
    assert examine(respond(text, about), code, kinds=KIND)[0] == []


@pytest.mark.parametrize(
    ("code", "text", "about"),
    [
        ("tr", "dýþarýda þarký söylüyor", "Cümledeki hataları düzelt."),
        ("vi", "Thủ ðô", "Sửa lỗi chính tả."),
    ],
)
def test_a_wrong_encoding_is_no_mistake_of_a_writer(code: str, text: str, about: str, examine: Examine) -> None:
    findings, pair = examine(respond(text, about), code, kinds=KIND)
    assert len(findings) == 1
    assert pair.response != text


@pytest.mark.parametrize("original", ["Reverse the letters of this word.", "Fix the typos.", "Make an anagram."])
def test_english_tasks_about_letters(original: str, examine: Examine) -> None:
    source = InstructionPair(instruction=original, response="x")
    assert examine(respond("ο λόγοσ του"), "el", source=source, kinds=KIND)[0] == []
    assert examine(respond("ο λόγοσ του"), "el", source=InstructionPair(instruction="Write."), kinds=KIND)[0]


def test_a_language_without_the_table_and_plain_text() -> None:
    assert list(find_wrong_letters("เเมว", inspection("de", respond("เเมว")))) == []
    assert list(find_wrong_letters("plain", inspection("tr", respond("plain")))) == []
