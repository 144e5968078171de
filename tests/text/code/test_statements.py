"""Statements with translated keywords: found by their form alone, in every language that has words for them."""

from __future__ import annotations

import pytest

from midb.locales import LANGUAGES, load
from midb.text.code.statements import CodeStatements, find_translated_statements


def section(code: str) -> CodeStatements:
    found = load(code).get(CodeStatements)
    assert found is not None
    return found


def find(text: str, code: str) -> list[str]:
    return [text[start:end] for start, end in find_translated_statements(text, section(code))]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_its_words(code: str) -> None:
    words = section(code)
    for select in words.select:
        for from_ in (*words.from_, "from"):
            query = f"{select.upper()} * {from_} t;"
            assert find(f"…\n{query}\n…", code) == [query]
    for range_ in words.range:
        loop = f"{words.loop[0]} i {range_}(1, 11):"
        assert find(f"{loop}\n    f(i)", code) == [loop]


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM t;",
        "for i in range(10):\n    print(i)",
        "async for i in range(10):\n    print(i)",
        "a * b",
        "(1, 10):",
        "range(10)",
    ],
)
def test_what_is_not_translated_is_not_found(code: str, text: str) -> None:
    assert find(text, code) == []


@pytest.mark.parametrize(
    "text", ["für alle im Bereich (1, 5):\nsteht es unten", "für x im Bereich (1, 5):", "wähle aus * von vielen"]
)
def test_prose_is_none(text: str) -> None:
    assert find(text, "de") == []
