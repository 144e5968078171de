"""A model answers questions, turn by turn, each answer in the log before the next turn is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from midb.agent.engines.protocol import CallFailed, EngineDown, FinishReason, Message, Sampling, TextRequest
from midb.agent.model.batches import ask_all
from midb.agent.model.calls import Model, read_finish
from midb.agent.model.tasks import Task
from midb.domain.decisions import Pass
from midb.evaluation.models.questions import Question

#: Tokens of an answer, unless another number is asked for: what MT-Bench gives.
MOST_TOKENS = 1024

#: What the failure of a question is called that the budget was too short for.
UNASKED = "unasked"

_THOUGHTS = re.compile(r"\s*<think>.*?</think>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """One turn's answer.

    :param finish: why it ended; one that was cut off is judged as it is, and counted.
    """

    text: str
    finish: FinishReason

    @property
    def whole(self) -> bool:
        """Whether it ended by itself."""
        return self.finish in (FinishReason.STOP, FinishReason.STOP_STRING)


@dataclass(frozen=True, slots=True)
class AnswerTurns:
    """A model's answers to one question; fewer than its turns where a call failed, and then ``failure`` is its code.

    :param failure: ``UNASKED`` where the budget was too short for it.
    :param generations: rows of its replies in the store.
    """

    question: Question
    turns: tuple[Answer, ...]
    failure: str = ""
    generations: tuple[int, ...] = ()


async def answer_questions(
    model: Model,
    questions: Sequence[Question],
    *,
    most_tokens: int = MOST_TOKENS,
    adapter: str = "",
    done: Callable[[int], None] = lambda count: None,
) -> list[AnswerTurns]:
    """Ask all questions, as many at a time as the engine serves. None is begun once the model's budget is used up.

    :param adapter: the name of that which answers; "": the model as it is.
    :param done: is called with the number of questions that were asked.
    :raises EngineDown: where nobody is served any more. What came before is in the model's store.
    """
    answered = await ask_all(
        model, questions, lambda question: _answer(model, question, most_tokens, adapter), done=done
    )
    return [one or AnswerTurns(question, (), UNASKED) for question, one in zip(questions, answered, strict=True)]


async def _answer(model: Model, question: Question, most_tokens: int, adapter: str) -> AnswerTurns | None:
    if model.exhausted:
        return None
    messages: tuple[Message, ...] = ()
    answers: tuple[Answer, ...] = ()
    rows: tuple[int, ...] = ()
    for turn in question.turns:
        messages = (*messages, Message("user", turn))
        request = TextRequest(messages=messages, room=most_tokens, sampling=Sampling(), adapter=adapter)
        try:
            generation = await model.generate(Task(pass_=Pass.EVALUATION, request=request, nonce="", sections=()))
        except EngineDown:
            raise
        except CallFailed as error:
            return AnswerTurns(question, answers, error.code, rows)
        rows += (generation.id,)
        thoughts = _THOUGHTS.match(generation.completion)
        text = generation.completion[thoughts.end() :] if thoughts else generation.completion
        answers = (*answers, Answer(text.strip(), read_finish(generation)))
        messages = (*messages, Message("assistant", text.strip()))
    return AnswerTurns(question, answers, generations=rows)
