"""A second look at a pair finds what a first one would: what is taken over from the version before is still so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from midb.detectors import Detector, KindSelection, detectors, inspect, kinds, look, looks_field_by_field
from midb.domain.defects import Finding
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier

CASES = Path(__file__).parents[1] / "cases"
#: What brings a response near to what any kind looks for.
DAMAGE = (
    " …!", " ha" * 45, "\n1. a\n2. b\n2. c", ' "Hund" “', " {nombre} %s http：//a.b", " 5 feet", " （[ ``` **",
    " Ã© â€œ",
    "\nif (x > 3) {", " (Note: translated from English.)", " The cat is on the mat and that is of the house.", " не 愉",
    " no input", " 10 %", " 1,234.5", " \u200b\u0301", " &amp; <br>", " 3 + 4 = 8",
    " HTML, Markdown, LaTeX, Python, UTF-8", " English, GPT, language model",
)  # fmt: skip


def cases() -> Iterator[tuple[InstructionPair, InstructionPair | None, str]]:
    for kind in kinds():
        for case in json.loads((CASES / f"{kind}.json").read_text(encoding="utf-8")):
            source = read(case["source"]) if "source" in case else None
            yield read(case), source, case["language"]
            if case.get("response"):  # most have their defect there
                yield give_response(read(case)), source and give_response(source), case["language"]


def read(texts: dict[str, Any]) -> InstructionPair:
    return InstructionPair(**{field.value: texts.get(field.value) for field in Field})


def give_response(pair: InstructionPair) -> InstructionPair:
    """The pair with the response as its input, and at the end of its instruction."""
    response = pair.response or ""
    return pair.replaced({Field.INSTRUCTION: f"{pair.instruction or ''}\n{response}", Field.INPUT: response})


def versions(pair: InstructionPair, others: Sequence[str], damage: str) -> list[InstructionPair]:
    """The pair with other responses: one that belongs elsewhere, cut off, damaged, put before itself, none."""
    response = pair.response or ""
    texts = [
        *others,
        response[: len(response) // 2],
        response + damage,
        damage + response,
        (pair.instruction or "") * 2,
        "",
    ]
    return [pair.replaced({Field.RESPONSE: text}) for text in texts]


def renew(pair: InstructionPair) -> InstructionPair:
    """The same texts in strings of their own, as a model gives them back."""
    return pair.replaced({field: "".join(list(text)) for field, text in pair.texts()})


EVERY = list(cases())
RESPONSES = [pair.response or "" for pair, _, _ in EVERY]


@pytest.mark.parametrize("detector", [d for d in detectors() if looks_field_by_field(d)], ids=lambda d: d.__name__[15:])
def test_what_is_found_elsewhere_is_no_matter_of_the_response(
    detector: Detector, identifier: LanguageIdentifier
) -> None:
    told = 0
    for index, ((pair, source, code), damage) in list(enumerate(zip(EVERY, cycle(DAMAGE), strict=False)))[::3]:
        first = outside(detector, Inspection(pair, load(code), identifier, source))
        told += len(first)
        for version in versions(pair, RESPONSES[index - 2 : index], damage):
            inspection = Inspection(version, load(code), identifier, source)
            assert outside(detector, inspection) == first
            alone = list(detector.detect(inspection.only(Field.RESPONSE)))
            every = list(detector.detect(inspection))
            assert [f for f in alone if f.field is Field.RESPONSE] == [f for f in every if f.field is Field.RESPONSE]
    assert told, "no case has anything to be found outside of a response"


def outside(detector: Detector, inspection: Inspection) -> list[Finding]:
    return [finding for finding in detector.detect(inspection) if finding.field is not Field.RESPONSE]


@pytest.mark.parametrize("typography", [False, True])
def test_a_second_look_finds_what_a_first_one_does(identifier: LanguageIdentifier, *, typography: bool) -> None:
    selection = KindSelection.parse(typography=typography)
    for index, ((pair, source, code), damage) in list(enumerate(zip(EVERY, cycle(DAMAGE), strict=False)))[::9]:
        locale = load(code)
        seen = look(Inspection(pair, locale, identifier, source, typography), selection)
        instruction = f"{pair.instruction or ''}{damage}"
        for version in (
            *versions(pair, RESPONSES[index - 1 : index], damage),
            pair.replaced({Field.INSTRUCTION: instruction}),
            pair.replaced({Field.INPUT: damage, Field.RESPONSE: damage}),
            pair,
            renew(pair),
        ):
            fresh = Inspection(version, locale, identifier, source, typography)
            seen = look(seen.inspection.of_version(version), selection, seen)
            assert seen.findings == inspect(fresh, selection)


def test_a_text_that_a_model_gives_once_more_is_the_same_text(identifier: LanguageIdentifier) -> None:
    texts = {
        "instruction": "Confronta i due gas.",
        "input": "Anid<b>x</b>ride carbonica e ossigeno",
        "response": "",
    }
    pair = read(texts)
    selection = KindSelection.parse()
    first = look(Inspection(pair, load("it"), identifier), selection)
    again = look(first.inspection.of_version(renew(pair)), selection, first)
    assert "leaked-markup" in {finding.kind for finding in first.findings}
    assert again.findings == first.findings
