"""What looks like a name, in scripts with capitals and without."""

from __future__ import annotations

import pytest

from midb.locales import load
from midb.text.names import are_names, find_names


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["Lord", "of", "the", "Rings"], "en", True),
        (["Il", "Nome", "della", "Rosa"], "it", True),
        (["the", "rings", "are", "lost"], "en", False),
        (["The", "train", "to", "Lima"], "en", False),
        ([], "en", False),
    ],
)
def test_lists_of_names(words: list[str], code: str, expected: bool) -> None:
    assert are_names(words, code) is expected


@pytest.mark.parametrize(
    ("code", "text", "names"),
    [
        ("es", "Ayer llegó Marta de Lima. Hoy se fue.", ["Marta", "Lima"]),
        ("fr", "avec Jean-Pierre, Anne et encore Anne", ["Jean-Pierre", "Anne"]),
        ("de", "Der Hund von Anna mag das NASA Haus.", ["NASA"]),  # every noun has a capital
        ("ru", "Вчера приехала Марта из Berlin.", ["Марта", "Berlin"]),
        ("ja", "東京からAnnaが来た。", ["Anna"]),
        ("ar", "وصلت Anna من برلين", ["Anna"]),
        ("th", "คุณ Anna มาจาก iPhone", ["Anna", "iPhone"]),
        ("it", "Il treno parte. Domani torna.", []),
        ("ja", "今日は3Dの映画", []),
    ],
)
def test_names_of_a_text(code: str, text: str, names: list[str]) -> None:
    assert find_names(text, load(code)) == names
