"""The example corpus: what is labelled is found and repaired, what is clean is left alone."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from midb.domain.pairs import Field, InstructionPair
from midb.locales import LANGUAGES

ROOT = Path(__file__).resolve().parents[1]
NAMES = {Field.INSTRUCTION: "instruction", Field.INPUT: "input", Field.RESPONSE: "output"}
LABELS: dict[str, Any] = json.loads((ROOT / "tests" / "cases" / "examples.json").read_text(encoding="utf-8"))
RECORDS = [
    json.loads(line) for line in (ROOT / "examples" / "corpus.jsonl").read_text(encoding="utf-8").split("\n") if line
]


def pair_of(record: dict[str, Any]) -> InstructionPair:
    return InstructionPair(**{field.value: record[name] for field, name in NAMES.items()})


def test_every_language_has_enough_of_both_sorts() -> None:
    clean = Counter(record["lang"] for record in RECORDS if not LABELS[record["id"]]["kinds"])
    defective = Counter(record["lang"] for record in RECORDS if LABELS[record["id"]]["kinds"])
    assert set(clean) == set(defective) == set(LANGUAGES)
    assert min(clean.values()) >= 5
    assert min(defective.values()) >= 5
    assert any("source" in record for record in RECORDS)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_record(record: dict[str, Any], examine: Any) -> None:
    label = LABELS[record["id"]]["kinds"]
    typography = any(entry["kind"] == "quotation-marks" for entry in label)
    source = pair_of(record["source"]) if "source" in record else None
    pair = pair_of(record)
    kinds = [entry["kind"] for entry in label] if typography else None
    findings, repaired = examine(pair, record["lang"], source=source, typography=typography, kinds=kinds)
    found = {(finding.kind, finding.field.value) for finding in findings}
    assert found == {(entry["kind"], entry["field"]) for entry in label}
    texts = {Field(entry["field"]): entry["repaired"] for entry in label if "repaired" in entry}
    if not typography:
        assert repaired == pair.replaced(texts)
