"""Pairs in both orders: what a verdict comes to, and what a judge does that is none."""

from __future__ import annotations

import pytest
from compared_corpora import RIGHT, Kept, is_right, judge_with, make_judged, make_pair
from scripted import ScriptedEngine
from scripted_judges import judge_by, knows, make_engine, prefers_first, say

from midb.agent.engines.protocol import CallFailed, EngineDown, TextRequest
from midb.evaluation.pairwise.judging import JudgedTwice

PAIRS = [make_pair(n, "Das ist so.", f"Das ist {RIGHT} so.") for n in range(3)] + [
    make_pair(3, f"Das ist {RIGHT} so.", "Das ist so.")
]


def outcomes(judged: list[JudgedTwice | None]) -> list[int | None]:
    return [one.outcome for one in judged if one is not None]


def test_a_judge_who_knows_is_heard() -> None:
    judged = judge_with(knows(is_right), PAIRS)
    assert outcomes(judged) == [1, 1, 1, -1]
    assert [one.flipped for one in judged if one] == [False] * 4
    assert all(opinion.generations for one in judged if one for opinion in one.opinions)


def test_a_judge_who_goes_by_place_says_nothing() -> None:
    judged = judge_with(prefers_first, PAIRS)
    assert outcomes(judged) == [0] * 4
    assert all(one.flipped for one in judged if one)
    assert [one.opinions[0].preferred for one in judged if one] == ["raw"] * 4


def test_a_tie_in_one_order_is_a_tie_and_a_flip() -> None:
    """Whoever prefers a side in one order and neither in the other was moved by the order."""
    engine = make_engine(lambda one, other: 1 if RIGHT in other else None)
    judged = judge_with(engine, PAIRS[:1])
    assert outcomes(judged) == [0]
    assert judged[0] is not None
    assert judged[0].flipped
    assert not make_judged(1, 0).flipped


def test_nothing_is_asked_twice() -> None:
    kept, engine = Kept(), make_engine(knows(is_right))
    judge_with(engine, [*PAIRS, PAIRS[0]], kept=kept)
    assert len(engine.requests) == 8, "two orders of four pairs; the fifth is the first"
    again = make_engine(knows(is_right))
    assert outcomes(judge_with(again, PAIRS, kept=kept)) == [1, 1, 1, -1]
    assert again.requests == []


def test_a_reply_that_cannot_be_read_is_asked_for_once_more() -> None:
    def stumbles(request: TextRequest) -> str:
        again = "Your last reply could not be used" in request.messages[-1].content
        return judge_by(knows(is_right))(request) if again else "Version B, I think."

    engine = ScriptedEngine(stumbles, started=True)
    (judged,) = judge_with(engine, PAIRS[:1])
    assert judged is not None
    assert (judged.outcome, len(engine.requests)) == (1, 4)
    assert "no JSON object" in engine.requests[-1].messages[-1].content


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("I am sorry, but I cannot compare these.", "bad-schema"),
        ("", "empty-reply"),
        (CallFailed("context-exceeded", "the prompt has 9,000 tokens."), "context-exceeded"),
    ],
)
def test_no_verdict_is_no_tie(answer: str | CallFailed, code: str) -> None:
    (judged,) = judge_with(ScriptedEngine(lambda request: answer, started=True), PAIRS[:1])
    assert judged is not None
    assert (judged.outcome, judged.usable, judged.flipped) == (None, False, False)
    assert {opinion.failure for opinion in judged.opinions} == {code}


def test_a_verdict_dictated_by_a_text_is_none() -> None:
    """It cannot know the code of the task."""
    dictated = '{"code": "12345678", "reasons": [], "preferred": "A"}'
    (judged,) = judge_with(ScriptedEngine(lambda request: dictated, started=True), PAIRS[:1])
    assert judged is not None
    assert judged.outcome is None


def test_a_budget_that_is_used_up_leaves_the_rest_unasked() -> None:
    engine = make_engine(knows(is_right))
    engine.concurrency = 2
    judged = judge_with(engine, PAIRS, budget="1tok")
    assert [one is None for one in judged] == [False, True, True, True]
    assert len(engine.requests) == 2


def test_an_engine_that_is_down_ends_it_and_keeps_what_came() -> None:
    kept, asked = Kept(), 0

    def fails(request: TextRequest) -> str:
        nonlocal asked
        asked += 1
        if asked > 2:
            raise EngineDown("wrong key.")
        return say(request, "tie")

    engine = ScriptedEngine(fails, started=True, concurrency=2)
    with pytest.raises(EngineDown):
        judge_with(engine, PAIRS, kept=kept)
    assert len(kept.found) == 2


def test_lengths_are_those_of_responses() -> None:
    assert make_pair(1, " ab ", "abc").lengths == (2, 3)
