"""Leaked markup: placeholders, frames, chat tokens and HTML go, and stay where the text is about them."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.content.leaked_markup import LEAKED
from midb.domain.defects import Severity
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load
from midb.text.forms.scaffolding import ScaffoldingSection

KIND = [LEAKED.name]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_knows_its_placeholders(code: str, examine: Examine) -> None:
    section = load(code).get(ScaffoldingSection)
    assert section is not None
    for form in section.no_input:
        for text in (form, form.upper(), f"<{form}>", f'"{form}."'):
            _, repaired = examine(InstructionPair(instruction="x", input=text), code, kinds=KIND)
            assert repaired.input == "", text
    for form in section.no_input_or_text:
        _, repaired = examine(InstructionPair(instruction="x", input=form), code, kinds=KIND)
        assert repaired.input == form


def test_the_source_proves_or_contradicts_a_placeholder(examine: Examine) -> None:
    pair = InstructionPair(instruction="Was steht dort?", input="Kein Eintrag", response="x")
    nothing = InstructionPair(instruction="What is there?", input="<noinput>", response="x")
    sign = InstructionPair(instruction="What is there?", input="No entry", response="x")
    findings, repaired = examine(pair, "de", source=nothing, kinds=KIND)
    assert repaired.input == ""
    assert evidence(findings) == ['stands for no input, as the source says "<noinput>"']
    assert examine(pair, "de", source=sign, kinds=KIND)[1] == pair


@pytest.mark.parametrize(
    ("code", "response", "kept"),
    [
        ("de", "Ja.\n<noinput>", "Ja."),
        ("de", "### Response:\nJa.", "Ja."),
        ("de", "Ja.\n\n5. Anweisung: x\n5. Eingabe: y\n5. Ausgabe: z", "Ja."),
        ("ja", "<|im_start|>assistant\nはい。<|im_end|>", "はい。"),
        ("ar", "<s>نعم</s>", "نعم"),
        ("ru", "Да &amp; нет&nbsp;!", "Да & нет\N{NO-BREAK SPACE}!"),
        ("de", "eins<br>zwei", "eins\nzwei"),
    ],
)
def test_what_leaked_is_removed(code: str, response: str, kept: str, examine: Examine) -> None:
    assert examine(respond(response, "Sag etwas."), code, kinds=KIND)[1].response == kept


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Was ist ein Token eines LLM?", "Zum Beispiel <|im_start|>user"),
        ("Zeige HTML.", "Fisch &amp; Chips<br>"),
        ("Sag etwas.", "Schreibe `&amp;` so."),
        ("Sag etwas.", "Das ist <s>falsch</s> richtig."),
        ("Sag etwas.", "Fisch & Chips; [Name]"),
        ("Sag etwas.", "### Antwort auf alles\n42"),
    ],
)
def test_what_belongs_to_the_text_stays(instruction: str, response: str, examine: Examine) -> None:
    pair = respond(response, instruction)
    assert examine(pair, "de", kinds=KIND) == ([], pair)


def test_a_token_between_two_texts_may_separate_turns_and_is_flagged(examine: Examine) -> None:
    pair = respond("Ja. <|im_end|> Nein.", "Sag etwas.")
    findings, repaired = examine(pair, "de", kinds=KIND)
    assert evidence(findings) == ['chat template: "<|im_end|>" inside the text']
    assert repaired == pair


def test_a_response_that_is_a_placeholder_is_useless(examine: Examine) -> None:
    findings, repaired = examine(respond("<noinput>", "Sag etwas."), "de", kinds=KIND)
    assert [finding.severity for finding in findings] == [Severity.CRITICAL]
    assert repaired.response == "<noinput>"


def test_entities_are_one_finding_with_all_its_places(examine: Examine) -> None:
    findings, _ = examine(respond("a &lt; b &amp; c", "Sag etwas."), "de", kinds=KIND)
    assert evidence(findings) == ["HTML entity &lt; for < (and 1 more)"]
    assert len(findings[0].fix) == 2
