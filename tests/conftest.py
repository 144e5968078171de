"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from midb.defects import DefectFamily, Finding
from midb.detectors import KindSelection, inspect
from midb.edits import apply
from midb.inspection import Inspection
from midb.languages import LanguageIdentifier
from midb.locales import load
from midb.pairs import InstructionPair
from midb.repair import choose_fixes

# No test is timed. Where many run for the first time the same examples are tried each time; elsewhere new ones are.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")

#: Real data, where a checkout has it beside the repository; none of it may be needed.
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def identifier() -> LanguageIdentifier:
    """One language identifier for the whole test run, as for a whole process."""
    return LanguageIdentifier()


@pytest.fixture(scope="session")
def corpora() -> list[Path]:
    """The real corpora, one file per language; skips the test where they are absent."""
    found = sorted((SHARED_DATA / "corpora").glob("*.jsonl"))
    if not found:
        pytest.skip("the real corpora are not here")
    return found


Inspector = Callable[..., tuple[list[Finding], InstructionPair]]


@pytest.fixture(scope="session")
def examine(identifier: LanguageIdentifier) -> Inspector:
    """Inspect a pair, and repair it round by round until no fix is left: (first findings, repaired pair)."""

    def run(
        pair: InstructionPair,
        language: str,
        *,
        source: InstructionPair | None = None,
        typography: bool = False,
        kinds: list[str] | None = None,
    ) -> tuple[list[Finding], InstructionPair]:
        selection = KindSelection.parse(typography=typography)
        if kinds is not None:
            selection = KindSelection(frozenset(kinds), typography)

        def look(current: InstructionPair) -> list[Finding]:
            return inspect(Inspection(current, load(language), identifier, source, typography), selection)

        first = look(pair)
        for _ in range(6):
            before = pair
            for family in DefectFamily:
                pair = apply(pair, choose_fixes(look(pair), family)[1])
            if pair == before:
                return first, pair
        raise AssertionError(f"repairs never settle: {before!r} -> {pair!r}")

    return run
