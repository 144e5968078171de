"""What holds for all kinds about numbers, on any text: no error, offsets that fit, repairs that settle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midb.detectors.content import item_count
from midb.detectors.content.equations import detector as equations
from midb.detectors.localization import decimal_separator, imperial_unit, percent_form
from midb.domain.edits import apply_to_text
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES

MODULES = (equations, item_count, decimal_separator, percent_form, imperial_unit)
KINDS = [kind.name for module in MODULES for kind in module.KINDS]

#: Pieces that these kinds look for, so that random texts come near to what matters.
# fmt: off
PIECES = st.sampled_from([
    "17", "25", "1.5", "2.50", "1,5", "1.000", "3/4", "½", "٤", " + ", " - ", "=", " = ", " × ", "(", ")", "%", " %",
    "%-", "1. ", "\n", "\n- ", "\n2) ", " ", ", ", ": ", ".", "**", "$", "°F", " ft", " Meilen", "マイル", " mil",
    " pieds", "x", "fünf ", "Nenne ", "beş ", "`", "|", "\N{NO-BREAK SPACE}", "=5", "--", "^2", "²", "…", "\t",
])
# fmt: on
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join))

HOSTILE = [
    "1",
    " ",
    "(",
    "=",
    "1=",
    "17 + 25 = 43 ",
    "1.",
    "1,",
    "1.1,",
    "111 ",
    "%",
    "1%",
    "1-",
    "- ",
    "[",
    "½",
    "1/",
    "2^",
    "\n",
]


@settings(max_examples=150, deadline=None)
@given(texts=st.tuples(TEXTS, TEXTS, TEXTS), language=st.sampled_from(LANGUAGES), typography=st.booleans())
def test_any_text(examine: Any, texts: tuple[str, str, str], language: str, typography: bool) -> None:
    pair = InstructionPair(instruction=texts[0], input=texts[1], response=texts[2])
    source = InstructionPair(instruction=texts[0], input=texts[1], response=texts[2] + " x")
    for english in (None, pair, source):
        findings, repaired = examine(pair, language, source=english, typography=typography, kinds=KINDS)
        for finding in findings:
            text = pair.text(finding.field) or ""
            assert 0 <= finding.start < finding.end <= len(text)
            assert finding.evidence
            assert apply_to_text(text, finding.fix) != text or not finding.fix
        again, settled = examine(repaired, language, source=english, typography=typography, kinds=KINDS)
        assert settled == repaired
        assert not any(finding.fix for finding in again)


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("language", ["de", "tr", "ja", "th"])
def test_long_monotonous_texts_come_to_an_end(examine: Any, piece: str, language: str) -> None:
    text = piece * (20_000 // len(piece))
    pair = InstructionPair(instruction=text[:900], input=text, response=text)
    _, repaired = examine(pair, language, source=InstructionPair(response="17 + 25 = 42"), kinds=KINDS)
    assert repaired.instruction is not None
