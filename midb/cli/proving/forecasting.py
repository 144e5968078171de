"""What a proof would take: counted, with nothing trained and nobody asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from midb.agent.engines.protocol import Message
from midb.evaluation.proving.assembling import list_comparisons
from midb.evaluation.proving.folder import ProofFolder
from midb.evaluation.proving.lessons import Lessons
from midb.training.tuning.batching import BatchOrder, cut_batches

if TYPE_CHECKING:
    from midb.evaluation.models.questions import Question
    from midb.training.tuning.settings import TuningSettings


def forecast(
    lessons: Lessons,
    questions: Sequence[Question],
    sides: Sequence[str],
    seeds: Sequence[int],
    settings: TuningSettings,
    encoder: Any,
    folder: ProofFolder,
    *,
    most_tokens: int,
    judged: bool,
) -> dict[str, Any]:
    """Examples, steps and tokens of the trainings, and calls. What is done already is counted as done.

    Tokens that are read and written are those of answers; a verdict reads both of them, and the rules of a judge.
    """
    rooms = [pair.room for pair in lessons.train]
    order = BatchOrder(cut_batches(rooms, settings.batch_tokens, settings.seed), settings.epochs, settings.seed)
    steps = math.ceil(len(order) / settings.accumulate)
    if settings.max_steps and steps > settings.max_steps:
        steps = settings.max_steps
    batches = list(order)[: steps * settings.accumulate]
    students = len(sides) * len(seeds)
    done = sum(folder.find_student(side, seed) is not None for side in sides for seed in seeds)
    turns = sum(len(question.turns) for question in questions)
    asked = sum(len(encoder.encode_chat([Message("user", turn)])) for question in questions for turn in question.turns)
    return {
        "event": "forecast", **_count(lessons), "students": students, "trained": done, "steps_each": steps,
        "tokens_each": sum(rooms[number] for batch in batches for number in batch),
        "questions": len(questions), "answers": students * turns, "answer_prompt_tokens": students * asked,
        "answer_tokens_at_most": students * turns * most_tokens,
        "verdicts_at_most": 2 * len(list_comparisons(sides)) * len(seeds) * turns if judged else 0,
    }  # fmt: skip


def _count(lessons: Lessons) -> dict[str, Any]:
    described = lessons.describe()
    return {
        name: described[name]
        for name in ("pairs", "differing", "train", "train_differing", "train_rows", "held_out", "held_out_rows")
    }


def describe(found: Mapping[str, Any]) -> str:
    """The forecast as lines."""
    done = f", {found['trained']:,} of them trained already" if found["trained"] else ""
    verdicts = (
        f"; at most {found['verdicts_at_most']:,} verdicts" if found["verdicts_at_most"] else "; no judge is named"
    )
    return "\n".join(
        [
            f"corpus      {found['pairs']:,} pairs, {found['differing']:,} of them changed by the boosting",
            f"examples    {found['train']:,} to learn ({found['train_differing']:,} of them changed), "
            f"{found['held_out']:,} held out, of {found['train_rows']:,} and {found['held_out_rows']:,} rows",
            f"trainings   {found['students']:,} students{done}, each of {found['steps_each']:,} steps and about "
            f"{found['tokens_each']:,} tokens",
            f"calls       {found['answers']:,} answers to {found['questions']:,} questions; {verdicts}",
            f"tokens      {found['answer_prompt_tokens']:,} in, at most {found['answer_tokens_at_most']:,} out, for "
            "the answers",
            "Nothing was trained, and nobody was asked.",
        ]
    )
