"""One question to the model, as a decision: what was asked, which row answers, or why there is no answer."""

from __future__ import annotations

from functools import partial

from midb.agent.engines.protocol import CallFailed
from midb.agent.model.calls import Model
from midb.agent.model.tasks import Task
from midb.domain.decisions import Action, Decision, Reason
from midb.domain.generations import Generation
from midb.domain.pairs import InstructionPair


async def ask(
    model: Model, task: Task, pair: InstructionPair, attempt: int, action: Action
) -> tuple[Decision, Generation | None]:
    """Ask, and begin the decision on ``pair`` that rests on the reply; without one the decision says why.

    The reply is not looked at yet: the decision has ``action`` and is the caller's to fill in.
    """
    digest = pair.content_hash()
    begun = partial(
        Decision,
        pass_=task.pass_,
        action=action,
        attempt=attempt,
        before_hash=digest,
        after_hash=digest,
        prompt_hash=task.prompt_hash,
    )
    try:
        generation = await model.generate(task)
    except CallFailed as error:
        reason = Reason.CONTEXT_EXCEEDED if error.code == "context-exceeded" else Reason.ENGINE_FAILED
        return begun(reason=reason, detail=f"{error.code}: {error.message}"[:300]), None
    return begun(reason=Reason.ENGINE_FAILED, generation=generation.id), generation
