"""Counts that instructions ask for, and the lists that answer them."""

from __future__ import annotations

import pytest
from examining import Examine

from midb.detectors.content import item_count
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load

KIND = [item_count.ITEM_COUNT.name]

#: The same request in every language: five examples.
FIVE = {
    "it": "Elenca cinque esempi.",
    "es": "Enumera cinco ejemplos.",
    "fr": "Donnez cinq exemples.",
    "de": "Nennen Sie fünf Beispiele.",
    "ru": "Приведите пять примеров.",
    "ar": "اذكر خمسة أمثلة.",
    "tr": "Beş örnek verin.",
    "ja": "例を五つ挙げてください。",
    "ko": "예를 다섯 가지 들어 주세요.",
    "pt": "Cite cinco exemplos.",
    "cs": "Uveďte pět příkladů.",
    "el": "Δώστε πέντε παραδείγματα.",
    "id": "Berikan lima contoh.",
    "th": "ยกตัวอย่างห้าข้อ",
    "vi": "Đưa ra năm ví dụ.",
    "ms": "Berikan lima contoh.",
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_asks_for_five(examine: Examine, code: str) -> None:
    for items in range(2, 9):
        response = "\n".join(f"{number}. x" for number in range(1, items + 1))
        findings, _ = examine(InstructionPair(instruction=FIVE[code], response=response), code, kinds=KIND)
        assert [finding.evidence for finding in findings] == (
            [] if items == 5 else [f"the instruction asks for 5, the list has {items}"]
        )


@pytest.mark.parametrize("code", LANGUAGES)
def test_vague_phrases_make_no_request(examine: Examine, code: str) -> None:
    words = load(code).get(item_count.ItemCountWords)
    assert words is not None
    response = "1. x\n2. y"
    for phrase in words.vague:
        instruction = f"{FIVE[code]} ({phrase.strip('*')})"
        assert examine(InstructionPair(instruction=instruction, response=response), code, kinds=KIND)[0] == []


def test_the_source_is_named(examine: Examine) -> None:
    pair = InstructionPair(instruction=FIVE["de"], response="1. x\n2. y")
    same = InstructionPair(instruction="Give five examples.", response="1. x\n2. y")
    longer = InstructionPair(instruction="Give five examples.", response="- a\n- b\n- c\n- d\n- e")
    assert examine(pair, "de", source=same, kinds=KIND)[0][0].evidence.endswith("; the English source has 2 too")
    assert examine(pair, "de", source=longer, kinds=KIND)[0][0].evidence.endswith("; the English source has 5")


@pytest.mark.parametrize(
    ("code", "instruction"),
    [
        ("de", "Nennen Sie mindestens fünf Beispiele."),
        ("de", "Nennen Sie fünf bis sieben Beispiele."),
        ("de", "Schreiben Sie fünf Wörter."),  # a measure
        ("de", "Nennen Sie 5,5 Beispiele."),
        ("de", "Es gibt fünf Kontinente."),
        ("ja", "五分で例を挙げてください。"),
        ("fr", "Donnez un exemple."),
        ("de", "Nennen Sie fünf Beispiele. " + "x" * 1_000),
    ],
)
def test_what_asks_for_no_exact_number(examine: Examine, code: str, instruction: str) -> None:
    assert examine(InstructionPair(instruction=instruction, response="1. x\n2. y"), code, kinds=KIND)[0] == []


@pytest.mark.parametrize(
    "response",
    [
        "- a, b, c\n- d, e",  # several things per item
        "Fünf Beispiele: a, b",  # no list
        "- a\n- b\n\nDanach:\n- c\n- d\nEnde\n- e",
    ],
)
def test_what_is_counted_otherwise(examine: Examine, response: str) -> None:
    assert examine(InstructionPair(instruction=FIVE["de"], response=response), "de", kinds=KIND)[0] == []


def test_questions_with_their_answers_are_counted_once(examine: Examine) -> None:
    response = "\n".join(f"{2 * n + 1}. Warum {n}?\n{2 * n + 2}. Darum." for n in range(5))
    assert examine(InstructionPair(instruction=FIVE["de"], response=response), "de", kinds=KIND)[0] == []


def test_digits_of_every_script_ask_as_well(examine: Examine) -> None:
    for instruction in ("Nennen Sie 5 Beispiele.", "Nennen Sie ５ Beispiele."):
        findings, _ = examine(InstructionPair(instruction=instruction, response="1. x\n2. y"), "de", kinds=KIND)
        assert len(findings) == 1


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_asks_for_steps(code: str, examine: Examine) -> None:
    words = load(code).get(item_count.ItemCountWords)
    assert words is not None
    for phrase in words.steps:
        instruction = f"… {phrase.replace('NUMBER', '5').strip('*')} …"
        for count, wrong in ((5, 0), (6, 1)):
            response = "\n".join(f"{number}. …" for number in range(1, count + 1))
            findings, _ = examine(InstructionPair(instruction=instruction, response=response), code, kinds=KIND)
            assert len(findings) == wrong, phrase
    assert words.steps
    assert set(words.writers) <= set(words.makers)
