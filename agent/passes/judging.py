"""The verdict: the model compares original and rewrite, not told which is which, and only a clear yes is one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from midb.agent.engines.protocol import Sampling
from midb.agent.model.asking import ask
from midb.agent.model.calls import Model, read_finish
from midb.agent.model.replies import ReplyError, Side, parse_verdict
from midb.agent.model.tasks import verdict_task
from midb.agent.state import MAX_FAILURES, PairContext
from midb.domain.decisions import Action, Decision, Pass, Reason
from midb.domain.hashing import digest
from midb.domain.pairs import InstructionPair

#: How the second of two verdicts that do not agree begins, in the log.
DISAGREED = "preferred in one order only"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of asking: the decisions taken, whether the rewrite stands, and else who is to blame and why."""

    decisions: tuple[Decision, ...]
    accepted: bool
    blamed: Pass | None = None
    reasons: str = ""


def side_of_rewrite(original: InstructionPair, rewrite: InstructionPair, salt: str) -> Side:
    """On which side the rewrite is shown: random over pairs, the same each time for one pair and salt."""
    drawn = digest("side", salt, original.content_hash(), rewrite.content_hash())
    return Side.A if int(drawn[:8], 16) % 2 else Side.B


async def judge(
    original: InstructionPair,
    rewrite: InstructionPair,
    context: PairContext,
    model: Model,
    *,
    attempt: int,
    both_orders: bool,
) -> Judgement:
    """Ask for a verdict; with ``both_orders`` twice, the sides changed, and then both must accept.

    A judge who likes one side, whatever stands there, accepts nothing then. Fail closed: a verdict that cannot be read,
    after one retry, or that there is none of, accepts nothing either.
    """
    first = side_of_rewrite(original, rewrite, model.settings.salt)
    other = Side.B if first is Side.A else Side.A
    decisions: tuple[Decision, ...] = ()
    for side in (first, other) if both_orders else (first,):
        judgement = await _judge_once(original, rewrite, context, model, side, attempt + len(decisions))
        decisions += judgement.decisions
        if not judgement.accepted:
            if side is not first:
                *before_last, last = decisions
                decisions = (*before_last, replace(last, detail=f"{DISAGREED}; {last.detail}"))
            return replace(judgement, decisions=decisions)
    return Judgement(decisions, True)


async def _judge_once(
    original: InstructionPair, rewrite: InstructionPair, context: PairContext, model: Model, side: Side, attempt: int
) -> Judgement:
    versions = (rewrite, original) if side is Side.A else (original, rewrite)
    failures: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    while len(failures) < MAX_FAILURES:
        task = verdict_task(
            model.settings.prompts, *versions, locale=context.locale, source=context.source, failures=failures,
            sampling=Sampling(temperature=0.0, seed=model.settings.sampling.seed),
        )  # fmt: skip
        decision, generation = await ask(model, task, rewrite, attempt + len(decisions), Action.SKIPPED)
        if generation is None:
            return Judgement((*decisions, decision), False, reasons=decision.detail)
        try:
            verdict = parse_verdict(generation.completion, read_finish(generation), task.nonce)
        except ReplyError as error:
            model.count_failed_attempt(Pass.VERIFICATION)
            failures += (str(error),)
            unusable = replace(decision, reason=Reason.VERDICT_UNUSABLE, detail=f"{error.reason}: {error}")
            decisions += (unusable,)
            continue
        shown = f"rewrite shown as {side}, seed {model.settings.salt[:12]}"
        against = verdict.against(side)
        if verdict.accepts(side):
            accepted = replace(decision, reason=Reason.ACCEPTED, detail=shown + (f"; {against}" if against else ""))
            return Judgement((*decisions, accepted), True)
        refused = replace(
            decision,
            reason=Reason.NOT_PREFERRED,
            detail=f"{shown}; preferred {verdict.preferred or 'neither'}; {against}",
        )
        # Blame goes with what is wrong with the version that is not preferred.
        blamed = verdict.blamed if verdict.preferred is not side else None
        return Judgement((*decisions, refused), False, blamed, against or "the original was not found worse")
    return Judgement(decisions, False, reasons="there was no usable verdict")
