"""Repetition loops: what no language needs is cut short, what a refrain may need is flagged."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.content.repetition_loop import CERTAIN, KEPT, LOOP

KIND = [LOOP.name]


@pytest.mark.parametrize("times", [CERTAIN - 1, CERTAIN, CERTAIN + 1, 400])
def test_what_is_cut_short_is_far_from_being_cut_again(times: int, examine: Examine) -> None:
    pair = respond("Da rief er: Na" + "a" * (times - 1) + "!", "Sag etwas.")
    _, repaired = examine(pair, "de", kinds=KIND)
    assert repaired.response == (pair.response if times < CERTAIN else "Da rief er: N" + "a" * KEPT + "!")


@pytest.mark.parametrize(
    ("code", "text", "cut"),
    [
        ("de", "Ha" + "ha" * 60 + ".", "Hahahah."),
        ("ja", "すごい" + "！" * 90, "すごい！！！"),
        ("ar", "مرحبا" + "ا" * 50, "مرحبااا"),
        ("th", "สวัสดี" + "\u0e38" * 12 + "ค่ะ", "สวัสดี\u0e38ค่ะ"),
        ("cs", "u" + "\u030a" * 20 + " n", "u\u030a n"),
    ],
)
def test_loops_of_characters_are_cut_in_every_script(code: str, text: str, cut: str, examine: Examine) -> None:
    assert examine(respond(text, "…"), code, kinds=KIND)[1].response == cut


@pytest.mark.parametrize(
    "text",
    [
        "-" * 80,
        "Das ist soooooooo gut!!!!!!!!",
        "x" * 60,  # hides a word
        "ACGT" + "A" * 60,  # a genome
        "aGVsbG8=" + "a" * 50 + "=",  # encoded data
        "`" + "a" * 60 + "`",
        "Name: " + "_" * 60,
        "1" * 60,
        "la la la la la la la la",
        "| a | a | a | a | a | a | a | a | a | a | a | a |",
    ],
)
def test_what_is_no_loop(text: str, examine: Examine) -> None:
    assert examine(respond(text, "Sag etwas."), "de", kinds=KIND)[0] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Das ist " + "sehr " * 15, '"sehr" 15 times in a row'),
        ("Immer wieder dasselbe. " * 7, '"Immer wieder dasselbe." 7 times in a row'),
        ("- rot\n- blau\n- blau\n- blau", '"blau" is 3 items in a row'),
        ("schön, schön, schön, schön", '"schön" is 4 items in a row'),
        ("同じことです。" * 12, '"同じことです。" 12 times in a row'),
    ],
)
def test_phrases_and_items_are_flagged(text: str, reason: str, examine: Examine) -> None:
    findings, repaired = examine(respond(text, "Sag etwas."), "de", kinds=KIND)
    assert evidence(findings) == [reason]
    assert repaired.response == text


@pytest.mark.parametrize(
    ("code", "instruction"),
    [
        ("de", "Schreibe das Wort immer wieder."),
        ("de", "Schreibe es 15 mal."),
        ("de", "Repeat it again and again."),
        ("fr", "Répète-le."),
    ],
)
def test_what_was_asked_for_is_no_loop(code: str, instruction: str, examine: Examine) -> None:
    assert examine(respond("sehr " * 15, instruction), code, kinds=KIND)[0] == []
    assert len(examine(respond("sehr " * 15, "…"), code, kinds=KIND)[0]) == 1


def test_the_source_shows_that_different_words_became_one(examine: Examine) -> None:
    pair, source = respond("neu, schön, schön, schön", "…"), respond("new, fair, nice, pretty", "…")
    assert examine(pair, "de", kinds=KIND)[0] == []
    assert len(examine(pair, "de", source=source, kinds=KIND)[0]) == 1
