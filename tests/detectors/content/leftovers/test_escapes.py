"""Escapes in prose: read where a whole field is escaped alike, flagged elsewhere, left where a pair is about them."""

from __future__ import annotations

import pytest
from examining import Examine, passages, respond

from midb.detectors.content.leftovers.escapes import ESCAPED_TEXT
from midb.domain.pairs import InstructionPair

KIND = [ESCAPED_TEXT.name]


@pytest.mark.parametrize(
    "real", ["Erstens.\nZweitens.\nDrittens.", 'Er sagte: "Ja."\nSie sagte: "Nein."', "A.\n\nB.\n\nC."]
)
def test_what_a_program_escaped_is_read_back(real: str, examine: Examine) -> None:
    escaped = real.replace('"', '\\"').replace("\n", "\\n")
    assert examine(respond(escaped), "de", kinds=KIND)[1].response == real
    assert examine(respond(real), "de", kinds=KIND)[0] == []


@pytest.mark.parametrize(
    "response",
    [
        "Erstens.\\nZweitens.\nDrittens.",  # one line break is real
        'Er sagte: \\"Ja.\\"\\nSie sagte: "Nein."',  # and one quote
        "Erstens.\\nZweitens mit \\alpha und \\beta.\\nDrittens.",  # what else has a backslash may be LaTeX
        'Er sagte: \\"Ja.\\nSie nicht.',  # a quote is opened and not closed
    ],
)
def test_what_is_not_escaped_throughout_is_flagged(response: str, examine: Examine) -> None:
    pair = respond(response)
    findings, repaired = examine(pair, "de", kinds=KIND)
    assert len(findings) == 1
    assert repaired == pair


@pytest.mark.parametrize("command", ["nabla", "neq", "nu", "text", "times", "theta", "rho", "right"])
def test_commands_of_latex_are_no_escapes(command: str, examine: Examine) -> None:
    assert examine(respond(f"Hier steht: \\{command} und mehr."), "de", kinds=KIND)[0] == []


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ('Ersetze "\\n" durch ein Leerzeichen.', "Eins.\\nZwei.\\nDrei."),
        ("Was ist UTF-8?", "Eins.\\nZwei.\\nDrei."),
        ("Wo liegt sie?", "Sie liegt in C:\\neu.\\nDort."),
        ("Schreibe JSON.", '{"a": "Eins.\\nZwei."}'),
    ],
)
def test_pairs_about_escapes_and_data_are_left_alone(instruction: str, response: str, examine: Examine) -> None:
    assert examine(respond(response, instruction), "de", kinds=KIND)[0] == []


def test_the_source_speaks_of_escapes(examine: Examine) -> None:
    source = InstructionPair(instruction='Explain "\\n".', response="x")
    assert examine(respond("Eins.\\nZwei.\\nDrei."), "de", source=source, kinds=KIND)[0] == []


def test_programs_are_only_flagged(examine: Examine) -> None:
    pair = respond("Das Programm zählt.\\n\\nEs druckt dann.\\n\\nFertig.")
    findings, repaired = examine(pair, "de", kinds=KIND)
    assert passages(pair, findings) == ["\\n"]
    assert repaired == pair


def test_many_backslashes_take_no_longer_than_they_are_long(examine: Examine) -> None:
    examine(respond("\\n" * 50_000 + "\\*" * 50_000), "de", kinds=KIND)
