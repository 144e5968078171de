"""Labelled texts, one file per kind in tests/cases: to be repaired, to be flagged, or to be left alone.

A case is an object with `name`, `language`, any of `instruction`, `input`, `response`, an optional English `source`
(an object of the same fields), `typography` (false), and exactly one expectation:

- `repaired`: an object field -> the whole text after the repair; fields not named must stay as they are;
- `flagged`: a list of [field, text of the span] found of this kind; nothing may be repaired;
- `clean`: true; the kind finds nothing.

`known_failure` (a reason) marks what is wrong today; such a case must fail, so that it is noticed when it is mended.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet
from examining import Examine

from midb.detectors import kinds
from midb.domain.pairs import Field, InstructionPair
from midb.locales import LANGUAGES

CASES = Path(__file__).parents[1] / "cases"


def collect() -> list[ParameterSet]:
    cases = []
    for kind in kinds():
        path = CASES / f"{kind}.json"
        for case in json.loads(path.read_text(encoding="utf-8")) if path.exists() else []:
            marks = [pytest.mark.xfail(reason=case["known_failure"], strict=True)] if "known_failure" in case else []
            cases.append(pytest.param(kind, case, id=f"{kind}-{case['language']}-{case['name']}", marks=marks))
    return cases


def pair_of(texts: dict[str, Any]) -> InstructionPair:
    return InstructionPair(**{field.value: texts.get(field.value) for field in Field})


@pytest.mark.parametrize(("kind", "case"), collect())
def test_case(kind: str, case: dict[str, Any], examine: Examine) -> None:
    assert (case["language"] in LANGUAGES) or case["language"] == "und"
    assert sum(key in case for key in ("repaired", "flagged", "clean")) == 1, "one expectation per case"
    pair = pair_of(case)
    source = pair_of(case["source"]) if "source" in case else None
    findings, repaired = examine(
        pair, case["language"], source=source, typography=case.get("typography", False), kinds=[kind]
    )
    for finding in findings:
        text = pair.text(finding.field)
        assert 0 <= finding.start <= finding.end <= len(text or ""), finding
        assert finding.evidence, finding
    expected = pair.replaced({Field(field): text for field, text in case.get("repaired", {}).items()})
    assert repaired == expected
    if "repaired" in case:
        assert findings
        assert repaired != pair
    elif "flagged" in case:
        assert [(f.field.value, (pair.text(f.field) or "")[f.start : f.end]) for f in findings] == [
            tuple(item) for item in case["flagged"]
        ]
    else:
        assert findings == []


def test_every_kind_has_cases_of_both_sorts() -> None:
    for kind in kinds():
        cases = json.loads((CASES / f"{kind}.json").read_text(encoding="utf-8"))
        assert any("clean" in case for case in cases), f"{kind}: no text that must be left alone"
        assert any("repaired" in case or "flagged" in case for case in cases), f"{kind}: no text with the defect"
