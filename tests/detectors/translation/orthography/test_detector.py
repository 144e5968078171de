"""Wrongly written letters of a pair: what they have in common; no repair of the labelled texts is taken back."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet
from examining import Examine, evidence, respond

from midb.checks.repair import choose_fixes
from midb.checks.verification import check_rewrite
from midb.detectors import KindSelection, inspect, kinds
from midb.detectors.translation.orthography import KINDS
from midb.domain.defects import DefectFamily
from midb.domain.edits import apply
from midb.domain.pairs import InstructionPair
from midb.locales import load
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier

NAMES = [kind.name for kind in KINDS]
CASES = Path(__file__).parents[3] / "cases"
DECOMPOSED = "été".replace("é", "e\u0301")


def collect() -> list[ParameterSet]:
    cases = [
        (kind, case)
        for kind in NAMES
        for case in json.loads((CASES / f"{kind}.json").read_text(encoding="utf-8"))
        if "repaired" in case
    ]
    return [pytest.param(case, id=f"{kind}-{case['language']}-{case['name']}") for kind, case in cases]


@pytest.mark.parametrize("case", collect())
def test_every_repair_passes_verification(case: dict[str, Any], identifier: LanguageIdentifier) -> None:
    """All kinds look, as in a run: none may find something in the repaired text that takes the repair back."""
    selection = KindSelection.parse()
    pair = InstructionPair(instruction=case.get("instruction"), response=case["response"])
    before = Inspection(pair, load(case["language"]), identifier)
    findings = inspect(before, selection)
    chosen, edits = choose_fixes(findings, DefectFamily.TRANSLATION)
    assert {finding.kind for finding in chosen} & set(NAMES)
    after = Inspection(apply(pair, edits), load(case["language"]), identifier)
    assert check_rewrite(before, after, [edits], (findings, inspect(after, selection)), kinds()) == []


def test_one_finding_for_each_field_and_reason(examine: Examine) -> None:
    pair = InstructionPair(instruction=DECOMPOSED, response=f"{DECOMPOSED} ou deﬁnir {DECOMPOSED}")
    findings, _ = examine(pair, "fr", kinds=NAMES)
    assert [(finding.field.value, finding.kind, len(finding.fix)) for finding in findings] == [
        ("instruction", "decomposed-text", 2),
        ("response", "decomposed-text", 4),
        ("response", "legacy-character", 1),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "In UTF-8 hat der Buchstabe mehr Bytes.",
        "Das ist NFD.",
        "Die Ligatur steht in jeder Schrift.",
        "Combining characters folgen dem Buchstaben.",
    ],
)
def test_a_pair_about_characters_shows_them_on_purpose(text: str, examine: Examine) -> None:
    assert examine(respond(f"{text} {DECOMPOSED} deﬁnieren"), "de", kinds=NAMES)[0] == []
    assert len(examine(respond(f"Etwas anderes: {DECOMPOSED} deﬁnieren"), "de", kinds=NAMES)[0]) == 2


def test_what_the_record_wants_word_for_word_stays(identifier: LanguageIdentifier) -> None:
    pair = respond(f"Écrivez {DECOMPOSED} et a\u0300 demain.")
    selection = KindSelection(frozenset(NAMES))
    free = inspect(Inspection(pair, load("fr"), identifier), selection)
    bound = inspect(Inspection(pair, load("fr"), identifier, demands=(DECOMPOSED,)), selection)
    assert [len(finding.fix) for finding in free] == [3]
    assert [[edit.after for edit in finding.fix] for finding in bound] == [["à"]]


def test_the_evidence_tells_what_looks_the_same_by_number(examine: Examine) -> None:
    findings, _ = examine(respond("Η µάζα"), "el", kinds=NAMES)
    assert evidence(findings) == ['a sign in place of a Greek letter: "µάζα" is "μάζα" (U+00B5 is U+03BC)']


def test_a_text_in_another_language_is_not_repaired(examine: Examine) -> None:
    persian = "این کتاب در کتابخانه بزرگ شهر است و من آن را هر روز می خوانم، و دوستان من هم آن را می خوانند."
    findings, pair = examine(respond(persian), "ar", kinds=NAMES)
    assert pair.response == persian
    assert not [finding for finding in findings if finding.fix]


def test_letters_stay_the_same_under_normalization(examine: Examine) -> None:
    """What composing changes is canonically the same, but for the dot that a small Turkish letter has already."""
    text = unicodedata.normalize("NFD", "Été à la forêt, où naît l’élève.")
    _, pair = examine(respond(text), "fr", kinds=["decomposed-text"])
    assert pair.response == unicodedata.normalize("NFC", text)
