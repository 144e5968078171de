"""The pairs that detectors are measured on, and how they are looked at: found, and repaired round by round."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from registry import ROOT

from midb.checks.repair import choose_fixes
from midb.detectors import KindSelection, inspect
from midb.domain.defects import DefectFamily, Finding
from midb.domain.edits import apply
from midb.domain.pairs import Field, InstructionPair
from midb.injectors import CleanPair
from midb.locales import LANGUAGES
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier

CLEAN = ROOT / "tests" / "cases" / "clean"

#: Rounds after which a pair that still changes is given up.
_ROUNDS = 6


@functools.cache
def identifier() -> LanguageIdentifier:
    """One for all that is measured."""
    return LanguageIdentifier()


@functools.cache
def selection(*, typography: bool) -> KindSelection:
    """All kinds, with or without the conventions of print."""
    return KindSelection.parse(typography=typography)


def pair_of(record: dict[str, Any]) -> InstructionPair:
    """The pair of a record with the usual columns."""
    return InstructionPair(**{field.value: record.get(field.value) for field in Field})


def clean_pairs(languages: Sequence[str] = LANGUAGES) -> Iterator[tuple[str, CleanPair]]:
    """Every clean pair in some languages with its id."""
    for language in languages:
        for line in (CLEAN / f"{language}.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            yield record["id"], CleanPair(pair_of(record), language, pair_of(record["source"]))


def real_pairs(corpora: Path) -> Iterator[tuple[str, CleanPair]]:
    """Every pair of a folder of corpora with its id: *.jsonl with instruction, input, output or response, source."""
    for path in sorted(corpora.glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                record.setdefault("response", record.get("output"))
                source = record.get("source")
                if source:
                    source.setdefault("response", source.get("output"))
                language = record.get("lang") or record.get("language") or path.stem
                yield record["id"], CleanPair(pair_of(record), language, pair_of(source) if source else None)


def look(clean: CleanPair, pair: InstructionPair, *, typography: bool) -> list[Finding]:
    """Every finding of the default kinds in a pair that has the language and the source of ``clean``."""
    seen = Inspection(pair, clean.locale, identifier(), clean.source, typography)
    return inspect(seen, selection(typography=typography))


def examine(
    clean: CleanPair, pair: InstructionPair, *, typography: bool = False
) -> tuple[list[Finding], InstructionPair]:
    """What is found in a pair, and the pair after its repairs: content first, then translation, then localization."""
    first = found = look(clean, pair, typography=typography)
    for _ in range(_ROUNDS):
        before = pair
        for family in DefectFamily:
            if edits := choose_fixes(found, family)[1]:
                pair = apply(pair, edits)
                found = look(clean, pair, typography=typography)
        if pair == before:
            break
    return first, pair
