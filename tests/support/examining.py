"""Types and short cuts of the tests that look at pairs as detectors do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from midb.domain.defects import Finding
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.text.inspection import FieldText, Inspection
from midb.text.languages import LanguageIdentifier


class Examine(Protocol):
    """The fixture ``examine``: inspects a pair, and repairs it round by round until no fix is left."""

    def __call__(
        self,
        pair: InstructionPair,
        language: str,
        *,
        source: InstructionPair | None = None,
        typography: bool = False,
        kinds: Sequence[str] | None = None,
    ) -> tuple[list[Finding], InstructionPair]:
        """What was found first, and the repaired pair."""


def respond(text: str, instruction: str = "?") -> InstructionPair:
    """A pair with this response."""
    return InstructionPair(instruction=instruction, response=text)


def field_text(text: str, source: str | None = None, field: Field = Field.RESPONSE) -> FieldText:
    """One field as a detector sees it. Only a test that asks for its language loads a model."""
    return FieldText(field, text, source, LanguageIdentifier())


def inspection(language: str, pair: InstructionPair, source: InstructionPair | None = None) -> Inspection:
    """A pair as a detector sees it."""
    return Inspection(pair, load(language), LanguageIdentifier(), source)


def passages(pair: InstructionPair, findings: Sequence[Finding]) -> list[str]:
    """The passages that findings are about."""
    return [(pair.text(finding.field) or "")[finding.start : finding.end] for finding in findings]


def evidence(findings: Sequence[Finding]) -> list[str]:
    """What findings say."""
    return [finding.evidence for finding in findings]
