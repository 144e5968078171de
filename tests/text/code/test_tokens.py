"""Program code as tokens, and which of its words a programming language defines."""

from __future__ import annotations

import pytest

from midb.text.code.tokens import CodeToken, mark_defined_words, split_code


def defined(code: str) -> list[str]:
    pieces = split_code(code)
    return [piece.text for piece, known in zip(pieces, mark_defined_words(code, pieces), strict=True) if known]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 'a b'", [("word", "x"), ("mark", "="), ("string", "'a b'")]),
        ("„Hallo“ // ende", [("string", "„Hallo“"), ("comment", "// ende")]),
        ("名前(1.5)", [("word", "名前"), ("mark", "("), ("number", "1.5"), ("mark", ")")]),
        ("/* eins\nzwei */ a", [("comment", "/* eins\nzwei */"), ("word", "a")]),
        ("'offen", [("mark", "'"), ("word", "offen")]),
        (" \n\t", []),
    ],
)
def test_tokens(code: str, expected: list[tuple[str, str]]) -> None:
    assert [(token.sort, token.text) for token in split_code(code)] == expected


def test_a_token_knows_where_it_stands() -> None:
    code = "für x\n  in y"
    assert [code[token.start : token.end] for token in split_code(code)] == ["für", "x", "in", "y"]
    assert CodeToken("word", "für", 4).end == 7


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("```python\nfor name in names:\n    print(name)\n```", ["for", "in", "print"]),
        ("for n in range(3):\n    print(n)", ["for", "in", "range", "print"]),
        ("`for`", ["for"]),
        ("```sql\nselect name from people\n```", ["select", "from"]),
        ("int main() { return 0; }", ["int", "main", "return"]),
        ('<a href="x">select</a>', ["a", "href", "a"]),
    ],
)
def test_words_that_a_language_defines(code: str, words: list[str]) -> None:
    assert defined(code) == words


@pytest.mark.parametrize(
    "text",
    [
        "```\nDear Ann,\nplease come for tea and bring the list.\n```",  # a fence around a letter
        "`if you like`",
        "```python\nlist = 3\n```",  # here the author gave the word another meaning
        "<zz>for sale: select one</zz>",  # text between tags that HTML does not have
        "`print`",  # a name of a library that nobody calls
    ],
)
def test_the_author_s_own_words(text: str) -> None:
    assert defined(text) == []


def test_the_word_is_the_author_s_where_its_part_is_in_doubt() -> None:
    assert defined("```python\nprint = 1\n```") == []
    assert defined("```python\nmain()\n```") == []
    assert "main" in defined("```c\nint main() {}\n```")
