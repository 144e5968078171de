"""Two models by their answers: a pair for each turn, figures of each turn and language."""

from __future__ import annotations

import json

from compared_corpora import RIGHT, is_right, judge_with
from scripted_judges import knows, prefers_longer

from midb.agent.engines.protocol import FinishReason
from midb.evaluation.models.answering import Answer, AnswerTurns
from midb.evaluation.models.comparing import compare_models, pair_up
from midb.evaluation.models.questions import Question

STOP = FinishReason.STOP


def make(name: str, *texts: str, finish: FinishReason = STOP, failure: str = "") -> AnswerTurns:
    question = Question(name, "de", name, ("Eins?", "Zwei?"))
    return AnswerTurns(question, tuple(Answer(text, finish) for text in texts), failure)


def test_a_version_shows_what_its_own_side_said_before() -> None:
    pairs, failed = pair_up([make("q", "a", "b")], [make("q", "c", "d")])
    assert [turn for turn, _ in pairs] == [1, 2]
    (_, base), (_, cand) = pairs[1][1].versions
    assert (base.input, base.response, cand.input, cand.response) == ("Answer to 1: a", "b", "Answer to 1: c", "d")
    assert base.instruction == cand.instruction == "1. Eins?\n\n2. Zwei?"
    assert pairs[0][1].versions[0][1].input is None
    assert not failed


def test_a_turn_that_one_side_did_not_answer_is_counted() -> None:
    pairs, failed = pair_up([make("q", "a", "b")], [make("q", "c", failure="timeout")])
    assert ([turn for turn, _ in pairs], failed) == ([1], {"timeout": 1})


def test_figures_by_turn() -> None:
    """The candidate is right in the first turn, and the baseline in the second."""
    baseline = [make(f"q {n}", "so", f"{RIGHT} so") for n in range(24)]
    candidate = [make(f"q {n}", f"{RIGHT} so", "so") for n in range(24)]
    # What a judge is shown of the second turn has the first answers as well: this one looks at the responses.
    figures, judged = compare_models(
        baseline, candidate,
        lambda pairs: judge_with(knows(lambda text: is_right(text.strip().rpartition("\n")[2])), pairs),
        about={"candidate": "c", "baseline": "b", "judge": "j"}, resamples=100,
    )  # fmt: skip
    assert json.loads(json.dumps(figures)) == figures
    first, second = figures["turns"]
    assert [(turn["groups"][0]["win"], turn["groups"][0]["loss"]) for turn in (first, second)] == [(24, 0), (0, 24)]
    assert "Turn 2: Worse than before: de (Holm, 1 tests, 5 %)." in figures["notes"]
    assert len(judged) == 48


def test_the_same_answers_need_no_judge() -> None:
    same = [make(f"q {n}", "so", "auch") for n in range(3)]

    def refuse(pairs: object) -> list[None]:
        raise AssertionError("a judge was asked")

    figures, judged = compare_models(same, same, refuse, about={}, resamples=100)
    assert [turn["groups"][0]["same"] for turn in figures["turns"]] == [3, 3]
    assert judged == []


def test_answers_that_were_cut_off_are_said() -> None:
    cut = [make(f"q {n}", "so und", "so", finish=FinishReason.LENGTH) for n in range(2)]
    whole = [make(f"q {n}", "so", "auch so") for n in range(2)]
    figures, _ = compare_models(whole, cut, lambda pairs: judge_with(prefers_longer, pairs), about={}, resamples=100)
    assert any("4 answers of the candidate did not end by themselves" in note for note in figures["notes"])
