"""The nodes that rewrite nothing: diagnose, verify and revert (take all back), and the summing up of a pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from midb.agent.passes.judging import Judgement, judge
from midb.agent.routing import choose_pass, pick_repairable
from midb.agent.state import MAX_FAILURES, MAX_REFUSALS, PairContext, PairState, add_failure, count_attempts
from midb.checks.model_checks import check_whole_pair
from midb.checks.verification import check_rewrite
from midb.detectors import kinds
from midb.domain.decisions import (
    REWRITING_PASSES,
    Action,
    Decision,
    LoggedFinding,
    Outcome,
    PairResult,
    Pass,
    Reason,
    Violation,
    decide,
    find_failed_passes,
    pair_outcome,
    standing,
)
from midb.domain.defects import FindingStatus
from midb.domain.pairs import InstructionPair

#: Characters of a reviewer's reasons that a retry is told: enough for some sentences, short beside the prompt.
LONGEST_REASONS = 600


async def diagnose(pair: InstructionPair, context: PairContext) -> PairState:
    """Find what is wrong with a pair as it came."""
    found = context.inspect(pair)
    return {
        "original": pair,
        "current": pair,
        "found": found,
        "findings": found,
        "repaired": [],
        "decisions": [],
        "attempts": {},
        "barred": frozenset(),
        "settled": frozenset(),
        "failures": {},
        "steered": bool(context.model) and context.is_steered(pair),
    }


def route(state: PairState, context: PairContext) -> PairState:
    """The state with the reason why a pair visits no pass; the passes themselves log why they were visited."""
    if choose_pass(state, context):
        return state
    reason = Reason.NOTHING_REPAIRABLE if state["findings"] else Reason.NOTHING_FOUND
    digest = state["original"].content_hash()
    skipped = Decision(pass_=Pass.ROUTE, action=Action.SKIPPED, reason=reason, before_hash=digest, after_hash=digest)
    return state | {"decisions": [*state["decisions"], skipped]}


async def verify(state: PairState, context: PairContext) -> PairState:
    """Hold the whole rewritten pair against its original, make sure that a second run would change nothing, and ask for
    a verdict on what a model wrote. Provable repairs need none."""
    original, current = state["original"], state["current"]
    if context.model and current == original:
        return {}
    stood = [decision for _, decision in standing(state["decisions"])]
    stages = [decision.edits for decision in stood]
    before, after = context.inspection(original), context.inspection(current)
    modelled = frozenset(decision.pass_ for decision in stood if decision.generation is not None)
    if modelled:
        violations = check_whole_pair(before, after, stages, (state["found"], state["findings"]))
    else:
        violations = check_rewrite(before, after, stages, (state["found"], state["findings"]), kinds())
    left = [f for f in pick_repairable(state["findings"], state["barred"]) if Pass(f.family.value) in context.passes]
    for name, field in sorted({(finding.kind, finding.field) for finding in left}):
        violations.append(Violation(Reason.NOT_IDEMPOTENT, f"{field.value}: repairs do not settle: {name}", field))
    if violations:
        rejected = replace(
            decide(Pass.VERIFICATION, current, original, (), violations), after_hash=original.content_hash()
        )
        return _take_back(state, rejected) | _blame_edits(state, stood, violations)
    digest = current.content_hash()
    accepted = Decision(
        pass_=Pass.VERIFICATION,
        action=Action.APPLIED,
        reason=Reason.ACCEPTED,
        before_hash=digest,
        after_hash=digest,
    )
    if not (context.model and modelled):
        return {"decisions": [accepted]}
    attempt = 1 + count_attempts(state, Pass.VERIFICATION)
    both = state["steered"] or context.model.settings.judge_orders > 1
    judgement = await judge(original, current, context, context.model, attempt=attempt, both_orders=both)
    *before_last, last = judgement.decisions
    if judgement.accepted:
        return {"decisions": [*before_last, replace(last, action=Action.APPLIED)]}
    context.model.count_failed_attempt(Pass.VERIFICATION)
    rejected = replace(last, action=Action.REJECTED, after_hash=original.content_hash())
    update = _take_back(state, rejected) | {"attempts": {}}
    update["decisions"] = [*before_last, rejected]
    return update | {"failures": _blame_passes(state, modelled, judgement)}


def _take_back(state: PairState, rejected: Decision) -> PairState:
    """The pair as it came; the passes start over."""
    return {
        "decisions": [rejected],
        "current": state["original"],
        "findings": state["found"],
        "settled": frozenset(),
    }


def _blame_edits(state: PairState, stood: Sequence[Decision], violations: Sequence[Violation]) -> PairState:
    """What edited a field with harm in it is to blame; what the others repaired may be tried again."""
    harmed = {violation.field for violation in violations}
    every = [(decision, edit) for decision in stood for edit in decision.edits]
    # Where no edit touched the field, all are to blame: the pair must not go round and round.
    guilty = [(d, e) for d, e in every if e.field in harmed or None in harmed] or every
    failures = state["failures"]
    for pass_ in {decision.pass_ for decision, _ in guilty if decision.generation is not None}:
        failures = add_failure(failures, pass_, violations[0].detail, times=MAX_FAILURES)
    barred = frozenset(edit.kind for decision, edit in guilty if decision.generation is None)
    return {"barred": state["barred"] | barred, "failures": failures}


def _blame_passes(state: PairState, modelled: frozenset[Pass], judgement: Judgement) -> dict[Pass, tuple[str, ...]]:
    """The failures after a verdict: the blamed pass is told and may try again; without one, or after a second refusal,
    no rewrite of a model is tried any more."""
    refusals = sum(d.pass_ is Pass.VERIFICATION and d.action is Action.REJECTED for d in state["decisions"])
    words = f"A reviewer preferred the pair as it was: {judgement.reasons}"[:LONGEST_REASONS]
    failures = state["failures"]
    if judgement.blamed in modelled and refusals < MAX_REFUSALS - 1:
        return add_failure(failures, judgement.blamed, words)
    for pass_ in REWRITING_PASSES:
        failures = add_failure(failures, pass_, words, times=MAX_FAILURES)
    return failures


async def revert(state: PairState, _: PairContext) -> PairState:
    """Back to the last accepted text, which without a model is the original: nothing of the rewrite is left."""
    return {"current": state["original"], "findings": state["found"], "attempts": {}}


def sum_up(state: PairState) -> PairResult:
    """The outcome of a pair, and what became of each finding."""
    original, final = state["original"], state["current"]
    decisions = tuple(state["decisions"])
    outcome = pair_outcome(original, final, decisions)
    if outcome is Outcome.UNCHANGED and (failed := find_failed_passes(decisions)):
        decisions += (_note_no_usable_reply(original, decisions, failed),)
    return PairResult(
        original=original,
        final=final,
        outcome=outcome,
        decisions=decisions,
        findings=tuple(log_findings(state)),
    )


def _note_no_usable_reply(original: InstructionPair, decisions: Sequence[Decision], failed: Sequence[Pass]) -> Decision:
    """Why a pair is unchanged of which a model was asked, and which nobody can therefore take for looked at."""
    last = {decision.pass_: decision.reason for decision in decisions}
    digest = original.content_hash()
    return Decision(
        pass_=Pass.ROUTE,
        action=Action.SKIPPED,
        reason=Reason.NO_USABLE_REPLY,
        detail=", ".join(f"{pass_}: {last[pass_]}" for pass_ in failed),
        before_hash=digest,
        after_hash=digest,
    )


def log_findings(state: PairState) -> list[LoggedFinding]:
    """Repaired, open, or gone along with another repair. What was taken back is open again."""
    stands = {index for index, _ in standing(state["decisions"])}
    repaired = [(finding, index) for finding, index in state["repaired"] if index in stands]
    logged = [LoggedFinding(finding, FindingStatus.REPAIRED, index) for finding, index in repaired]
    logged += [LoggedFinding(finding, FindingStatus.OPEN) for finding in state["findings"]]
    accounted = Counter(finding.identity for finding in [*(finding for finding, _ in repaired), *state["findings"]])
    for finding in state["found"]:
        if accounted[finding.identity]:
            accounted[finding.identity] -= 1
        else:
            logged.append(LoggedFinding(finding, FindingStatus.DISMISSED))
    return logged
