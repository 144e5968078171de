"""Content, translation and localization: the passes that rewrite. Each is checked against its own input at once.

Provable repairs come first, round by round; then the model, where there is one, is asked about what they left.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from midb.agent.passes.modelling import ask_model
from midb.agent.routing import has_repairs, pick_repairable
from midb.agent.state import PairContext, PairState
from midb.checks.repair import choose_fixes
from midb.checks.verification import check_rewrite
from midb.detectors import kinds
from midb.domain.decisions import Action, Pass, Violation, decide
from midb.domain.defects import Finding
from midb.domain.edits import Edit, apply
from midb.domain.pairs import InstructionPair

#: What a node of the state machine does with one pair: it returns what it changes.
Node = Callable[[PairState, PairContext], Coroutine[Any, Any, PairState]]


def make_rewriting_pass(pass_: Pass) -> Node:
    """The node of one rewriting pass: one round of provable repairs, or one question to the model, and the checks on
    what came out."""

    async def rewrite(state: PairState, context: PairContext) -> PairState:
        before = state["current"]
        if context.model and not has_repairs(pass_, state):
            return await ask_model(pass_, state, context, context.model)
        chosen, edits = choose_fixes(pick_repairable(state["findings"], state["barred"]), pass_.family)
        after = apply(before, edits)
        found = context.inspect(after)
        violations = check_pass(before, after, edits, (state["findings"], found), context)
        attempt = state["attempts"].get(pass_, 0) + 1
        decision = decide(pass_, before, after, edits, violations, attempt=attempt)
        update: PairState = {"decisions": [decision], "attempts": state["attempts"] | {pass_: attempt}}
        if decision.action is Action.REJECTED:
            update["barred"] = state["barred"] | find_culprits(before, edits, state["findings"], context)
            return update
        index = len(state["decisions"])
        update |= {"current": after, "findings": found, "repaired": [(finding, index) for finding in chosen]}
        return update

    rewrite.__name__ = pass_.value
    return rewrite


def check_pass(
    before: InstructionPair,
    after: InstructionPair,
    edits: list[Edit],
    findings: tuple[list[Finding], list[Finding]],
    context: PairContext,
) -> list[Violation]:
    """The do-no-harm checks of one pass's rewrite against its own input."""
    return check_rewrite(context.inspection(before), context.inspection(after), [edits], findings, kinds())


def find_culprits(
    before: InstructionPair, edits: list[Edit], findings: list[Finding], context: PairContext
) -> frozenset[str]:
    """The kinds whose edits do harm by themselves; all of them where the harm comes from their being together."""
    names = {edit.kind for edit in edits}
    guilty = set()
    for name in names:
        alone = [edit for edit in edits if edit.kind == name]
        after = apply(before, alone)
        if check_pass(before, after, alone, (findings, context.inspect(after)), context):
            guilty.add(name)
    return frozenset(guilty or names)
