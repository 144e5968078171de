"""Findings that are made up for the purpose: a context whose detectors are functions of a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from midb.agent.model.calls import Model
from midb.agent.state import PairContext, PairState
from midb.detectors import KindSelection
from midb.domain.decisions import Action, Decision, Pass, Reason
from midb.domain.defects import DefectFamily, Finding, Severity
from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.text.languages import LanguageIdentifier

#: What is wrong with a pair, by the word of the test.
Detect = Callable[[InstructionPair], list[Finding]]


def find_nothing(pair: InstructionPair) -> list[Finding]:
    """A detector that is always content."""
    return []


@dataclass(frozen=True)
class ScriptedContext(PairContext):
    """Finds what the test says, in whatever text the pair has by then."""

    script: Detect = find_nothing

    def inspect(self, pair: InstructionPair) -> list[Finding]:
        return self.script(pair)


def replace_text(family: str, before: str, after: str, kind: str = "made-up", severity: str = "minor") -> Detect:
    """A detector that wants every ``before`` of the response to be ``after``."""

    def script(pair: InstructionPair) -> list[Finding]:
        text = pair.response or ""
        start = text.find(before)
        if start < 0:
            return []
        edit = Edit(Field.RESPONSE, start, start + len(before), before, after, kind)
        return [
            Finding(
                kind, DefectFamily(family), Severity(severity), Field.RESPONSE, start, edit.end, f"{before}!", (edit,)
            )
        ]

    return script


def all_of(*scripts: Detect) -> Detect:
    """What each of some detectors finds."""
    return lambda pair: [finding for script in scripts for finding in script(pair)]


def flag(text: str, kind: str = "flagged", family: str = "content", severity: str = "minor") -> Detect:
    """A detector that finds a text in the response and can repair nothing."""

    def script(pair: InstructionPair) -> list[Finding]:
        start = (pair.response or "").find(text)
        if start < 0:
            return []
        place = (start, start + len(text))
        return [Finding(kind, DefectFamily(family), Severity(severity), Field.RESPONSE, *place, f"{text}!")]

    return script


def context_of(
    script: Detect,
    identifier: LanguageIdentifier,
    *,
    passes: frozenset[Pass] = frozenset(Pass),
    model: Model | None = None,
) -> ScriptedContext:
    """A context of German pairs in which the script finds what there is."""
    return ScriptedContext(load("de"), None, KindSelection(frozenset()), passes, identifier, model, script=script)


def state_of(response: str, context: ScriptedContext, **changes: Any) -> PairState:
    """The state of a pair that was diagnosed, with some keys changed."""
    pair = InstructionPair(instruction="Frage", response=response)
    found = context.inspect(pair)
    state: PairState = {
        "original": pair, "current": pair, "found": found, "findings": found, "repaired": [], "decisions": [],
        "attempts": {}, "barred": frozenset(), "settled": frozenset(), "steered": False, "failures": {},
    }  # fmt: skip
    return cast(PairState, state | changes)


def decided(
    pass_: Pass, action: Action = Action.APPLIED, *, edits: Sequence[Edit] = (), generation: int | None = None
) -> Decision:
    """A decision of which only some things matter."""
    return Decision(
        pass_=pass_, action=action, reason=Reason.REPAIRED, before_hash="", after_hash="", edits=tuple(edits),
        generation=generation,
    )  # fmt: skip
