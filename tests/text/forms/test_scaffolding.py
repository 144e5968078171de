"""The frame of a template: placeholders for no input, labels, and the next example of the prompt."""

from __future__ import annotations

import pytest

from midb.domain.pairs import Field
from midb.locales import LANGUAGES, load
from midb.text.forms.scaffolding import (
    LONGEST_PLACEHOLDER,
    Frame,
    ScaffoldingSection,
    find_next_example,
    is_in_brackets,
    load_frame,
    measure_leading_label,
)


def frame(code: str) -> Frame:
    return load_frame(load(code).get(ScaffoldingSection))


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_knows_its_placeholders_and_the_english_ones(code: str) -> None:
    section = load(code).get(ScaffoldingSection)
    assert section is not None
    known = frame(code)
    for form in (*section.no_input, "no input", "No Input Required"):
        for text in (form, form.upper(), f"<{form}>", f'"{form}."', f"`[{form}]`"):
            assert known.stands_for_no_input(text), text
            assert known.may_stand_for_no_input(text)
        assert not known.stands_for_no_input(f"{form}: 5 x")
    for form in section.no_input_or_text:
        assert not known.stands_for_no_input(form)
        assert known.stands_for_no_input(f"<{form}>")
        assert known.may_stand_for_no_input(form)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_says_that_there_is_no_output(code: str) -> None:
    section = load(code).get(ScaffoldingSection)
    assert section is not None
    for form in (*section.no_output, "no output"):
        for text in (form, form.upper(), f"<{form}>", f"{form}."):
            assert frame(code).stands_for_no_output(text), text
            assert not frame(code).stands_for_no_input(text)
        assert not frame(code).stands_for_no_output(f"{form}: 5 x")


def test_a_response_that_works_with_the_words_of_a_placeholder() -> None:
    assert frame("de").repeats_placeholder("keine Eingabe", "Als Titel: Keine-Eingabe!")
    assert not frame("de").repeats_placeholder("keine Eingabe", "Rhein, Elbe")


def test_without_a_table_the_english_frame_holds() -> None:
    assert load_frame(None).stands_for_no_input("<noinput>")
    assert not load_frame(None).stands_for_no_input("keine Eingabe")
    assert not load_frame(None).stands_for_no_input("no input" + " " * LONGEST_PLACEHOLDER)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("<noinput>", True), ('"[kein]".', True), ("＜入力なし＞", True), ("noinput", False), ("<a> b", False)],
)
def test_brackets_around_a_whole_text(text: str, expected: bool) -> None:
    assert is_in_brackets(text) is expected


@pytest.mark.parametrize(
    ("code", "text", "kept"),
    [
        ("de", "Ja.\n##\n9. Instruction: Sortiere.\n9. Input:\nb, a\n9. Output:\na, b", "Ja."),
        ("de", "Ja.\n\n5. Anweisung: x\n5. Eingabe: y\n5. Ausgabe: z", "Ja."),
        ("de", "Ja.\n### Instruction:\nx\n### Response:\ny", "Ja."),
        ("de", "### Instruction:\nx\n### Response:\ny", ""),
        ("de", "Ja.\n\n15. Anweisung: x\nEingabe: <noinput>\nAusgabe: z", "Ja."),
        ("de", "Ja.\n15) Instruction: x\nInput: y\nOutput: z", "Ja."),
    ],
)
def test_the_next_example_begins_where_the_response_ends(code: str, text: str, kept: str) -> None:
    assert find_next_example(text, frame(code)) == len(kept)


@pytest.mark.parametrize(
    "text",
    [
        "1. Titel: a\n2. Titel: b\n3. Titel: c",
        "1. Zutaten: a\n1. Dauer: b\n1. Preis: c",
        "9. Instruction: eins",
        "1. Aufgabe: x\nAntwort: y\n2. Aufgabe: x\nAntwort: y",
        "Anweisung: x\nEingabe: y\nAusgabe: z",
        "1. Anweisung: x\n2. Eingabe: y\n3. Ausgabe: z",
        "### Aufgabe\nText ohne Antwort",
        "Ein Satz.",
    ],
)
def test_lists_and_headings_are_no_example(text: str) -> None:
    assert find_next_example(text, frame("de")) is None


@pytest.mark.parametrize(
    ("text", "field", "length"),
    [
        ("### Response:\nJa.", Field.RESPONSE, 14),
        ("### Antwort: Ja.", Field.RESPONSE, 13),
        ("### Meinung: Ja.", Field.RESPONSE, 0),  # no label of a template
        ("### Response\nJa.", Field.RESPONSE, 13),  # English in a text that is not
        ("### Ausgabe\nJa.", Field.RESPONSE, 0),  # may be a heading
        ("### Response:\nJa.", Field.INSTRUCTION, 0),
        ("### Response:\n", Field.RESPONSE, 0),  # nothing would be left
        ("Ja.\n### Response:\nNein.", Field.RESPONSE, 0),
        ("## Instruction: x", Field.INSTRUCTION, 16),
    ],
)
def test_leading_labels(text: str, field: Field, length: int) -> None:
    assert measure_leading_label(text, field, frame("de")) == length
