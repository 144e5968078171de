"""One example: the messages of a pass as a run sends them, and the reply that is to be learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from midb.agent.engines.protocol import FinishReason, Message, TextRequest
from midb.agent.model.replies import ReplyError, parse_rewrite
from midb.agent.model.sections import SAME, lay_out, make_tag
from midb.agent.model.tasks import Task, rewriting_task
from midb.domain.decisions import Pass
from midb.domain.defects import Finding
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.prompts import PromptSet
from midb.training.data.revision import Revision


class ExampleKind(StrEnum):
    """What an example teaches."""

    REVISION = "revision"  # what somebody made of a pair
    UNCHANGED = "unchanged"  # a clean pair is left alone
    DEFECT = "defect"  # a defect that was put in is taken out again, and nothing else changes


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingExample:
    """What a pass is asked, and the reply that is to be learnt.

    :param name: of the record and what was done to it, for people.
    :param row: see ``Revision.row``.
    :param before: the pair that the prompt shows; ``target`` the pair that the reply makes of it.
    :param defect: the kind of the defect that was put in; empty where none was.
    """

    name: str
    row: str
    language: str
    pass_: Pass
    kind: ExampleKind
    request: TextRequest
    completion: str
    nonce: str
    sections: tuple[Field, ...]
    before: InstructionPair
    target: InstructionPair
    source: InstructionPair | None = None
    defect: str = ""

    @property
    def messages(self) -> tuple[Message, ...]:
        """What is asked."""
        return self.request.messages


class UnsuitableError(Exception):
    """A pair of texts that makes no example; the message says why, for a count."""


def make_example(
    revision: Revision,
    kind: ExampleKind,
    prompts: PromptSet,
    *,
    findings: Sequence[Finding] = (),
    defect: str = "",
) -> TrainingExample:
    """Make the example of a revision, by the code that asks and reads in a run.

    :param findings: what the prompt tells of the pair.
    :raises UnsuitableError: where no reply can say what the revision did.
    """
    task = rewriting_task(
        prompts,
        revision.pass_,
        revision.raw,
        locale=load(revision.language),
        source=revision.source,
        findings=findings,
    )
    completion = lay_out_target(task, revision.raw, revision.revised)
    try:
        read = parse_rewrite(completion, FinishReason.STOP, revision.raw, task.sections, task.nonce)
    except ReplyError as error:
        raise UnsuitableError(f"no reply can say it: {error.reason}") from None
    if not _same_words(read, revision.revised):
        raise UnsuitableError("it changes a field that the pass is not shown")
    return TrainingExample(
        name=revision.name,
        row=revision.row,
        language=revision.language,
        pass_=revision.pass_,
        kind=kind,
        request=task.request,
        completion=completion,
        nonce=task.nonce,
        sections=task.sections,
        before=revision.raw,
        target=read,
        source=revision.source,
        defect=defect,
    )


def lay_out_target(task: Task, before: InstructionPair, target: InstructionPair) -> str:
    """The reply that makes ``target`` of ``before``: texts that stay are left out, as the prompt allows."""
    texts = [
        (field.value, SAME if _strip(before, field) == _strip(target, field) else _strip(target, field))
        for field in task.sections
    ]
    if all(text == SAME for _, text in texts):
        return f"{SAME}\n{make_tag('end', task.nonce)}"
    return lay_out(texts, task.nonce)


def _same_words(one: InstructionPair, other: InstructionPair) -> bool:
    return all(_strip(one, field) == _strip(other, field) for field in Field)


def _strip(pair: InstructionPair, field: Field) -> str:
    return (pair.text(field) or "").strip()
