"""What is protected, what only looks like it, and that any text is dealt with, however it is made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.text.protection import find_protected_spans
from midb.text.spans import Protected


def found(text: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], span.reason.value) for span in find_protected_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see `x` here", [("`x`", "code")]),
        ("``a ` b`` and c", [("``a ` b``", "code")]),
        ("```py\nx = 1\n```\nand then", [("```py\nx = 1\n```", "code")]),
        ("```unclosed\nx", [("```unclosed\nx", "code")]),
        ("~~~\nx\n~~~\n", [("~~~\nx\n~~~", "code")]),
        ("call os.path.join() or main.py now", [("os.path.join()", "code"), ("main.py", "code")]),
        ("in C:\\Users\\ann and /usr/local/bin", [("C:\\Users\\ann", "code"), ("/usr/local/bin", "code")]),
        ("at http://a.b/c. Then", [("http://a.b/c", "url")]),
        ("(see http://a.b/c_(d))", [("http://a.b/c_(d)", "url")]),
        ("公式はhttps://a.example/bです。", [("https://a.example/b", "url")]),
        ("홈은 www.example.com으로 가세요", [("www.example.com", "url")]),
        ("https://ja.wikipedia.org/wiki/水、など", [("https://ja.wikipedia.org/wiki/水", "url")]),
        (
            "visit shop.example.com/a, or write to a.b@c.example!",
            [("shop.example.com/a", "url"), ("a.b@c.example", "email")],
        ),
        (
            "Hi {name}, {0:>4} %s %(n)d ${x} {{y}}",
            [
                ("{name}", "placeholder"),
                ("{0:>4}", "placeholder"),
                ("%s", "placeholder"),
                ("%(n)d", "placeholder"),
                ("${x}", "placeholder"),
                ("{{y}}", "placeholder"),
            ],
        ),
        ("%s님, [NAME]", [("%s", "placeholder"), ("[NAME]", "placeholder")]),
        ("so $x^2 + 1$ and $3x = 9$", [("$x^2 + 1$", "latex"), ("$3x = 9$", "latex")]),
        ("は$x$です", [("$x$", "latex")]),
        (r"\frac{\sqrt{2}}{2} is", [(r"\frac{\sqrt{2}}{2}", "latex")]),
        (r"\(a\) and \[b\]", [(r"\(a\)", "latex"), (r"\[b\]", "latex")]),
        (r"\begin{cases}a\end{cases}!", [(r"\begin{cases}a\end{cases}", "latex")]),
        ("<b class='x'>bold</b>", [("<b class='x'>", "tag"), ("</b>", "tag")]),
        ("So:\nfor i in range(3):\n    print(i)\nDone.", [("for i in range(3):\n    print(i)", "code")]),
        ("SELECT a FROM b WHERE c > 1", [("SELECT a FROM b WHERE c > 1", "code")]),
    ],
)
def test_protected(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 here and $10 there.",
        "from $5 to $10, or $5-$10",
        "Ich zahle 5 $ und 10 $.",
        "50 % de rabais, %50 indirim",
        "x < y and z > w",
        "좋아요~~~ 정말",
        "he said ``` and left",
        "and/or, 1/2, 24/7",
        "A = {2, 3, 4}",
        "y = mx + b",
        "if you live in the north (as I do):",
        "public transport (bus), private lessons;",
        "print (verb): to make a copy",
        "return to sender",
        "select the right answer from the list",
        r"a \ b",
    ],
)
def test_not_protected(text: str) -> None:
    assert found(text) == []


def test_what_begins_inside_a_span_lengthens_it() -> None:
    """The reason of the first span holds for all of it: here a tag goes on in a line that would be code by itself."""
    (span,) = find_protected_spans("<div\nclass='x'>1.5</div> = f(1);")
    assert (span.start, span.reason) == (0, Protected.TAG)
    assert span.end > len("<div\nclass='x'>")


PIECES = st.lists(
    st.sampled_from(
        [
            "`",
            "``",
            "```",
            "\n",
            "~~~",
            "$",
            "$$",
            "\\(",
            "\\)",
            "\\[",
            "\\]",
            "\\begin{cases}",
            "\\end{cases}",
            "\\a{",
            "{",
            "}",
            "{{",
            "}}",
            "<",
            ">",
            "</b>",
            "<!--",
            "-->",
            "http://",
            "www.",
            "a.com",
            "@",
            ".",
            "/",
            "%s",
            "%",
            "[A]",
            "x = [",
            "print(",
            ")",
            "if x == 1:",
            "    y",
            ";",
            "SELECT a FROM b",
            "word",
            "słowo",
            "語",
            "คำ",
            " ",
            " ",
            "1",
            "(",
        ]
    ),
    max_size=30,
).map("".join)


@given(text=st.one_of(PIECES, st.text(max_size=60)))
def test_spans_of_any_text_are_sorted_and_inside_it(text: str) -> None:
    position = 0
    for span in find_protected_spans(text):
        assert position <= span.start < span.end <= len(text)
        position = span.end
    blanked = find_protected_spans(text).blank_out(text, "\0")
    assert len(blanked) == len(text)
    assert all(kept in ("\0", original) for kept, original in zip(blanked, text, strict=True))


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        " ",
        "(",
        "1",
        "`",
        "`` x",
        "```x\n",
        "\\(",
        "\\[",
        "\\a{",
        "$",
        "$a ",
        "{",
        "{a",
        "<a",
        "<!--",
        "a@",
        "a.",
        "/a",
        "http://",
        "\\begin{cases}",
        "if == ",
        "a.b(",
        "[A",
        "%(",
        "=",
        "~~~\n",
        "x = (;",
        "x = [\n",
        '"a" : ',
        "\n  if (x) {",
    ],
)
def test_a_huge_text_of_one_piece_comes_to_an_end(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert all(span.end <= len(text) for span in find_protected_spans(text))


def test_a_url_with_an_endless_tail_comes_to_an_end() -> None:
    assert found("http://a.b/c" + ")" * 200_000) == [("http://a.b/c", "url")]
