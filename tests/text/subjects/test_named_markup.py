"""Markup that is spoken of, and markup that leaked."""

from __future__ import annotations

import pytest
from examining import field_text, inspection

from midb.domain.pairs import Field, InstructionPair
from midb.text.subjects.named_markup import NamedEntities, names_line_breaks, names_piece, names_tags, shows_frame


@pytest.mark.parametrize(
    "instruction",
    [
        "Trenne die Zeilen mit <br> und nicht anders.",
        "Sepáralos con <br>.",
        "<br>로 줄을 나누어 짧은 시를 써 주세요.",
        "Écris trois vers séparés par « <br> ».",
        "Разделяй строки тегом <br>",
        "Satırları <br/> ile ayır.",
    ],
)
def test_a_task_that_names_line_breaks(instruction: str) -> None:
    assert names_line_breaks(inspection("de", InstructionPair(instruction=instruction)))


@pytest.mark.parametrize(
    "instruction",
    [
        "Antworte.<br>Was ist das?",
        "Liste:<br>- a<br>- b",
        "Eins<br><br>Zwei",
        "<br> Was ist das?",
        "Erstens.<br>",
        "eins<br>zwei",
        'Wir lernen viel.<br><br>"Gut leben" ist ein Name.',
        "Ein Mann hat ein altes <br>Auto.<br>Er will ein neues.<br>Was soll er tun?",
    ],
)
def test_a_task_that_line_breaks_leaked_into(instruction: str) -> None:
    assert not names_line_breaks(inspection("de", InstructionPair(instruction=instruction)))


def test_the_task_of_the_source_names_what_the_translation_lost() -> None:
    source = InstructionPair(instruction="Separate the lines with <br>.")
    assert names_line_breaks(inspection("de", InstructionPair(instruction="Trenne die Zeilen."), source))


@pytest.mark.parametrize(
    ("response", "instruction", "named"),
    [
        ("Man schreibt &amp; für den Browser.", "Wie?", True),
        ("Das Zeichen & schreibt man als &amp; im Text.", "Wie?", True),
        ("Man schreibt „&amp;“ dafür.", "Wie?", True),
        ("Der Code &amp; steht für etwas.", "Was bedeutet &amp;?", True),
        ("Müller &amp; Söhne verkaufen Tee.", "Wer verkauft Tee?", False),
        ("R&amp;D im Web und im Browser.", "Was ist das?", False),
        ("R&amp;D und Forschung & Lehre.", "Was ist das?", False),
        ("Müller &amp; Söhne", "Was machen Müller &amp; Söhne?", False),
    ],
)
def test_an_entity_is_spoken_of_or_left_of_a_page(response: str, instruction: str, named: bool) -> None:
    seen = inspection("de", InstructionPair(instruction=instruction, response=response))
    assert NamedEntities(seen.fields[1], seen).holds(response.index("&amp;"), "&amp;", "&") is named


def test_a_piece_of_a_frame_is_named_inside_a_sentence() -> None:
    assert names_piece("<s>", inspection("de", InstructionPair(instruction="Was bedeutet <s> am Anfang?")))
    assert not names_piece("[INST]", inspection("de", InstructionPair(instruction="[INST] Was ist das? [/INST]")))
    source = InstructionPair(instruction="What is <s>?")
    assert names_piece("<s>", inspection("de", InstructionPair(instruction="Was?"), source))


@pytest.mark.parametrize(
    ("before", "parts", "shown"),
    [
        ("Das Format:", ["Sort."], True),
        ("形式は次の通り：", ["a"], True),
        ("Ja.", ["\n{instruction}\n", "\n{response}"], True),
        ("Ja.", ["\n(tarea)\n", "\n…"], True),
        ("Ja.", ["\nSort.\n", "\na, b"], False),
        ("Ja.", [], False),
    ],
)
def test_a_frame_is_shown_or_follows(before: str, parts: list[str], shown: bool) -> None:
    assert shows_frame(before, parts) is shown


@pytest.mark.parametrize(
    ("pair", "source"),
    [
        (InstructionPair(instruction="Was tut <p> hier?", response="<p>x</p>"), None),
        (InstructionPair(instruction="Kürze.", input="<p>Langer Text.</p>", response="<p>x</p>"), None),
        (InstructionPair(instruction="Für meine Webseite.", response="<p>x</p>"), None),
        (InstructionPair(instruction="Kürze.", response="<p>x</p>"), InstructionPair(instruction="Put it in <p></p>.")),
    ],
)
def test_who_speaks_of_tags(pair: InstructionPair, source: InstructionPair | None) -> None:
    assert names_tags(field_text(pair.response or ""), inspection("de", pair, source))


def test_tags_around_a_whole_field_are_not_spoken_of() -> None:
    pair = InstructionPair(instruction="<p>Kürze den Text.</p>", response="x")
    assert not names_tags(field_text("<p>x</p>"), inspection("de", InstructionPair(instruction="Kürze.", response="x")))
    assert not names_tags(field_text(pair.instruction or "", field=Field.INSTRUCTION), inspection("de", pair))
