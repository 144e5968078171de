"""A rewriting pass with a model: ask, read the reply, hold the rewrite against the pair. Nothing is believed."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

from midb.agent.model.asking import ask
from midb.agent.model.calls import Model, read_finish
from midb.agent.model.replies import ReplyError, parse_rewrite
from midb.agent.model.tasks import rewriting_task
from midb.agent.state import MAX_FAILURES, PairContext, PairState, add_failure, count_attempts
from midb.checks.bounds import BOUNDS, STRICT
from midb.checks.model_checks import check_model_rewrite
from midb.domain.decisions import Action, Decision, Pass, Reason, rewrite_kind
from midb.domain.defects import Finding
from midb.domain.edits import Edit
from midb.domain.pairs import InstructionPair
from midb.text.diffs import find_edits

#: Characters of the system part that, repeated in a reply, show that the model was made to tell it.
LEAKED = 60

#: What stands before the reasons against a rewrite that was held to the closest bounds.
STEERED = "the pair tries to steer its reader, so that hardly anything may change"

#: Characters of what was wrong with a rewrite that are logged, and told to the retry.
LONGEST_DETAIL = 1000


async def ask_model(pass_: Pass, state: PairState, context: PairContext, model: Model) -> PairState:
    """One attempt of a pass on the pair as it is."""
    before, failures = state["current"], state["failures"].get(pass_, ())
    task = rewriting_task(
        model.settings.prompts_of(pass_), pass_, before,
        locale=context.locale, source=context.source, findings=state["findings"], failures=failures,
        sampling=model.settings.sampling, adapter=model.settings.adapter_of(pass_),
    )  # fmt: skip
    attempt = 1 + count_attempts(state, pass_)
    decision, generation = await ask(model, task, before, attempt, Action.REJECTED)
    if generation is None:
        return {"decisions": [decision], "settled": state["settled"] | {pass_}}
    try:
        after = parse_rewrite(generation.completion, read_finish(generation), before, task.sections, task.nonce)
        _refuse_leak(task.request.messages[0].content, before, after)
    except ReplyError as error:
        return _note_failure(state, replace(decision, reason=error.reason, detail=str(error)), str(error), model)
    if after == before:
        alone = replace(decision, action=Action.SKIPPED, reason=Reason.LEFT_ALONE)
        return {"decisions": [alone], "settled": state["settled"] | {pass_}}
    return _check_rewrite(pass_, state, context, model, decision, after)


def _check_rewrite(
    pass_: Pass, state: PairState, context: PairContext, model: Model, decision: Decision, after: InstructionPair
) -> PairState:
    """Hold a rewrite against the pair it was made of."""
    before = state["current"]
    edits = attribute_edits(
        [edit for field, text in before.texts() for edit in find_edits(text, after.text(field) or "", field)],
        state["findings"],
        pass_,
    )
    found = context.inspect(after)
    bounds = STRICT if state["steered"] else BOUNDS[pass_]
    violations = check_model_rewrite(
        context.inspection(before), context.inspection(after), edits, (state["findings"], found), bounds
    )
    if violations:
        words = "; ".join([STEERED] * state["steered"] + [violation.detail for violation in violations])[
            :LONGEST_DETAIL
        ]
        rejected = replace(decision, reason=violations[0].reason, detail=words, edits=tuple(edits))
        return _note_failure(state, rejected, words, model)
    applied = replace(
        decision,
        action=Action.APPLIED,
        reason=Reason.REWRITTEN,
        detail=", ".join(sorted({edit.kind for edit in edits})),
        after_hash=after.content_hash(),
        edits=tuple(edits),
    )
    index = len(state["decisions"])
    return {
        "decisions": [applied],
        "settled": state["settled"] | {pass_},
        "current": after,
        "findings": found,
        "repaired": [(finding, index) for finding in _find_mended(state["findings"], found, edits)],
    }


def _note_failure(state: PairState, decision: Decision, words: str, model: Model) -> PairState:
    """An attempt that came to nothing: the retry is told what was wrong with it."""
    pass_ = decision.pass_
    model.count_failed_attempt(pass_)
    failures = add_failure(state["failures"], pass_, words)
    update: PairState = {"decisions": [decision], "failures": failures}
    if len(failures[pass_]) >= MAX_FAILURES:
        update["settled"] = state["settled"] | {pass_}
    return update


def _refuse_leak(system: str, before: InstructionPair, after: InstructionPair) -> None:
    """Raise where a rewrite repeats a passage of the model's own instructions that the pair did not hold."""
    if after == before:
        return
    reply = "\n".join(text for _, text in after.texts())
    passages, halves = _cut_into_passages(system)
    if not any(half in reply for half in halves):
        return
    for passage in passages:
        if passage in reply and not any(passage in text for _, text in before.texts()):
            raise ReplyError(Reason.PROMPT_LEAKED, "The reply repeats its own instructions.")


@functools.lru_cache(maxsize=128)
def _cut_into_passages(system: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The passages of a system part that are looked for, each of which begins in the middle of the one before; and
    halves of them, one of which is in each passage: thousands of replies are held against the same few."""
    half = LEAKED // 2
    passages = [system[start : start + LEAKED] for start in range(0, len(system) - LEAKED, half)]
    halves = [system[start : start + half] for start in range(0, len(system) - half + 1, LEAKED)]
    return tuple(passages), tuple(halves)


def attribute_edits(edits: Sequence[Edit], findings: Sequence[Finding], pass_: Pass) -> list[Edit]:
    """Edits with the kind of the gravest finding they touch, of the pass's own family; else named after the pass."""

    def kind_of(edit: Edit) -> str:
        touched = [
            finding
            for finding in findings
            if finding.family is pass_.family and finding.field is edit.field and _touches(edit, finding)
        ]
        return max(touched, key=lambda f: f.severity.rank).kind if touched else rewrite_kind(pass_)

    return [replace(edit, kind=kind_of(edit)) for edit in edits]


def _touches(edit: Edit, finding: Finding) -> bool:
    return edit.start <= finding.end and finding.start <= edit.end


def _find_mended(old: Sequence[Finding], new: Sequence[Finding], edits: Sequence[Edit]) -> list[Finding]:
    """The findings that are gone and at whose place something was edited."""
    left = [finding.identity for finding in new]
    mended = []
    for finding in old:
        if finding.identity in left:
            left.remove(finding.identity)
        elif any(edit.field is finding.field and _touches(edit, finding) for edit in edits):
            mended.append(finding)
    return mended
