"""HTML that was left in plain text: entities and line breaks, and where they belong."""

from __future__ import annotations

import pytest
from examining import field_text

from midb.text.forms.entities import find_entities, find_line_break_tags, find_plain_tags


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


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("<p>Die erste Zeile ist hier.</p><p>Die zweite.</p>", "Die erste Zeile ist hier.\n\nDie zweite."),
        ("<P>Die erste Zeile ist hier.</P>\n<P>Die zweite.</P>\n", "Die erste Zeile ist hier.\n\nDie zweite."),
        ("<div><p>Eine Zeile.<br/>Noch eine Zeile.</p></div>", "Eine Zeile.\nNoch eine Zeile."),
        ("Vorher steht etwas. <p>Dann das hier.</p> Nachher.", "Vorher steht etwas.\n\nDann das hier.\n\nNachher."),
    ],
)
def test_paragraphs_take_the_place_of_their_tags(text: str, repaired: str) -> None:
    places, repairs = find_plain_tags(field_text(text))
    assert [text[at : at + len(tag)] for at, tag in places] == [tag for _, tag in places]
    for at, old, new in reversed(repairs):
        assert text[at : at + len(old)] == old
        text = text[:at] + new + text[at + len(old) :]
    assert text == repaired


@pytest.mark.parametrize(
    "text",
    [
        "<p>Die erste Zeile ist offen.<p>Die zweite auch.",
        "<p>Verschränkt ist <div>das hier</p> alles</div> wohl.",
        "Ein <b>fettes</b> Wort steht in diesem Satz.",
        "<p>Zu ist <p>das hier</p> alles und jedes</p>.",
        "Hier ist nur zu: alles ist schon gesagt.</p></p>",
    ],
)
def test_tags_that_are_only_found(text: str) -> None:
    places, repairs = find_plain_tags(field_text(text))
    assert len(places) > 1
    assert not repairs


@pytest.mark.parametrize(
    "text",
    [
        "Die Zeile<br>und die nächste Zeile<br>und Schluss.",
        '<p class="a">Die Zeile hat eine Klasse.</p>',
        "<p>Ein Bild: <img src=x></p> steht in der Zeile.",
        "<p>kurz</p>",
        "a < b und b > c gilt hier für alle a und b</p",
        "```\n<p>Die Zeile steht in einem Zaun.</p>\n```",
    ],
)
def test_what_is_a_page_or_no_tag(text: str) -> None:
    assert find_plain_tags(field_text(text)) == ([], [])
