"""Counts that instructions ask for, and the lists that answer them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.detectors.content import item_count
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load
from midb.text.forms.lists import only_list

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
def test_every_language_asks_for_five(examine: Any, code: str) -> None:
    for items in range(2, 9):
        response = "\n".join(f"{number}. x" for number in range(1, items + 1))
        findings, _ = examine(InstructionPair(instruction=FIVE[code], response=response), code, kinds=KIND)
        assert [finding.evidence for finding in findings] == (
            [] if items == 5 else [f"the instruction asks for 5, the list has {items}"]
        )


@pytest.mark.parametrize("code", LANGUAGES)
def test_vague_phrases_make_no_request(examine: Any, code: str) -> None:
    words = load(code).get(item_count.ItemCountWords)
    assert words is not None
    response = "1. x\n2. y"
    for phrase in words.vague:
        instruction = f"{FIVE[code]} ({phrase.strip('*')})"
        assert examine(InstructionPair(instruction=instruction, response=response), code, kinds=KIND)[0] == []


def test_the_source_is_named(examine: Any) -> None:
    pair = InstructionPair(instruction=FIVE["de"], response="1. x\n2. y")
    same = InstructionPair(instruction="Give five examples.", response="1. x\n2. y")
    longer = InstructionPair(instruction="Give five examples.", response="- a\n- b\n- c\n- d\n- e")
    assert examine(pair, "de", source=same, kinds=KIND)[0][0].evidence.endswith("; the English source has 2 too")
    assert examine(pair, "de", source=longer, kinds=KIND)[0][0].evidence.endswith("; the English source has 5")


@given(st.integers(2, 40), st.sampled_from(["{}. a", "{}) a", "{}、a", "- a", "* a", "• a", "**{}.** a"]))
def test_a_list_has_as_many_items_as_were_written(count: int, style: str) -> None:
    text = "a\n" + "\n".join(style.format(number) for number in range(1, count + 1)) + "\nb"
    found = only_list(text)
    assert found is not None
    assert len(found) == count
    assert text[found.start : found.end] == text.removeprefix("a\n").removesuffix("\nb")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1. a",
        "1. a\n1. b",
        "1. a\n3. b",
        "- a\nb\n- c",
        "- a\n* b",
        "1.5 kg\n2.5 kg",
        "- a\n    - b",
        "--\n--",
        "**a**\n**b**",
    ],
)
def test_what_is_no_one_list(text: str) -> None:
    assert only_list(text) is None
