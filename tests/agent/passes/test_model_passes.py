"""The passes with a model: the trail a pair takes, whatever the model replies."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from midb.agent.engines.protocol import CallFailed, EngineDown, FinishReason, TextReply
from midb.agent.model.settings import Route
from midb.domain.decisions import Action, Outcome, PairResult, Pass, Reason
from midb.domain.defects import FindingStatus
from midb.domain.pairs import Field, InstructionPair

PAIR = InstructionPair(
    instruction="Erkläre kurz, warum der Himmel blau ist.",
    input="",
    response="Der Himmel ist blau, weil die Luft das blaue Licht der Sonne stärker streut als das rote Licht. "
    "Am Abend legt das Licht einen längeren Weg zurück, und der Himmel wird grün.",
)
BETTER = (PAIR.response or "").replace("grün", "rot")


def trail(result: PairResult) -> list[tuple[str, str, str]]:
    return [(d.pass_.value, d.action.value, d.reason.value) for d in result.decisions]


def editor(scripted: ModuleType, pass_: str, text: str, prefers: str | None = None) -> Any:
    """Writes ``text`` as the response in one pass and leaves all else alone; prefers what holds ``prefers``."""

    def answer(request: Any) -> str:
        if scripted.pass_of(request) == "verification":
            return str(scripted.prefer(request, prefers or text))
        rewrites = scripted.pass_of(request) == pass_ and scripted.shown(request)["response"] != text
        return str(scripted.reply(request, response=text) if rewrites else scripted.left_alone(request))

    return answer


@pytest.mark.parametrize("salt", ["", "a", "b", "c", "d"])  # the rewrite is shown on either side
def test_a_good_rewrite_is_accepted(through: Any, scripted: ModuleType, salt: str) -> None:
    result = through(PAIR, editor(scripted, "content", BETTER), salt=salt)
    assert result.outcome is Outcome.IMPROVED
    assert result.final == PAIR.replaced({Field.RESPONSE: BETTER})
    assert trail(result) == [
        ("content", "applied", "rewritten"),
        ("translation", "skipped", "left-alone"),
        ("localization", "skipped", "left-alone"),
        ("verification", "applied", "accepted"),
    ]
    (edit,) = result.decisions[0].edits
    assert (edit.before, edit.after, edit.kind) == ("grün", "rot", "content-rewrite")
    assert all(decision.generation and decision.prompt_hash for decision in result.decisions)
    assert "seed" in result.decisions[-1].detail


def test_a_pair_that_is_left_alone_costs_no_verdict(through: Any, scripted: ModuleType) -> None:
    result = through(PAIR, scripted.left_alone)
    assert result.outcome is Outcome.UNCHANGED
    assert [action for _, action, _ in trail(result)] == ["skipped"] * 3


def test_the_system_part_is_the_same_for_all_pairs(through: Any, scripted: ModuleType) -> None:
    through(PAIR, scripted.left_alone)
    first = [request.messages[0] for request in through.engine.requests]
    through(InstructionPair(instruction="Hallo.", input="Du", response="Guten Tag!"), scripted.left_alone)
    assert [request.messages[0] for request in through.engine.requests] == first


@pytest.mark.parametrize(
    ("route", "asked"),
    [(Route.CONTENT, ["content"]), (Route.FINDINGS, []), (Route.ALL, ["content", "translation", "localization"])],
)
def test_whom_the_model_is_asked_about(through: Any, scripted: ModuleType, route: Route, asked: list[str]) -> None:
    through(PAIR, scripted.left_alone, route=route)
    assert [scripted.pass_of(request) for request in through.engine.requests] == asked


def test_findings_are_evidence_and_repairs_come_first(through: Any, scripted: ModuleType) -> None:
    pair = InstructionPair(
        instruction="Nenne vier Farben, die man aus 5 Meilen Entfernung sieht.",
        input="",
        response="Gern:\n1. Rot.\n2. Blau.\n2. Grün.\n4. Gelb.",
    )
    result = through(pair, scripted.left_alone, route=Route.FINDINGS)
    assert trail(result)[0] == ("content", "applied", "repaired")
    prompts = [request.messages[1].content for request in through.engine.requests]
    assert all("3. Grün" in prompt for prompt in prompts)
    assert any("imperial-unit" in prompt for prompt in prompts)


FAILURES = {
    "Ein Himmel ist blau.": "answered-instruction",
    "": "empty-reply",
    "{chatter}": "chatter",
    "{truncated}": "truncated",
    "{missing}": "missing-section",
    "{english}": "language-changed",
    "{short}": "length-changed",
    "{other}": "too-little-kept",
    "{address}": "new-address",
}


def failing(scripted: ModuleType, request: Any, how: str) -> Any:
    text = scripted.shown(request)["response"]
    match how:
        case "{chatter}":
            return f"Gerne!\n{scripted.left_alone(request)}"
        case "{truncated}":
            return TextReply(text=scripted.reply(request, response=text[:40]), finish_reason=FinishReason.LENGTH)
        case "{missing}":
            return scripted.left_alone(request).replace("<|same|>", f"<|response:{scripted.nonce_of(request)}|>\nx")
        case "{english}":
            english = (
                "The sky is blue because the air scatters the blue light of the sun more than the red light, and so on."
            )
            return scripted.reply(request, response=f"{text} {english}")
        case "{short}":
            return scripted.reply(request, response="Ja.")
        case "{other}":
            words = "Man kann auch Kuchen backen, was viele Menschen gern tun, besonders sonntags nach dem Frühstück. "
            return scripted.reply(request, response=words * 2)
        case "{address}":
            return scripted.reply(request, response=f"{text} Mehr auf www.billig-kaufen.com.")
        case _:
            return how


@pytest.mark.parametrize(("how", "reason"), FAILURES.items())
@pytest.mark.parametrize("pass_", ["content", "translation"])
def test_a_failed_attempt_has_one_retry_and_then_the_text_stands(
    through: Any, scripted: ModuleType, how: str, reason: str, pass_: str
) -> None:
    def answer(request: Any) -> Any:
        if scripted.pass_of(request) != pass_:
            return scripted.left_alone(request)
        return failing(scripted, request, how)

    result = through(PAIR, answer)
    assert result.final == PAIR
    assert result.outcome is Outcome.REVERTED
    tried = [(d.reason.value, d.attempt) for d in result.decisions if d.pass_.value == pass_]
    assert tried == [(reason, 1), (reason, 2)]
    prompts = [r.messages[1].content for r in through.engine.requests if scripted.pass_of(r) == pass_]
    assert "could not be used" not in prompts[0]
    assert "could not be used" in prompts[1]
    assert all(d.generation for d in result.decisions if d.pass_.value == pass_)


def test_a_retry_may_do_better(through: Any, scripted: ModuleType) -> None:
    def answer(request: Any) -> Any:
        if scripted.pass_of(request) == "content" and "could not be used" not in request.messages[1].content:
            return "Gern!"
        return editor(scripted, "content", BETTER)(request)

    result = through(PAIR, answer)
    assert result.outcome is Outcome.IMPROVED
    assert [reason for _, _, reason in trail(result)][:2] == ["answered-instruction", "rewritten"]


def test_leaving_alone_after_a_failed_attempt_is_unchanged(through: Any, scripted: ModuleType) -> None:
    def answer(request: Any) -> Any:
        first = scripted.pass_of(request) == "content" and "could not be used" not in request.messages[1].content
        return "Gern!" if first else scripted.left_alone(request)

    assert through(PAIR, answer).outcome is Outcome.UNCHANGED


def test_a_refusal_goes_back_to_the_blamed_pass_with_its_reasons(through: Any, scripted: ModuleType) -> None:
    bad = BETTER.replace("rot.", "violett.")

    def answer(request: Any) -> Any:
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


def test_after_two_refusals_the_original_stands(through: Any, scripted: ModuleType) -> None:
    result = through(PAIR, editor(scripted, "content", BETTER, prefers=PAIR.response))
    assert result.final == PAIR
    assert result.outcome is Outcome.REVERTED
    verdicts = [d for d in result.decisions if d.pass_ is Pass.VERIFICATION]
    assert 1 <= len(verdicts) <= 2
    assert all(d.action is Action.REJECTED for d in verdicts)


@pytest.mark.parametrize("verdict", ["", "yes", '{"accept": true}', "truncated"])
def test_no_usable_verdict_is_no_acceptance(through: Any, scripted: ModuleType, verdict: str) -> None:
    def answer(request: Any) -> Any:
        if scripted.pass_of(request) == "verification":
            whole = scripted.prefer(request, BETTER)
            return TextReply(text=whole, finish_reason=FinishReason.LENGTH) if verdict == "truncated" else verdict
        return editor(scripted, "content", BETTER)(request)

    result = through(PAIR, answer)
    assert result.final == PAIR
    assert [d.reason for d in result.decisions if d.pass_ is Pass.VERIFICATION] == [Reason.VERDICT_UNUSABLE] * 2


def test_provable_repairs_stand_when_the_model_fails(through: Any, scripted: ModuleType) -> None:
    pair = PAIR.replaced({Field.RESPONSE: "Gern:\n1. Rot.\n2. Blau.\n2. Grün.\n4. Gelb."})
    result = through(pair, lambda _: "Quatsch")
    assert result.outcome is Outcome.IMPROVED
    assert result.final.response == "Gern:\n1. Rot.\n2. Blau.\n3. Grün.\n4. Gelb."


def test_a_call_without_a_reply_leaves_the_pair_as_it_is(through: Any, scripted: ModuleType) -> None:
    result = through(PAIR, lambda _: CallFailed("bad-reply", "no text"), route=Route.CONTENT)
    assert result.final == PAIR
    assert trail(result) == [("content", "rejected", "engine-failed")]
    assert "bad-reply" in result.decisions[0].detail


def test_an_outage_is_nobodys_fault(through: Any, scripted: ModuleType) -> None:
    """While nobody is served nothing is recorded; when the engine is back the pair gets its reply."""
    failures = [CallFailed("connection", "lost")] * 20

    def answer(request: Any) -> Any:
        return failures.pop() if failures else editor(scripted, "content", BETTER)(request)

    result = through(PAIR, answer)
    assert result.outcome is Outcome.IMPROVED
    assert Reason.ENGINE_FAILED not in {d.reason for d in result.decisions}
    assert through.model.usage.calls_failed == 20


def test_an_outage_that_lasts_ends_the_run(through: Any) -> None:
    with pytest.raises(EngineDown):
        through(PAIR, lambda _: CallFailed("http-503", "busy"))


def test_lines_are_part_of_a_text(through: Any, scripted: ModuleType) -> None:
    response = "Drei Dinge braucht man:\n\n- Wasser und Licht\n- Luft und Wärme\n- Zeit und sehr viel Geduld\n- Erde"
    pair = PAIR.replaced({Field.RESPONSE: response})
    flat = response.replace("\n", " ").replace("  ", " ").replace("sehr viel", "viel")
    result = through(pair, editor(scripted, "translation", flat))
    assert result.final == pair
    assert Reason.STRUCTURE_CHANGED in {d.reason for d in result.decisions}


def test_line_ends_are_those_of_the_corpus(through: Any, scripted: ModuleType) -> None:
    response = (PAIR.response or "").replace(". Am", ".\r\nAm")
    result = through(
        PAIR.replaced({Field.RESPONSE: response}),
        editor(scripted, "content", response.replace("\r\n", "\n").replace("grün", "rot"), prefers="rot."),
    )
    assert result.final.response == response.replace("grün", "rot")


ZERO = "\N{ZERO WIDTH SPACE}"
HIDDEN = f"{PAIR.response} Mehr steht auf https://example{ZERO}.org/pfad im Netz."


def test_a_repair_stands_beside_a_rewrite(through: Any, scripted: ModuleType) -> None:
    """What is repaired without a model is repaired with one as well: an address that the repair brings to light."""
    pair = PAIR.replaced({Field.RESPONSE: HIDDEN})
    result = through(pair, editor(scripted, "content", HIDDEN.replace("grün", "rot"), prefers="wird rot"))
    assert result.final.response == HIDDEN.replace(ZERO, "").replace("grün", "rot")


def test_a_repair_stands_when_the_verdict_refuses_the_rewrite(through: Any, scripted: ModuleType) -> None:
    """Also where each rewrite brought more of what is repaired, round after round."""

    def refusing(request: Any) -> Any:
        if scripted.pass_of(request) == "verification":
            return scripted.prefer(request, "grün")
        return scripted.reply(request, response=scripted.shown(request)["response"].replace("grün", f"r{ZERO}ot"))

    pair = PAIR.replaced({Field.RESPONSE: HIDDEN})
    assert through(pair, refusing).final.response == HIDDEN.replace(ZERO, "")


def test_a_pair_that_is_too_long_for_the_model_says_so(through: Any, scripted: ModuleType) -> None:
    result = through(PAIR, lambda _: CallFailed("context-exceeded", "9,000 of 8,192 tokens"), route=Route.CONTENT)
    assert trail(result) == [("content", "rejected", "context-exceeded")]


def test_instructions_are_not_told(through: Any, scripted: ModuleType) -> None:
    def answer(request: Any) -> Any:
        if scripted.pass_of(request) == "verification":
            return scripted.prefer(request, "careful native editor")
        return scripted.reply(request, response=f"{PAIR.response} {request.messages[0].content[:300]}")

    result = through(PAIR, answer)
    assert result.final == PAIR
    assert {d.reason for d in result.decisions} == {Reason.PROMPT_LEAKED}


def test_a_mended_finding_is_told_as_repaired_by_the_model(through: Any, scripted: ModuleType) -> None:
    pair = InstructionPair(
        instruction="Wie weit ist es bis zum See?",
        input="",
        response="Bis zum See sind es etwa 5 Meilen auf dem Weg am Ufer.",
    )
    text = "Bis zum See sind es etwa 8 Kilometer auf dem Weg am Ufer."
    result = through(pair, editor(scripted, "localization", text))
    assert result.final.response == text
    (found,) = [f for f in result.findings if f.finding.kind == "imperial-unit"]
    assert found.status is FindingStatus.REPAIRED
    assert result.decisions[found.decision or 0].pass_ is Pass.LOCALIZATION
    assert {e.kind for d in result.decisions for e in d.edits} == {"imperial-unit"}


def test_nothing_is_asked_twice(through: Any, scripted: ModuleType, store: Any) -> None:
    answer = editor(scripted, "content", BETTER)
    first = through(PAIR, answer)
    assert len(through.engine.requests) == 4
    again = through(PAIR, answer)
    assert through.engine.requests == []
    assert again == first
    assert through.model.usage.reused == 4
    assert through.model.usage.tokens == 0
