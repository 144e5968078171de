"""Tasks that are about punctuation: wrong marks are their subject."""

from __future__ import annotations

import re

import pytest
from examining import inspection, respond

from midb.locales import LANGUAGES, load
from midb.text.subjects.punctuation_tasks import PunctuationTasks, is_about_punctuation, is_spoken_of


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_knows_such_tasks(code: str) -> None:
    section = load(code).get(PunctuationTasks)
    assert section is not None, "without it, exercises on punctuation would be solved"
    assert section.pattern.fullmatch("") is None, "would match anywhere"


@pytest.mark.parametrize(
    ("code", "instruction", "expected"),
    [
        ("de", "Korrigiere die Zeichensetzung.", True),
        ("de", "SETZE DIE KOMMAS.", True),
        ("de", "Beschreibe einen Hund.", False),
        ("fr", "Corrige la ponctuation de cette phrase.", True),
        ("fr", "Décris un chien.", False),
        ("ja", "次の文の句読点を直してください。", True),
        ("ja", "犬について書いてください。", False),
        ("ar", "صحح علامات الترقيم", True),
        ("ar", "صف كلبا", False),
    ],
)
def test_instructions(code: str, instruction: str, expected: bool) -> None:
    assert is_about_punctuation(inspection(code, respond("x", instruction))) is expected


def test_only_the_instruction_decides() -> None:
    assert not is_about_punctuation(inspection("de", respond("Die Zeichensetzung ist falsch.", "Sag etwas.")))


def test_an_unknown_language_has_no_such_tasks() -> None:
    assert not is_about_punctuation(inspection("und", respond("x", "Korrigiere die Zeichensetzung.")))


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("de", "Das Zeichen ; trennt Felder.", True),
        ("de", "Der Hund ; die Katze.", False),
        ("de", "Was ist das ? eine Katze.", True),
        ("de", "Was ist das ? Eine Katze.", False),
        ("de", "Das steht dort . https://example.org", False),
        ("ko", "주소의 ? 다음에 옵니다.", True),
        ("ko", "누구세요 ? 저는 학생입니다.", False),
        ("ja", "記号 ？ のあと", True),
        ("th", "คำ ? คำ", False),
        ("de", "Das Zeichen ?", False),
    ],
)
def test_a_mark_that_is_spoken_of(code: str, text: str, expected: bool) -> None:
    start = next(match.start() for match in re.finditer(r"[;?？]|\.(?= )", text))
    assert is_spoken_of(text, start, inspection(code, respond(text))) is expected
