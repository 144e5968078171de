"""Texts of a web page: every language knows its buttons, and what cannot be placed is only flagged."""

from __future__ import annotations

import pytest
from examining import Examine, passages, respond

from midb.detectors.content.leftovers.pages import PAGE_LEFTOVER, PageLeftovers
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load

KIND = [PAGE_LEFTOVER.name]
CODE = "def f(x):\n    return x + 1"


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_knows_its_buttons(code: str, examine: Examine) -> None:
    section = load(code).get(PageLeftovers)
    assert section is not None
    for button in ("Copy code", *section.copy_code):
        _, repaired = examine(respond(f"…:\n\npython\n{button}\n{CODE}"), code, kinds=KIND)
        assert repaired.response == f"…:\n\npython\n{CODE}", button
    for button in ("Regenerate response", *section.regenerate):
        _, repaired = examine(respond(f"…\n\n{button}\n"), code, kinds=KIND)
        assert repaired.response == "…", button


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_words_for_sources(code: str, examine: Examine) -> None:
    section = load(code).get(PageLeftovers)
    assert section is not None
    for note in section.unsourced:
        pair = respond(f"… [{note}] …")
        assert passages(pair, examine(pair, code, kinds=KIND)[0]) == [f"[{note}]"]
    for word in section.about:
        assert examine(respond("… [citation needed] …", f"{word}?"), code, kinds=KIND)[0] == []


def test_a_button_is_not_taken_out_where_the_text_would_be_empty(examine: Examine) -> None:
    pair = respond("\nRegenerate response")
    findings, repaired = examine(pair, "de", kinds=KIND)
    assert passages(pair, findings) == ["Regenerate response"]
    assert repaired == pair


def test_the_source_names_a_button(examine: Examine) -> None:
    source = InstructionPair(instruction="What does Copy code do?", response="x")
    assert examine(respond(f"Das hier:\nCopy code\n{CODE}"), "de", source=source, kinds=KIND)[0] == []


def test_a_line_inside_a_program_is_none(examine: Examine) -> None:
    assert examine(respond("```html\n<b>\nCopy code\n</b>\n```"), "de", kinds=KIND)[0] == []


def test_notes_are_told_once(examine: Examine) -> None:
    pair = respond("Ein Satz.[1] Noch einer.[2] Und einer.[3]")
    findings, _ = examine(pair, "de", kinds=KIND)
    assert [finding.evidence for finding in findings] == ["a footnote mark and 2 more, and no notes"]
