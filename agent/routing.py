"""Where a pair goes next: pure functions of its state, and the typed names of the nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from midb.agent.model.calls import Model
from midb.agent.model.settings import Route
from midb.agent.state import MAX_ATTEMPTS, MAX_FAILURES, PairContext, PairState
from midb.domain.decisions import REWRITING_PASSES, Action, Pass
from midb.domain.defects import Finding

AfterDiagnosis = Literal["content", "translation", "localization", "record"]
AfterPass = Literal["content", "translation", "localization", "verify"]
AfterVerify = Literal["content", "translation", "localization", "record", "revert"]
AfterRevert = Literal["record"]


def pick_repairable(findings: Iterable[Finding], barred: frozenset[str] = frozenset()) -> list[Finding]:
    """The findings that carry a repair which was not taken back before."""
    return [finding for finding in findings if finding.fix and finding.kind not in barred]


def choose_pass(state: PairState, context: PairContext) -> Pass | None:
    """The first pass that has something to repair and attempts left, or a model to ask; ``None`` where none has."""
    if not context.model and not any(finding.fix for finding in state["findings"]):
        return None
    for pass_ in REWRITING_PASSES:
        if pass_ in context.passes and (
            has_repairs(pass_, state)
            or (context.model and context.lets_rewrite(pass_) and asks_model(pass_, state, context.model))
        ):
            return pass_
    return None


def has_repairs(pass_: Pass, state: PairState) -> bool:
    """Whether a pass has provable repairs to make, and attempts left."""
    repairable = pick_repairable(state["findings"], state["barred"])
    if not repairable or state["attempts"].get(pass_, 0) >= MAX_ATTEMPTS:
        return False
    return any(finding.family is pass_.family for finding in repairable)


def asks_model(pass_: Pass, state: PairState, model: Model) -> bool:
    """Whether the model is to be asked by a pass: it was not yet, or its reply could not be used and it has a retry."""
    if pass_ in state["settled"] or len(state["failures"].get(pass_, ())) >= MAX_FAILURES:
        return False
    route = model.settings.route
    if route is Route.ALL or (route is Route.CONTENT and pass_ is Pass.CONTENT):
        return True
    return any(finding.family is pass_.family for finding in state["findings"])


def after_diagnosis(state: PairState, context: PairContext) -> AfterDiagnosis:
    """To the first pass that has something to do; a pair is recorded where none has."""
    pass_ = choose_pass(state, context)
    return pass_.value if pass_ else "record"  # type: ignore[return-value]


def after_pass(state: PairState, context: PairContext) -> AfterPass:
    """To the next pass, or to the same again where its rewrite showed more to repair or was taken back in part."""
    pass_ = choose_pass(state, context)
    return pass_.value if pass_ else "verify"  # type: ignore[return-value]


def after_verify(state: PairState, context: PairContext) -> AfterVerify:
    """Accepted pairs are recorded. Others start again without the repairs that are to blame, while any are left."""
    last = state["decisions"][-1]
    if last.pass_ is not Pass.VERIFICATION or last.action is Action.APPLIED:
        return "record"
    pass_ = choose_pass(state, context)
    return pass_.value if pass_ else "revert"  # type: ignore[return-value]


def after_revert(state: PairState, context: PairContext) -> AfterRevert:
    """What is as it came is recorded."""
    return "record"
