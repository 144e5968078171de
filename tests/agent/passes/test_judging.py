"""The verdict on a rewrite: only a clear yes is one, and a no goes back to whom it blames."""

from __future__ import annotations

import asyncio

import pytest
import scripted
from scripted import Answer, ScriptedEngine
from scripted_pairs import BETTER, PAIR, Script, Through, rewrite_in

from midb.agent.engines.protocol import CallFailed, FinishReason, TextReply, TextRequest
from midb.agent.model.calls import Model
from midb.agent.model.replies import Side
from midb.agent.model.settings import ModelSettings
from midb.agent.passes.judging import DISAGREED, Judgement, judge, side_of_rewrite
from midb.agent.state import PairContext
from midb.detectors import KindSelection
from midb.domain.decisions import Action, Outcome, Pass, Reason
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load


def test_a_refusal_goes_back_to_the_blamed_pass_with_its_reasons(through: Through) -> None:
    bad = BETTER.replace("rot.", "violett.")

    def answer(request: TextRequest) -> Answer:
        if scripted.pass_of(request) == "verification":
            a, b = scripted.versions(request)
            if "violett" not in a + b:
                return scripted.prefer(request, BETTER)
            side, other = ("A", "B") if "violett" in a else ("B", "A")
            reasons = ((side, "major", "It is not violet in the evening."),)
            return scripted.verdict(request, other, blamed="content", reasons=reasons)
        if scripted.pass_of(request) == "content":
            told = "not violet" in request.messages[1].content
            return scripted.reply(request, response=BETTER if told else bad)
        return scripted.left_alone(request)

    result = through(PAIR, answer)
    assert result.final.response == BETTER
    assert [d.reason.value for d in result.decisions if d.pass_ is Pass.VERIFICATION] == [
        "not-preferred", "accepted", "accepted",
    ]  # fmt: skip


def test_after_two_refusals_the_original_stands(through: Through) -> None:
    result = through(PAIR, rewrite_in("content", BETTER, prefers=PAIR.response))
    assert result.final == PAIR
    assert result.outcome is Outcome.REVERTED
    verdicts = [d for d in result.decisions if d.pass_ is Pass.VERIFICATION]
    assert 1 <= len(verdicts) <= 2
    assert all(d.action is Action.REJECTED for d in verdicts)


@pytest.mark.parametrize("verdict", ["", "yes", '{"accept": true}', "truncated"])
def test_no_usable_verdict_is_no_acceptance(through: Through, verdict: str) -> None:
    def answer(request: TextRequest) -> Answer:
        if scripted.pass_of(request) == "verification":
            whole = scripted.prefer(request, BETTER)
            return TextReply(text=whole, finish_reason=FinishReason.LENGTH) if verdict == "truncated" else verdict
        return rewrite_in("content", BETTER)(request)

    result = through(PAIR, answer)
    assert result.final == PAIR
    assert [d.reason for d in result.decisions if d.pass_ is Pass.VERIFICATION] == [Reason.VERDICT_UNUSABLE] * 2


# -- the sides ---------------------------------------------------------------------------------------------------------


def rewrites(count: int) -> list[InstructionPair]:
    """Some rewrites of the pair."""
    return [PAIR.replaced({Field.RESPONSE: f"{BETTER} {n}"}) for n in range(count)]


def test_the_side_is_drawn_by_pair_and_salt_and_the_same_each_time() -> None:
    drawn = [side_of_rewrite(PAIR, rewrite, "salt") for rewrite in rewrites(200)]
    assert drawn == [side_of_rewrite(PAIR, rewrite, "salt") for rewrite in rewrites(200)]
    assert 60 < drawn.count(Side.A) < 140, "neither side is preferred"
    assert drawn != [side_of_rewrite(PAIR, rewrite, "another") for rewrite in rewrites(200)]


def ask_for_verdict(
    through: Through, answer: Script, *, both_orders: bool = False, attempt: int = 1
) -> tuple[Judgement, list[TextRequest]]:
    """What comes of judging the better pair, and what was asked."""

    async def go() -> Judgement:
        engine = ScriptedEngine(answer)
        await engine.start()
        model = Model(engine, through.store, ModelSettings(prompts=through.prompts))
        context = PairContext(load("de"), None, KindSelection.parse(), frozenset(Pass), through.identifier, model)
        rewrite = PAIR.replaced({Field.RESPONSE: BETTER})
        judgement = await judge(PAIR, rewrite, context, model, attempt=attempt, both_orders=both_orders)
        requests.extend(engine.requests)
        return judgement

    requests: list[TextRequest] = []
    return asyncio.run(go()), requests


def test_a_clear_yes_is_one_decision(through: Through) -> None:
    judgement, asked = ask_for_verdict(through, lambda request: scripted.prefer(request, BETTER))
    assert judgement.accepted
    (decision,) = judgement.decisions
    assert (decision.reason, decision.action) == (Reason.ACCEPTED, Action.SKIPPED), "the node says what it does"
    assert "rewrite shown as" in decision.detail
    assert (len(asked), asked[0].sampling.temperature) == (1, 0.0)


def test_in_both_orders_both_must_accept(through: Through) -> None:
    judgement, asked = ask_for_verdict(through, lambda request: scripted.prefer(request, BETTER), both_orders=True)
    assert judgement.accepted
    first, second = ([BETTER in version for version in scripted.versions(request)] for request in asked)
    assert sorted(first) == [False, True]
    assert second == first[::-1]
    assert [decision.attempt for decision in judgement.decisions] == [1, 2]
    always_a, asked = ask_for_verdict(through.fresh(), lambda r: scripted.verdict(r, "A"), both_orders=True)
    assert not always_a.accepted, "one of the orders shows the original there"
    if len(asked) > 1:
        assert always_a.decisions[-1].detail.startswith(DISAGREED)


@pytest.mark.parametrize("side", ["A", "B"])
def test_a_judge_of_one_side_accepts_nothing_unless_asked_in_one_order(through: Through, side: str) -> None:
    """Over many pairs: in one order it accepts half of them."""

    def answer(request: TextRequest) -> str:
        if scripted.pass_of(request) == "verification":
            return scripted.verdict(request, side)
        return str(rewrite_in("content", BETTER)(request))

    def improved(orders: int) -> int:
        taken = (through.fresh()(PAIR, answer, salt=str(salt), judge_orders=orders) for salt in range(12))
        return sum(result.outcome is Outcome.IMPROVED for result in taken)

    assert improved(2) == 0
    assert 0 < improved(1) < 12


def test_a_no_blames_the_pass_only_where_the_rewrite_is_not_preferred(through: Through) -> None:
    def refuse(request: TextRequest) -> str:
        side, other = ("A", "B") if BETTER in scripted.versions(request)[0] else ("B", "A")
        return scripted.verdict(request, other, blamed="content", reasons=((side, "major", "It is worse."),))

    judgement, _ = ask_for_verdict(through, refuse)
    assert (judgement.accepted, judgement.blamed, judgement.reasons) == (False, Pass.CONTENT, "major: It is worse.")
    assert judgement.decisions[-1].reason is Reason.NOT_PREFERRED

    def contradict(request: TextRequest) -> str:
        """Prefers the rewrite, and holds something grave against it."""
        side = "A" if BETTER in scripted.versions(request)[0] else "B"
        return scripted.verdict(request, side, blamed="content", reasons=((side, "critical", "It is awful."),))

    judgement, _ = ask_for_verdict(through.fresh(), contradict)
    assert (judgement.accepted, judgement.blamed) == (False, None)


def test_an_unusable_verdict_is_asked_for_once_more_and_told_why(through: Through) -> None:
    replies = ["yes", None]

    def answer(request: TextRequest) -> str:
        return replies.pop(0) or scripted.prefer(request, BETTER)

    judgement, asked = ask_for_verdict(through, answer, attempt=4)
    assert judgement.accepted
    assert [(d.reason, d.attempt) for d in judgement.decisions] == [
        (Reason.VERDICT_UNUSABLE, 4), (Reason.ACCEPTED, 5),
    ]  # fmt: skip
    assert "no JSON object" in asked[1].messages[1].content
    judgement, asked = ask_for_verdict(through.fresh(), lambda request: "yes")
    assert (judgement.accepted, judgement.reasons, len(asked)) == (False, "there was no usable verdict", 2)


def test_no_reply_is_no_acceptance(through: Through) -> None:
    judgement, _ = ask_for_verdict(through, lambda request: CallFailed("bad-reply", "nothing came"))
    assert not judgement.accepted
    assert judgement.reasons == "bad-reply: nothing came"
