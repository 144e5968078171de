"""Straight quotation marks where print has its own: paired within a line, and left where they may be something else."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.localization.quotation_marks import QUOTATION_MARKS

KIND = [QUOTATION_MARKS.name]
NO_BREAK = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("code", "text", "repaired"),
    [
        ("de", 'Er sagt "ja" und "nein".', "Er sagt „ja“ und „nein“."),
        ("ru", 'Он сказал "да".', "Он сказал «да»."),
        ("ja", '彼は"はい"と言った。', "彼は「はい」と言った。"),
        ("cs", 'Řekl "ano".', "Řekl „ano“."),
        ("de", '"Ein ganzer Absatz\nmit zwei Zeilen"', "„Ein ganzer Absatz\nmit zwei Zeilen“"),
    ],
)
def test_marks_of_print(code: str, text: str, repaired: str, examine: Examine) -> None:
    pair = respond(text, "…")
    findings, result = examine(pair, code, typography=True, kinds=KIND)
    assert result.response == repaired
    assert evidence(findings)
    assert examine(result, code, typography=True, kinds=KIND) == ([], result)


def test_french_marks_hold_a_blank(examine: Examine) -> None:
    _, repaired = examine(respond('Il a dit "oui" hier.', "…"), "fr", typography=True, kinds=KIND)
    assert (repaired.response or "").replace("\N{NARROW NO-BREAK SPACE}", NO_BREAK) == (
        f"Il a dit «{NO_BREAK}oui{NO_BREAK}» hier."
    )


def test_the_pair_s_own_marks_are_followed(examine: Examine) -> None:
    _, repaired = examine(respond('Er sagt »ja« und "nein".', "…"), "de", typography=True, kinds=KIND)
    assert repaired.response == "Er sagt »ja« und »nein«."


def test_a_quotation_within_a_quotation_is_nested(examine: Examine) -> None:
    _, repaired = examine(respond('Er sagt: "Sie rief „ja“ und ging."', "…"), "de", typography=True, kinds=KIND)
    assert repaired.response == "Er sagt: „Sie rief ‚ja‘ und ging.“"


@pytest.mark.parametrize(
    "text",
    [
        'Ein "Zeichen bleibt übrig',
        '{"name": "wert"}',
        'f("a") und x = "b"',
        'Das Rohr misst 5" und das Brett 7"',
        '["eins", "zwei"]',
        '"Ja" heißt hier ""',
        'Das " steht " so',
        'Siehe `"x"` dort',
        'Siehe http://a.example/?q="x" dort',
        'Er sagt "12".',
        '"Im Code" steht: print("x")',
    ],
)
def test_what_may_be_something_else_stays(text: str, examine: Examine) -> None:
    pair = respond(text, "…")
    assert examine(pair, "de", typography=True, kinds=KIND)[1] == pair


def test_a_field_in_another_language_keeps_its_marks(examine: Examine) -> None:
    pair = respond('The dog is "an animal" that lives with people and helps them with their work.', "…")
    assert examine(pair, "de", typography=True, kinds=KIND)[1] == pair


def test_a_pair_with_a_program_or_about_punctuation_is_left_alone(examine: Examine) -> None:
    for pair in (
        respond('Er sagt "ja".\n```\nx = 1\ny = 2\n```', "…"),
        respond('Er sagt "ja".', "Korrigiere die Zeichensetzung."),
    ):
        assert examine(pair, "de", typography=True, kinds=KIND) == ([], pair)


def test_what_is_quoted_elsewhere_by_straight_marks_is_not_quoted_in_two_ways(examine: Examine) -> None:
    pair = respond('Er sagt "ja".\nUnd "ja" nochmals, "offen', "…")
    assert examine(pair, "de", typography=True, kinds=KIND)[1] == pair


@pytest.mark.parametrize(
    "text", ['"Ein Absatz\nmit Zeilen" und mehr', 'Es ist "ein Absatz\nmit Zeilen"', '" Ein\nAbsatz"']
)
def test_marks_on_two_lines_that_frame_no_block_stay(text: str, examine: Examine) -> None:
    assert examine(respond(text, "…"), "de", typography=True, kinds=KIND)[1].response == text


@pytest.mark.parametrize(
    ("own", "set_alike"),
    [("«oui»", "«non»"), (f"«{NO_BREAK}oui{NO_BREAK}»", f"«{NO_BREAK}non{NO_BREAK}»")],
)
def test_the_blank_inside_is_the_one_of_the_pair(own: str, set_alike: str, examine: Examine) -> None:
    _, repaired = examine(respond(f'Il a dit {own} et "non".', "…"), "fr", typography=True, kinds=KIND)
    assert repaired.response == f"Il a dit {own} et {set_alike}."
