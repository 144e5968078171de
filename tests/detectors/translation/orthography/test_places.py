"""Places of a field: which of them are text, and what findings say of them."""

from __future__ import annotations

import re

import pytest
from examining import field_text, inspection, respond

from midb.detectors.translation.orthography.decomposed import DECOMPOSED_TEXT
from midb.detectors.translation.orthography.places import OpenText, Place, replace_matches, tell
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier


def is_open(text: str, part: str = "X", *, quotations: bool = False, instruction: str = "?") -> bool:
    pair = respond(text, instruction)
    look = inspection("de", pair)
    item = look.field(Field.RESPONSE)
    assert item is not None
    return OpenText(item, look, quotations=quotations).holds(Place(text.index(part), part, "Y", "why"))


@pytest.mark.parametrize(
    "text",
    [
        "ein X hier",
        "X",
        "(X)",
        "„X“",
        "eineXhier",
        "https://a.example/b und X",
        "`code` X",
        "{a} X",
        "a < b und X",
        "{aX",
    ],
)
def test_text_is_open(text: str) -> None:
    assert is_open(text)


@pytest.mark.parametrize(
    "text",
    [
        "`X`",
        "```\nX = 1\n```",
        "https://a.example/X",
        "https://a.example/äöX",
        "BüroX.txt",
        "X@a.example",
        "{prüfX}",
        "<äX>",
    ],
)
def test_code_addresses_and_placeholders_are_not(text: str) -> None:
    assert not is_open(text)


def test_a_long_word_is_looked_at_within_reach() -> None:
    assert is_open("ä" * 500 + "X" + "ä" * 500)


def test_quotations_of_the_task_are_wanted_where_that_is_asked() -> None:
    text, instruction = "Das Wort „aXb“ ist kurz.", "Erkläre „aXb“."
    assert not is_open(text, quotations=True, instruction=instruction)
    assert is_open(text, quotations=False, instruction=instruction)


def test_what_the_record_demands_is_always_wanted() -> None:
    pair = InstructionPair(response="Das Wort aXb ist kurz.")
    look = Inspection(pair, load("de"), LanguageIdentifier(), demands=("aXb",))
    assert not OpenText(look.fields[0], look, quotations=False).holds(Place(10, "X", "Y", "why"))


def test_places_of_one_reason_are_one_finding() -> None:
    item = field_text("ae oe ae")
    rule = replace_matches(re.compile("ae|oe"), lambda match: "ä" if match.group() == "ae" else None, "two letters")
    found = list(tell(DECOMPOSED_TEXT, item, rule(item.text)))
    assert [(finding.evidence, finding.start, finding.end) for finding in found] == [
        ('two letters: "ae" is "ä" (U+0061 U+0065 is U+00E4), 2 places', 0, 2),
        ('two letters: "oe"', 3, 5),
    ]
    assert [(edit.start, edit.before, edit.after) for edit in found[0].fix] == [(0, "ae", "ä"), (6, "ae", "ä")]
    assert found[1].fix == ()


def test_long_places_are_quoted_shortened() -> None:
    item = field_text("a" * 50)
    (finding,) = tell(DECOMPOSED_TEXT, item, [Place(0, "a" * 50, "b" * 50, "why")])
    assert len(finding.evidence) < 80
    assert "…" in finding.evidence
