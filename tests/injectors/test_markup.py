"""Defects of markup."""

from __future__ import annotations

import pytest
from clean_pairs import defects, pair

from midb.injectors import injectors

STEPS = "1. Eins.\n2. Zwei.\n3. Drei.\n4. Vier."


@pytest.mark.parametrize(
    ("kind", "text", "form", "made"),
    [
        ("spaced-emphasis", "**so** und **so**", "every emphasis", "** so ** und ** so **"),
        ("spaced-emphasis", "**so** gut", "blank before the end", "**so ** gut"),
        ("unclosed-markup", "So:\n```\na\n```", "fence", "So:\n```\na"),
        ("unclosed-markup", "**so** gut", "bold", "**so gut"),
        ("escaped-text", "a\nb\nc", "line breaks", "a\\nb\\nc"),
        ("escaped-text", "a **b** c", "stars", "a \\*\\*b\\*\\* c"),
        ("broken-numbering", STEPS, "number repeated", STEPS.replace("3.", "2.")),
        ("broken-numbering", STEPS, "number skipped", STEPS.replace("4.", "5.").replace("3.", "4.")),
    ],
)
def test_forms(kind: str, text: str, form: str, made: str) -> None:
    assert made in defects(injectors()[kind], pair("de", text))[form]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("escaped-text", "Eine Zeile."),
        ("escaped-text", "C:\\neu\nb\nc"),
        ("unclosed-markup", "Kein Kode."),
        ("broken-numbering", "1. Eins.\n2. Zwei.\n3. Drei."),
        ("broken-numbering", "3. Drei.\n4. Vier.\n5. Fünf.\n6. Sechs."),
    ],
)
def test_no_place(kind: str, text: str) -> None:
    assert defects(injectors()[kind], pair("de", text)) == {}
