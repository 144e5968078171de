"""Literals are spoiled where the source has them, and nowhere else."""

from __future__ import annotations

import pytest
from clean_pairs import clean_pairs, defects, pair

from midb.injectors import inject, injectors
from midb.locales import LANGUAGES


def test_parts_of_an_address() -> None:
    text = "Siehe https://a.example/help/faq hier."
    made = defects(injectors()["altered-url"], pair("de", text, source="See https://a.example/help/faq here."))
    assert made == {
        "blank behind the scheme": {"Siehe https:// a.example/help/faq hier."},
        "blank in the path": {"Siehe https://a.example/ help/faq hier."},
        "part of the path translated": {"Siehe https://a.example/anleitung/faq hier."},
    }


def test_a_placeholder_is_translated_and_a_formula_holds_none() -> None:
    text = r"Hallo {name}, $\frac{a}{b}$ und %s."
    made = defects(injectors()["altered-placeholder"], pair("de", text, source=r"Hi {name}, $\frac{a}{b}$ and %s."))
    assert made == {
        "capital": {r"Hallo {Name}, $\frac{a}{b}$ und %s."},
        "name translated": {r"Hallo {Name}, $\frac{a}{b}$ und %s."},
        "blank in it": {r"Hallo {name}, $\frac{a}{b}$ und % s."},
    }


def test_commands_of_a_formula_are_set_apart() -> None:
    made = defects(injectors()["altered-formula"], pair("fr", r"$\sqrt{9}$", source=r"$\sqrt{9}$"))
    assert made == {"commands set apart": {r"$\ sqrt{9}$"}, "braces set apart": {r"$ \ sqrt {9} $"}}


@pytest.mark.parametrize("kind", ["altered-url", "altered-placeholder", "altered-formula", "translated-code"])
def test_nothing_without_the_source(kind: str) -> None:
    for name in ("address", "placeholder", "formula", "code"):
        clean = clean_pairs("de")[name]
        assert inject(kind, pair("de", clean.response), 1) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_keywords_are_those_of_the_language(language: str) -> None:
    clean = clean_pairs(language)["code"]
    for code in defects(injectors()["translated-code"], clean)["every keyword"]:
        assert "\n    if " not in code
        assert "return True" not in code
        assert "is_even(number)" in code
