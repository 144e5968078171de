"""What comparing two models would take, by what a sample of the questions took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from midb.audit.generation_rows import ReplyCosts
from midb.domain.errors import MidbError
from midb.evaluation.models.answering import UNASKED, AnswerTurns
from midb.evaluation.models.comparing import SIDES, pair_up
from midb.evaluation.pairwise.comparing import extrapolate, extrapolate_costs
from midb.evaluation.pairwise.judging import JudgedPair, JudgedTwice

#: What some replies took, by their rows.
SpentOn = Callable[[Sequence[int]], ReplyCosts]


def forecast_models(
    answers: Sequence[Sequence[AnswerTurns]],
    judge: Callable[[Sequence[JudgedPair]], Sequence[JudgedTwice | None]],
    *,
    questions: int,
    spent_on: SpentOn,
    at_once: Mapping[str, int],
) -> dict[str, Any]:
    """Calls, tokens and seconds of both models and of the judge for so many questions; each low, expected, high.

    :param answers: of the baseline and of the candidate, to the sampled questions.
    :param judge: judges pairs of answers; those that are the same are not judged, as later.
    :param at_once: by model, what it is asked about at the same time; the judge's is known once it was asked.
    :raises MidbError: where the budget was too short for the sample.
    """
    sampled = len(answers[0])
    if any(one.failure == UNASKED for side in answers for one in side):
        raise MidbError("the budget is used up before the sample was answered.", hint="A larger --budget, or none.")
    models = forecast_answers(
        dict(zip(SIDES, answers, strict=True)), questions=questions, spent_on=spent_on, at_once=at_once
    )
    pairs, _ = pair_up(answers[0], answers[1])
    differing = [pair for _, pair in pairs if pair.versions[0][1] != pair.versions[1][1]]
    judged = judge(differing) if differing else []
    if None in judged:
        raise MidbError("the budget is used up before the sample was judged.", hint="A larger --budget, or none.")
    rows: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for one in judged:
        if one is not None:
            name = one.pair.item.rpartition(" turn ")[0]
            rows[name, one.pair.language] += [number for opinion in one.opinions for number in opinion.generations]
    # A question whose answers are the same takes no judgement: it counts as nought.
    spent = [spent_on(rows[answered.question.name, answered.question.language]) for answered in answers[0]]
    models["judge"] = {
        "calls": extrapolate([one.calls for one in spent], questions),
        **extrapolate_costs(spent, questions, at_once.get("judge", 1), calls=2),
    }
    return {"event": "forecast", "sampled": sampled, "questions": questions, "models": models}


def forecast_answers(
    answers: Mapping[str, Sequence[AnswerTurns]], *, questions: int, spent_on: SpentOn, at_once: Mapping[str, int]
) -> dict[str, dict[str, list[int]]]:
    """Calls, tokens and seconds by model for so many questions, by what some of them took."""
    found = {}
    for role, answered in answers.items():
        spent = [spent_on(one.generations) for one in answered]
        found[role] = {
            "calls": extrapolate([one.calls for one in spent], questions),
            **extrapolate_costs(spent, questions, at_once.get(role, 1)),
        }
    return found
