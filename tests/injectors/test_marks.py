"""Defects of punctuation."""

from __future__ import annotations

import pytest
from clean_pairs import defects, pair

from midb.injectors import inject, injectors


@pytest.mark.parametrize(
    ("kind", "language", "text", "form", "made"),
    [
        ("punctuation-form", "ar", "متى؟", "English ?", "متى?"),
        ("punctuation-form", "el", "Πότε;", "English ?", "Πότε?"),
        ("punctuation-form", "ja", "朝、行く。", "English ,", "朝, 行く。"),
        ("punctuation-form", "de", "Ja, gut", "Chinese ，", "Ja， gut"),
        ("punctuation-spacing", "de", "Ja, gut", "blank before a mark", "Ja , gut"),
        ("punctuation-spacing", "de", "Er kommt, weil er will.", "no blank behind a comma", "Er kommt,weil er will."),
        ("punctuation-spacing", "fr", "Oui\u202f! Quand\u202f?", "no blank before a high mark", "Oui! Quand\u202f?"),
        ("percent-form", "tr", "Fiyat %12 arttı", "sign as in English", "Fiyat 12% arttı"),
        ("percent-form", "de", "Um 12\u00a0% mehr", "plain blank", "Um 12 % mehr"),
        ("inverted-marks", "es", "¿Qué?", "¿ left out", "Qué?"),
        ("quotation-marks", "de", "Er sagt „ja“.", "one quotation", 'Er sagt "ja".'),
        ("quotation-marks", "fr", "Il dit «\u00a0oui\u00a0».", "one quotation", 'Il dit "oui".'),
    ],
)
def test_forms(kind: str, language: str, text: str, form: str, made: str) -> None:
    assert made in defects(injectors()[kind], pair(language, text))[form]


@pytest.mark.parametrize(
    ("kind", "language", "text"),
    [
        ("punctuation-form", "ja", "行く。"),  # without another mark it is a style
        ("punctuation-spacing", "th", "ดี, มาก"),
        ("percent-form", "it", "il 12%"),
        ("inverted-marks", "it", "Quando?"),
        ("quotation-marks", "ar", "قال «نعم»."),
        ("quotation-marks", "de", 'Er sagt "ja"'),
    ],
)
def test_no_place(kind: str, language: str, text: str) -> None:
    assert defects(injectors()[kind], pair(language, text)) == {}


def test_items_between_commas_are_no_sentence() -> None:
    made = defects(injectors()["punctuation-spacing"], pair("de", "rote Tische, alte Stühle"))
    assert set(made) == {"blank before a mark"}


def test_a_blank_before_the_percent_sign_is_a_convention() -> None:
    clean = pair("de", "Um 12\u00a0% mehr")
    assert inject("percent-form", clean, 1, typography=False) is None
    assert inject("percent-form", clean, 1)
