"""Words of two alphabets: look-alikes are put right where that is certain, the rest is flagged or has a reason."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.translation.mixed_script_word import MIXED_SCRIPT_WORD

KIND = [MIXED_SCRIPT_WORD.name]


@pytest.mark.parametrize(
    ("code", "text", "repaired"),
    [
        ("ru", "Этo дoм", "Это дом"),  # Latin o
        ("ru", "Mосква", "Москва"),
        ("el", "αστείo", "αστείο"),
        ("el", "ΤOΠΟΣ", "ΤΟΠΟΣ"),
        ("de", "Ein Hаus", "Ein Haus"),  # Cyrillic а
    ],
)
def test_look_alikes_are_put_right(code: str, text: str, repaired: str, examine: Examine) -> None:
    findings, result = examine(respond(text), code, kinds=KIND)
    assert result.response == repaired
    assert all("U+" in item for item in evidence(findings))


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        ("el", "Μάιami", "Latin and Greek letters in one word"),
        ("ru", "pоэт", "Latin and Cyrillic letters in one word"),  # half transliterated: p stands for its sound
        ("de", "абвhaus", "Latin and Cyrillic letters in one word"),
    ],
)
def test_glued_words_are_flagged(code: str, text: str, reason: str, examine: Examine) -> None:
    pair = respond(text)
    findings, repaired = examine(pair, code, kinds=KIND)
    assert evidence(findings) == [reason]
    assert repaired == pair


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "2 kΩ und πrh"),  # units and formulas
        ("ru", "Windowsом и USBшный"),  # an ending of the language
        ("ru", "Москва и Berlin"),
        ("ja", "Dogは犬"),
        ("ru", "`дoм`"),
        ("de", "Haus"),
    ],
)
def test_what_has_a_reason(code: str, text: str, examine: Examine) -> None:
    assert examine(respond(text), code, kinds=KIND) == ([], respond(text))


def test_a_word_of_the_source_is_what_it_is(examine: Examine) -> None:
    pair = respond("Этo дoм")
    assert examine(pair, "ru", source=respond("the words Этo and дoм"), kinds=KIND) == ([], pair)


def test_the_right_word_elsewhere_in_the_pair_makes_it_certain(examine: Examine) -> None:
    flagged = respond("pоэт", "…")
    assert examine(flagged, "ru", kinds=KIND)[1] == flagged
    assert examine(respond("pоэт", "Кто этот роэт?"), "ru", kinds=KIND)[1].response == "роэт"
