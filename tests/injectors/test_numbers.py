"""Defects of numbers: as they stand in the English source, in another unit, or wrong."""

from __future__ import annotations

import pytest
from clean_pairs import clean_pairs, defects, pair

from midb.domain.pairs import InstructionPair
from midb.injectors import CleanPair, inject, injectors
from midb.locales import LANGUAGES


@pytest.mark.parametrize(
    ("kind", "language", "text", "source", "form", "made"),
    [
        ("decimal-separator", "de", "12,5 und 3,5 m", "12.5 and 3.5 m", "every number", "12.5 und 3.5 m"),
        ("decimal-separator", "de", "12,5 m", "12.5 m", "one number", "12.5 m"),
        ("group-separator", "de", "48.500 Leute", "48,500 people", "English commas", "48,500 Leute"),
        ("group-separator", "fr", "48\u202f500 habitants", "48,500 people", "English commas", "48,500 habitants"),
        (
            "imperial-unit",
            "de",
            "15 km bei 24 °C",
            "9 miles at 75 °F",
            "every measure",
            "9 Meilen bei 75 Grad Fahrenheit",
        ),
        ("false-equation", "de", "17 + 25 = 42 Stück", "17 + 25 = 42", "digits swapped", "17 + 25 = 24 Stück"),
    ],
)
def test_forms(kind: str, language: str, text: str, source: str, form: str, made: str) -> None:
    assert made in defects(injectors()[kind], pair(language, text, source=source))[form]


@pytest.mark.parametrize(
    ("kind", "language", "text", "source"),
    [
        ("decimal-separator", "ja", "12.5 m", "12.5 m"),
        ("decimal-separator", "de", "12,5 m", "125 m"),
        ("decimal-separator", "de", "am 12,5 um", "version 12.5.1"),
        ("group-separator", "ms", "48,500 orang", "48,500 people"),
        ("imperial-unit", "de", "15 km", "15 km"),
        ("false-equation", "de", "x + 25 = 42", "x + 25 = 42"),
    ],
)
def test_no_place(kind: str, language: str, text: str, source: str) -> None:
    assert defects(injectors()[kind], pair(language, text, source=source)) == {}


def test_an_answer_that_is_one_number_gets_another() -> None:
    clean = clean_pairs("de")["average"]
    assert {"off by one": {"13"}, "digits swapped": {"21"}}.items() <= defects(
        injectors()["wrong-answer"], clean
    ).items()
    task = InstructionPair(instruction="How old is she?", response="12")
    assert inject("wrong-answer", CleanPair(task, "de", task), 1) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_measures_are_known_in_every_language(language: str) -> None:
    clean = clean_pairs(language)["measures"]
    assert len(defects(injectors()["imperial-unit"], clean)["every measure"]) == 1
