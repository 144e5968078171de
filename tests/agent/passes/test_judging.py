"""The verdict on a rewrite: only a clear yes is one, and a no goes back to whom it blames."""

from __future__ import annotations

import pytest
import scripted
from scripted import Answer
from scripted_pairs import BETTER, PAIR, Through, rewrite_in

from midb.agent.engines.protocol import FinishReason, TextReply, TextRequest
from midb.domain.decisions import Action, Outcome, Pass, Reason


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
    assert [d.reason.value for d in result.decisions if d.pass_ is Pass.VERIFICATION] == ["not-preferred", "accepted"]


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
