"""What a script says of a language, and where it says nothing."""

from __future__ import annotations

import pytest

from midb.text.telling.script import tell_by_script


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Guten Tag", (None, True)),
        ("Dobrý den, žluťoučký kůň", (None, True)),
        ("Добрый день", ("ru", False)),
        ("καλημέρα", ("el", False)),
        ("صباح الخير", ("ar", False)),
        ("สวัสดี", ("th", False)),
        ("안녕하세요", ("ko", False)),
        ("おはようございます", ("ja", False)),
        ("漢字の多い文章", ("ja", False)),
        ("我们的朋友们不在这里，他们在那里。", ("zh", False)),
        ("Добрый день, good day", (None, False)),
        ("Ω = 5 means that the resistance is five ohms", (None, True)),
        ("1 + 1 = 2", (None, True)),
    ],
)
def test_a_script_tells_what_is_certain(text: str, expected: tuple[str | None, bool]) -> None:
    assert tell_by_script(text) == expected
