"""Signs by which a line may be code: enough for those who would rather leave it alone."""

from __future__ import annotations

import pytest

from midb.text.code.signs import brackets_as_code, equates_as_code, find_literals, punctuates_as_code


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("def f(a , b):", True),
        ("SELECT name, age FROM people WHERE age > 3", True),
        ("| a | b |", True),
        ("a\tb", True),
        ("<p>Absatz</p>", True),
        ("x.y(z)", True),
        ("naïve prose (with brackets), and more.", False),
        ("If you like, come: we wait", True),  # prose that looks like code is left alone
        ("Forse; ma il print no.", False),
        ("彼は「はい」と言い、笑った。", False),
    ],
)
def test_punctuation_may_be_syntax(line: str, expected: bool) -> None:
    assert punctuates_as_code(line) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("f(x) = x^2 (siehe oben", True),
        ("  import os (", True),
        ("a[0] und (", True),
        ("Weit im Norden (hinter dem Berg", False),
        ("北の方（山の向こう", False),
    ],
)
def test_brackets_may_follow_other_rules(line: str, expected: bool) -> None:
    assert brackets_as_code(line) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x += 1 + 1 = 3", True),
        ("return 2 + 2 = 5", True),
        ("let a = 1;", True),
        ("\\frac{1}{2} = 0.4", True),
        ("Also ist 2 + 2 = 5.", False),
        ("١ + ١ = ٣", False),
    ],
)
def test_an_equals_sign_may_assign(line: str, expected: bool) -> None:
    assert equates_as_code(line) is expected


def test_literals_are_found_with_their_brackets() -> None:
    line = "nimm [1, 2] und {a: b}, nicht (3)"
    assert [line[start:end] for start, end in find_literals(line)] == ["[1, 2]", "{a: b}"]
    assert list(find_literals("keine, gar keine")) == []
