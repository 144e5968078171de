"""Letters of a script that has no place in the text, and all the places where they have one."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, passages, respond

from midb.detectors.translation import foreign_script
from midb.detectors.translation.foreign_script import FOREIGN_SCRIPT
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load

KIND = [FOREIGN_SCRIPT.name]


@pytest.mark.parametrize(
    ("code", "text", "found", "reason"),
    [
        ("cs", "Je to velmi 愉快 místo.", "愉快", "Han letters in a text in Czech"),
        ("ms", "meny愉kan", "愉", "Han letters in a text in Malay"),
        ("ar", "هذا слово هنا", "слово", "Cyrillic letters in a text in Arabic"),
        ("el", "Το 학생 είναι εδώ", "학생", "Hangul letters in a text in Greek"),
        ("de", "Das ist ดี und gut", "ดี", "Thai letters in a text in German"),
        ("ko", "이것은 слово 입니다", "слово", "Cyrillic letters in a text in Korean"),
        ("ko", "우리愉快는", "愉快", "Han letters in a text in Korean"),
    ],
)
def test_letters_out_of_place(code: str, text: str, found: str, reason: str, examine: Examine) -> None:
    pair = respond(text, "…")
    findings, repaired = examine(pair, code, kinds=KIND)
    assert passages(pair, findings) == [found]
    assert evidence(findings) == [reason]
    assert repaired == pair


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "Das Wort „слово“ steht hier."),  # quoted
        ("de", "Tokio (東京) ist groß."),  # a gloss
        ("de", "東京 (Tokio) ist groß."),  # before its gloss
        ("de", "Hauptstadt: 東京"),  # a value
        ("de", "Die Fläche ist πr² und ΔT."),  # mathematics
        ("de", "Na ja ツ"),  # a face
        ("de", "`слово` steht dort"),
        ("ja", "Dogは犬です。"),  # Latin is at home everywhere
        ("ko", "美 대통령이 말했다"),  # a newspaper's sign
        ("de", "Er sagt es.\nبسم الله\nDas war es."),  # a verse
        ("ru", "Дoм стоит."),  # a mixed word is another kind's
    ],
)
def test_letters_in_place(code: str, text: str, examine: Examine) -> None:
    assert examine(respond(text, "…"), code, kinds=KIND)[0] == []


def test_what_the_source_holds_belongs_there(examine: Examine) -> None:
    pair = respond("Das ist 愉快 hier", "…")
    assert len(examine(pair, "de", kinds=KIND)[0]) == 1
    assert examine(pair, "de", source=respond("This is 愉快 here"), kinds=KIND)[0] == []


def test_a_task_about_languages_wants_them(examine: Examine) -> None:
    assert examine(respond("Das ist 愉快 hier", "Übersetze das ins Chinesische."), "de", kinds=KIND)[0] == []


def test_a_line_of_its_own_in_the_input_is_material(examine: Examine) -> None:
    pair = InstructionPair(instruction="Sag etwas dazu.", input="Es steht da:\n愉快的地方\nund mehr", response="Ja.")
    assert examine(pair, "de", kinds=KIND)[0] == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_foreign_letter_is_overlooked_by_the_first_glance(code: str) -> None:
    scripts = load(code).scripts
    foreign, strange = foreign_script._foreign_pattern(scripts), foreign_script._strange_pattern(scripts)
    every = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x20000))))
    letters = "".join(match.group() for match in foreign.finditer(" ".join(every)))
    assert [letter for letter in letters if foreign.match(letter) and not strange.match(letter)] == []
