"""What two models and a judge would take, from a sample: a question without judgement counts as nought."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from compared_corpora import judge_with
from scripted_judges import prefers_first

from midb.agent.engines.protocol import FinishReason
from midb.audit.generation_rows import ReplyCosts
from midb.domain.errors import MidbError
from midb.evaluation.models.answering import UNASKED, Answer, AnswerTurns
from midb.evaluation.models.forecasting import forecast_models
from midb.evaluation.models.questions import Question
from midb.evaluation.pairwise.judging import JudgedPair, JudgedTwice


def spend(rows: Sequence[int]) -> ReplyCosts:
    """Each reply took ten tokens in, two out, and a second."""
    return ReplyCosts(len(rows), 10 * len(rows), 2 * len(rows), float(len(rows)))


def answer(number: int, text: str, language: str = "de") -> AnswerTurns:
    question = Question(f"q {number}", language, str(number), (f"Frage {number}?",))
    return AnswerTurns(question, (Answer(text, FinishReason.STOP),), generations=(number,))


def judge(pairs: Sequence[JudgedPair]) -> Sequence[JudgedTwice | None]:
    return judge_with(prefers_first, pairs)


def test_all_questions_by_a_sample_of_them() -> None:
    baseline = [answer(number, "Ja.") for number in range(4)]
    candidate = [answer(number, "Ja." if number % 2 else f"Nein {number}.") for number in range(4)]
    found = forecast_models(
        [baseline, candidate], judge, questions=40, spent_on=spend, at_once={"baseline": 2, "candidate": 4, "judge": 1}
    )
    assert (found["sampled"], found["questions"]) == (4, 40)
    models = found["models"]
    assert models["baseline"]["calls"] == models["candidate"]["calls"] == [40, 40, 40]
    assert models["baseline"]["prompt_tokens"] == [400, 400, 400]
    assert (models["baseline"]["seconds"][1], models["candidate"]["seconds"][1]) == (20, 10)
    low, expected, high = models["judge"]["calls"]
    assert expected == 40, "half of the answers are the same, the others are judged twice"
    assert low < expected < high


def test_the_same_name_in_two_languages_is_two_questions() -> None:
    sides = [[answer(1, text, code) for code in ("de", "fr")] for text in ("Ja.", "Nein.")]
    assert forecast_models(sides, judge, questions=2, spent_on=spend, at_once={})["models"]["judge"]["calls"] == [4] * 3


def test_a_budget_too_short_for_the_sample_is_said() -> None:
    asked, unasked = answer(1, "Ja."), AnswerTurns(answer(1, "").question, (), UNASKED)
    with pytest.raises(MidbError, match="before the sample was answered"):
        forecast_models([[asked], [unasked]], judge, questions=9, spent_on=spend, at_once={})
    with pytest.raises(MidbError, match="before the sample was judged"):
        forecast_models([[asked], [answer(1, "x")]], lambda pairs: [None], questions=9, spent_on=spend, at_once={})
