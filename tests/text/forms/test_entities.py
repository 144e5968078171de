"""HTML that was left in plain text: entities and line breaks, and where they belong."""

from __future__ import annotations

import pytest
from examining import field_text

from midb.text.forms.entities import find_entities, find_line_break_tags


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fisch &amp; Chips", [(6, "&amp;", "&")]),
        ("&amp;amp;lt;", [(0, "&amp;amp;lt;", "<")]),
        ("Müller&#39;s &#x41;", [(6, "&#39;", "'"), (13, "&#x41;", "A")]),
        ("&nbsp;Preis", [(0, "&nbsp;", "\N{NO-BREAK SPACE}")]),
        ("قطة &laquo;صغيرة&raquo;", [(4, "&laquo;", "«"), (16, "&raquo;", "»")]),
        ("猫&hellip;", [(1, "&hellip;", "…")]),
    ],
)
def test_entities_are_decoded(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert list(find_entities(field_text(text))) == expected


@pytest.mark.parametrize(
    "text",
    ["AT&T; gut", "&copy ohne Ende", "&unknown;", "`&amp;`", "http://a.example/?a=1&amp;b=2", "&NewLine;", "a & b; c"],
)
def test_what_is_no_entity_or_belongs_there(text: str) -> None:
    assert list(find_entities(field_text(text))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eins<br>zwei", "eins\nzwei"),
        ("eins <br/> zwei<BR />\ndrei<br>", "eins\nzwei\ndrei"),
        ("<br>一<br />二", "一\n二"),
    ],
)
def test_line_break_tags_become_line_breaks(text: str, expected: str) -> None:
    result, done = "", 0
    for start, before, after in find_line_break_tags(field_text(text)):
        assert text[start : start + len(before)] == before
        result, done = result + text[done:start] + after, start + len(before)
    assert result + text[done:] == expected


@pytest.mark.parametrize("text", ["<p>eins<br>zwei</p>", "| eins<br>zwei |", "eins < br > zwei", "keine"])
def test_line_break_tags_of_html_and_tables_stay(text: str) -> None:
    assert list(find_line_break_tags(field_text(text))) == []
