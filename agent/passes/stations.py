"""The other nodes: diagnose, route, verify, revert, record."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from langgraph.runtime import Runtime

from midb.agent.routing import next_pass, repairable
from midb.agent.state import PairContext, PairState
from midb.decisions import (
    Action,
    Decision,
    LoggedFinding,
    PairResult,
    Pass,
    Reason,
    Violation,
    decide,
    pair_outcome,
    standing,
)
from midb.defects import Finding, FindingStatus
from midb.detectors import kinds
from midb.verification import check_rewrite


async def diagnose(state: PairState, runtime: Runtime[PairContext]) -> PairState:
    """Find what is wrong with the pair as it came."""
    found = runtime.context.inspect(state["original"])
    return {
        "current": state["original"],
        "found": found,
        "findings": found,
        "attempts": {},
        "barred": frozenset(),
    }


async def route(state: PairState, runtime: Runtime[PairContext]) -> PairState:
    """Log why a pair visits no pass; the passes themselves log why they were visited."""
    if next_pass(state, runtime.context):
        return {}
    reason = Reason.NOTHING_REPAIRABLE if state["findings"] else Reason.NOTHING_FOUND
    digest = state["original"].content_hash()
    skipped = Decision(station=Pass.ROUTE, action=Action.SKIPPED, reason=reason, before_hash=digest, after_hash=digest)
    return {"decisions": [skipped]}


async def verify(state: PairState, runtime: Runtime[PairContext]) -> PairState:
    """Hold the whole rewritten pair against its original, and make sure that a second run would change nothing."""
    context, original, current = runtime.context, state["original"], state["current"]
    stages = [decision.edits for _, decision in standing(state["decisions"])]
    violations = check_rewrite(
        context.inspection(original), context.inspection(current), stages, (state["found"], state["findings"]), kinds()
    )
    left = [f for f in repairable(state["findings"], state["barred"]) if Pass(f.family.value) in context.passes]
    for name, field in sorted({(finding.kind, finding.field) for finding in left}):
        violations.append(Violation(Reason.NOT_IDEMPOTENT, f"{field.value}: repairs do not settle: {name}", field))
    if violations:
        # The kinds that edited a field with harm in it are to blame; what the others repair may be tried again.
        harmed = {violation.field for violation in violations}
        edits = [edit for stage in stages for edit in stage]
        blamed = {edit.kind for edit in edits if edit.field in harmed or None in harmed}
        return {
            "decisions": [replace(decide(Pass.VERIFICATION, current, original, (), violations),
                                  after_hash=original.content_hash())],
            "current": original,
            "findings": state["found"],
            "barred": state["barred"] | blamed,
        }  # fmt: skip
    digest = current.content_hash()
    accepted = Decision(
        station=Pass.VERIFICATION,
        action=Action.APPLIED,
        reason=Reason.ACCEPTED,
        before_hash=digest,
        after_hash=digest,
    )
    return {"decisions": [accepted]}


async def revert(state: PairState) -> PairState:
    """Back to the last accepted text, which without a model is the original: nothing of the rewrite is left."""
    return {"current": state["original"], "findings": state["found"], "attempts": {}}


async def record(state: PairState) -> PairState:
    """Sum up: the outcome, and what became of each finding."""
    original, final = state["original"], state["current"]
    decisions = tuple(state["decisions"])
    return {
        "result": PairResult(
            original=original,
            final=final,
            outcome=pair_outcome(original, final, decisions),
            decisions=decisions,
            findings=tuple(log_findings(state)),
        )
    }


def log_findings(state: PairState) -> list[LoggedFinding]:
    """Repaired, open, or gone along with another repair. What was reverted is open again."""
    stands = {index for index, _ in standing(state["decisions"])}
    repaired = [(finding, index) for finding, index in state.get("repaired", []) if index in stands]
    logged = [LoggedFinding(finding, FindingStatus.REPAIRED, index) for finding, index in repaired]
    logged += [LoggedFinding(finding, FindingStatus.OPEN) for finding in state["findings"]]
    accounted = Counter(map(_identity, [finding for finding, _ in repaired] + state["findings"]))
    for finding in state["found"]:
        if accounted[_identity(finding)]:
            accounted[_identity(finding)] -= 1
        else:
            logged.append(LoggedFinding(finding, FindingStatus.DISMISSED))
    return logged


def _identity(finding: Finding) -> tuple[str, str, str]:
    return finding.kind, finding.field.value, finding.evidence
