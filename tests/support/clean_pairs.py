"""The clean pairs of tests/cases/clean: texts of our own in each language, without any defect."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from midb.domain.pairs import Field, InstructionPair
from midb.injectors import CleanPair, Expectation, Injection
from midb.injectors.base import Injector

CLEAN = Path(__file__).resolve().parents[1] / "cases" / "clean"


@functools.cache
def clean_pairs(language: str) -> dict[str, CleanPair]:
    """The pairs of a language by name, without the code of the language before it."""
    lines = (CLEAN / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return {
        record["id"].removeprefix(f"{language}-"): CleanPair(pair_of(record), language, pair_of(record["source"]))
        for record in records
    }


def pair_of(record: dict[str, str]) -> InstructionPair:
    """The pair of a record with the usual columns."""
    return InstructionPair(**{field.value: record[field.value] for field in Field})


def pair(language: str, response: str, *, instruction: str = "?", given: str = "", source: str = "") -> CleanPair:
    """A clean pair with this response; ``source`` is the response of its English source."""
    english = InstructionPair(instruction="?", input=given, response=source) if source else None
    return CleanPair(InstructionPair(instruction=instruction, input=given, response=response), language, english)


def defects(injector: Injector, clean: CleanPair, seeds: int = 1) -> dict[str, set[str]]:
    """What an injector can make of the response of a pair: every result by form."""
    from random import Random

    found: dict[str, set[str]] = {}
    for seed in range(seeds):
        for injection in injector.propose(clean, Random(seed)):
            if injection.field is Field.RESPONSE:
                found.setdefault(injection.form, set()).add(injection.applied(clean.pair).response or "")
    return found


def is_met(injection: Injection, kind: str, clean: CleanPair, found: list[tuple[str, Field]], after: object) -> bool:
    """Whether what is expected came: the very pair of before, or a finding of the kind in the field."""
    if injection.expected is Expectation.REPAIRED:
        return after == clean.pair
    return (kind, injection.field) in found
