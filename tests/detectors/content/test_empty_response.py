"""Empty responses: what says nothing, and the signs and values that are an answer."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.content.empty_response import EMPTY
from midb.domain.pairs import InstructionPair

KIND = [EMPTY.name]


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("", "the response is empty"),
        (" \n\u200b\t", "the response is blank"),
        ("…", 'the response is only "…"'),
        ("。\n", 'the response is only "。"'),
        ("N/A", '"N/A" stands for an answer'),
        ("undefined", '"undefined" stands for an answer'),
    ],
)
@pytest.mark.parametrize("code", ["de", "ja", "ar"])
def test_what_says_nothing(response: str, reason: str, code: str, examine: Examine) -> None:
    pair = respond(response, "Erzähle etwas.")
    findings, repaired = examine(pair, code, kinds=KIND)
    assert evidence(findings) == [reason]
    assert (findings[0].start, findings[0].end) == (0, len(response))
    assert repaired == pair, "what belongs there, nobody knows"


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Erzähle etwas.", "Ja"),
        ("Erzähle etwas.", "7"),
        ("Erzähle etwas.", "👍"),
        ("次の気持ちを表してください。", "犬"),
        ("Welches Satzzeichen fehlt?", "?"),
        ("Welches Zeichen passt: ! oder ?", "?"),
        ("Ergänze: Der Hund __ schläft.", ","),
        ("Which punctuation mark ends a question?", "?"),
        ("Was gibt dieses Programm in Python aus?", "[]"),
        ("Was gibt dieses Programm in Python aus?", "undefined"),
        ("Was bedeutet N/A?", "N/A"),
        ("Erzähle etwas.", "." * 61),  # too long for an answer that is only a sign
    ],
)
def test_what_is_an_answer(instruction: str, response: str, examine: Examine) -> None:
    assert examine(respond(response, instruction), "de", kinds=KIND)[0] == []


def test_the_source_may_say_that_a_sign_is_asked_for(examine: Examine) -> None:
    pair = respond("?", "Womit endet das?")
    assert len(examine(pair, "de", kinds=KIND)[0]) == 1
    assert examine(pair, "de", source=respond("?", "Which symbol ends it?"), kinds=KIND)[0] == []


def test_a_response_that_the_corpus_does_not_have_is_not_empty(examine: Examine) -> None:
    assert examine(InstructionPair(instruction="?"), "de", kinds=KIND)[0] == []
