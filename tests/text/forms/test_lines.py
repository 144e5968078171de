"""The lines of a field: looked up by position, and told apart into prose and what is none."""

from __future__ import annotations

import pytest
from examining import field_text, inspection, respond

from midb.text.forms.lines import Line, Lines
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier


def test_lines_are_found_by_position() -> None:
    lines = Lines(field_text("a\nb, c\n"))
    assert [lines.at(position).text for position in range(7)] == ["a", "a", "b, c", "b, c", "b, c", "b, c", "b, c"]
    assert [line.text for line in lines] == ["a", "b, c", ""]
    assert lines.at(3) is lines.at(4), "examined once"
    assert [(line.start, line.end) for line in lines] == [(0, 1), (2, 6), (7, 7)]


def test_what_a_line_knows_of_itself() -> None:
    line = Line(10, "ein Wort (oder [zwei, drei])")
    assert line.word_count == 5
    assert line.half_width_brackets == 2
    assert line.is_in_literal(10 + line.text.index(","))
    assert not line.is_in_literal(10 + line.text.index("["))
    assert not line.is_in_literal(10)
    assert not line.may_be_code
    assert Line(0, "x = f(1);").may_be_code


@pytest.mark.parametrize(
    ("text", "mark", "expected"),
    [
        ("Er kam , sah und siegte.", ",", True),
        ("Siehe `a , b` dort.", ",", False),
        ("| a , b |", ",", False),
        ("nimm [a , b] mit", ",", False),
        ("x = f(a , b);", ",", False),
        ("犬は走る ，猫は寝る。", "，", True),
    ],
)
def test_prose_is_what_no_machine_reads(text: str, mark: str, expected: bool) -> None:
    start = text.index(mark)
    assert Lines(field_text(text)).are_prose(start, start + 1) is expected


GERMAN = "Der Hund ist ein Tier, das mit den Menschen lebt und ihnen bei der Arbeit hilft."
ENGLISH = "The dog is an animal that lives with people , and it also helps them with their work."


def prose_at(text: str, mark: str, language: str, identifier: LanguageIdentifier) -> bool:
    pair = respond(text)
    seen = Inspection(pair, inspection(language, pair).locale, identifier)
    item = next(field for field in seen.fields if field.text == text)
    start = text.index(mark)
    return Lines(item).are_native_prose(start, start + len(mark), seen)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GERMAN, True),
        (f"{GERMAN}\n{ENGLISH}", True),
        (ENGLISH, False),
        (f"{ENGLISH}\n{GERMAN}", False),
        (f"Er sagte: “{ENGLISH}” Und das ist der ganze Satz, den wir von ihm noch haben.", False),
        (f"Er sagte: „{GERMAN}“ Und das ist der ganze Satz, den wir von ihm noch haben.", True),
    ],
)
def test_native_prose_is_in_the_language_of_the_pair(text: str, expected: bool, identifier: LanguageIdentifier) -> None:
    """The mark looked at is the first comma, with the letter before it or the blank."""
    assert prose_at(text, text[text.index(",") - 1] + ",", "de", identifier) is expected
