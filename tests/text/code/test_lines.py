"""Code without a fence: which runs of lines are found, and which prose is none."""

from __future__ import annotations

import pytest

from midb.text.code.lines import find_code_blocks


def blocks(text: str) -> list[str]:
    return [text[start:end] for start, end in find_code_blocks(text)]


@pytest.mark.parametrize(
    "code",
    [
        'wenn (20 > 18) {\n  printf("x");\n}',
        "a = 8\nb = 5\nprint(a + b)",
        "#include <stdio.h>\nint main() {\n  return 0;\n}",
        '{\n  "a": 1,\n  "b": [2]\n}',
        "CREATE TABLE t (a INT);\nINSERT INTO t VALUES (1);",
        "# adds\ndef add(a, b):\n    return a + b",
        "SELECT name FROM people WHERE age > 3",
        "<?php\necho 'x';\n?>",
        "public static void main(String[] args) {\n    System.out.println(1);\n}",
        "for x in range(2):\n\tprint(x)",
    ],
)
def test_code_is_found_line_by_line(code: str) -> None:
    assert blocks(code) == [code]
    assert blocks(f"Zuerst das:\n{code}\n\nใช้แบบนี้") == [code]


@pytest.mark.parametrize(
    "prose",
    [
        "Das ist ein Satz.\nNoch einer; und ein dritter.",
        "Zutaten:\n- 2 Eier (groß);\n- Mehl;",
        "x = 2\ny = 3",
        "if you live in the north (as I do):",
        "return to sender",
        "class struggle: a history",
        "Wert = groß",
        "これは文です。\n次の文です。",
    ],
)
def test_prose_is_no_code(prose: str) -> None:
    assert blocks(prose) == []


def test_what_is_weak_alone_belongs_to_code_beside_it() -> None:
    assert blocks("x = 2\ny = 3") == []
    assert blocks("x = 2\nprint(x)\ny = 3") == ["x = 2\nprint(x)\ny = 3"]


def test_an_indented_body_is_part_of_its_statement_and_what_follows_is_not() -> None:
    text = "def f(x):\n    irgend etwas in Worten\n\tund weiter\nDanach ein Satz, der nichts mit Code zu tun hat."
    assert blocks(text) == ["def f(x):\n    irgend etwas in Worten\n\tund weiter"]


def test_a_line_that_is_too_long_is_never_code() -> None:
    assert blocks(f"print({'x' * 300})") != []
    assert blocks(f"print({'x' * 400})") == []


def test_several_blocks_are_told_apart() -> None:
    assert blocks("print(1)\nDazwischen steht ein Satz ohne jeden Code.\nprint(2)") == ["print(1)", "print(2)"]
